"""Letters as the numbers that a model reads: ids of an alphabet, or masks of bases."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from throughtime.data.labelled.code_points import CodePoints

UNKNOWN = "<unk>"

BASES = ("A", "C", "G", "T")

CODES = {
    "A": "A",
    "C": "C",
    "G": "G",
    "T": "T",
    "U": "T",
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
    "X": "ACGT",
}
"""The bases that each letter stands for (IUPAC-IUB 1970, revised by the Nomenclature Committee of IUB 1984)."""

COMPLEMENT = dict(zip("ACGTURYSWKMBDHVNX", "TGCAAYRSWMKVHDBNX", strict=True))
"""The letter of the complementary base or bases."""


class Alphabet:
    """Ids of letters: their places in the alphabet, and one more for all other letters, `<unk>`.

    Args:
        letters: single characters, in the order of their ids.
    """

    def __init__(self, letters: Iterable[str]) -> None:
        self.letters = tuple(letters)
        self.symbols = (*self.letters, UNKNOWN)
        points = np.array([ord(letter) for letter in self.letters], dtype=np.int64)
        self._order = np.argsort(points)
        self._points = points[self._order]

    @classmethod
    def of(cls, strings: Iterable[np.ndarray]) -> "Alphabet":
        """The alphabet of all letters in some strings, in their order."""
        found: set[int] = set()
        for string in strings:
            found.update(np.unique(string).tolist())
        return cls(chr(point) for point in sorted(found))

    def ids(self, string: CodePoints) -> CodePoints:
        """The ids of a string."""
        places = np.searchsorted(self._points, string).clip(max=len(self._points) - 1)
        return np.where(self._points[places] == string, self._order[places], len(self.letters))

    def complements(self) -> CodePoints:
        """The id of the complement of each id; a letter that stands for no base, and `<unk>`, stay as they are.

        Case is kept, and U stands for T where the alphabet has no T.
        """
        numbers = {letter: number for number, letter in enumerate(self.letters)}
        found = np.arange(len(self.symbols))
        for letter, number in numbers.items():
            other = COMPLEMENT.get(letter.upper(), letter)
            if other == "T" and not {"T", "t"} & set(numbers):
                other = "U"
            other = other.lower() if letter.islower() else other
            # A complement that the alphabet lacks is unknown.
            found[number] = numbers.get(other, len(self.letters))
        return found


def masks(string: CodePoints) -> Float[np.ndarray, "n 4"]:
    """The share of each base A, C, G, T in what a letter stands for: 1/4 each for N, all 0 for no code of bases."""
    return _MASKS[np.where(string < len(_MASKS), string, 0)]


def windows(steps: Float[np.ndarray, "n F"], width: int, stride: int = 1) -> Float[np.ndarray, "T W"]:
    """The features of `width` steps, at every `stride`-th step; 0 beyond the ends.

    T is n / stride, rounded up. The window of a step t covers the `stride` steps from t * stride, and as many before
    them as after them, of an odd difference one more after them.
    """
    count = -(-len(steps) // stride)
    before = max((width - stride) // 2, 0)
    padded = np.pad(steps, ((before, width + stride), (0, 0)))
    return np.concatenate([padded[place::stride][:count] for place in range(width)], axis=1)


def _table() -> Float[np.ndarray, "128 4"]:
    table = np.zeros((128, len(BASES)), dtype=np.float32)
    for letter, bases in CODES.items():
        for case in (letter, letter.lower()):
            table[ord(case), [BASES.index(base) for base in bases]] = 1 / len(bases)
    return table


_MASKS = _table()


def unknown_share(sequences: Sequence[np.ndarray], symbols: int) -> float:
    """The share of the last of the symbols, `<unk>`, among the ids of some sequences."""
    count = sum(len(sequence) for sequence in sequences)
    return sum(int((sequence == symbols - 1).sum()) for sequence in sequences) / max(count, 1)
