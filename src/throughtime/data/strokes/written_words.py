"""Written words: the words of Python's own documentation under random hands, without a file."""

import re
import string
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from throughtime.data.base import DataPart
from throughtime.data.fractions import SPLIT_NAMES
from throughtime.data.strokes.hand import FONTS, Hand
from throughtime.data.strokes.ink import Ink
from throughtime.errors import UserError, check_choice, check_positive, check_seed

SHORTEST = 2
"""Letters of the shortest word."""

TENTH = 10

LETTERS = tuple(string.ascii_lowercase)
"""The symbols of the words, whether or not a part has all of them."""


class WrittenWords(DataPart):
    """Words in small letters, each written by one of many random hands; a function of its arguments alone.

    The words are those of the topics of Python's `help()`. A tenth of them is for validation, a tenth for the test,
    and so are a tenth of the hands each: no word and no hand is in two parts. An ink is a word of its part drawn
    uniformly, in a hand of its part, with letters and points that differ in every ink.

    Args:
        train, val, test: the inks of each part.
        hands: the number of hands; at least 10.
        longest: letters of the longest word.
        fonts: those that a hand may have (`throughtime.data.strokes.hand.FONTS`).
        word_seed: of words, hands and inks; it is not the seed of the run.

    Raises:
        UserError: an argument is out of its range.
    """

    def __init__(
        self,
        train: int = 4000,
        val: int = 400,
        test: int = 400,
        hands: int = 200,
        longest: int = 8,
        fonts: Sequence[str] = FONTS,
        word_seed: int = 1,
    ) -> None:
        counts = {"train": train, "val": val, "test": test}
        check_positive(**{f"data.source.{name}": count for name, count in counts.items()})
        for font in fonts:
            check_choice(FONTS, **{"data.source.fonts": font})
        if not fonts:
            raise UserError("data.source.fonts=[] leaves no font; name print, cursive or both")
        if hands < TENTH:
            raise UserError(
                f"data.source.hands={hands} must be at least {TENTH}, so that each part has a hand"
            )
        if longest < SHORTEST:
            raise UserError(f"data.source.longest={longest} must be at least {SHORTEST} letters")
        self.counts = counts
        self.hands = hands
        self.longest = longest
        self.fonts = tuple(fonts)
        self.word_seed = check_seed(word_seed)

    def words(self, split: str) -> list[str]:
        """The different words of a part."""
        fitting = [word for word in _vocabulary() if len(word) <= self.longest]
        order = np.random.default_rng(self.word_seed).permutation(len(fitting))
        return sorted(fitting[place] for place in _part(order, split))

    def inks(self, split: str) -> list[Ink]:
        """The inks of a part, each with the facts `label`, its word, and `writer`, its hand."""
        part = SPLIT_NAMES.index(split)
        words = self.words(split)
        numbers = _part(np.arange(self.hands), split)
        writers = [
            Hand.draw(np.random.default_rng((self.word_seed, 0, number)), self.fonts) for number in numbers
        ]
        inks = []
        for number in range(self.counts[split]):
            generator = np.random.default_rng((self.word_seed, 1, part, number))
            word, writer = words[generator.integers(len(words))], int(generator.integers(len(writers)))
            ink = writers[writer].write(word, generator, f"hand {numbers[writer] + 1}")
            name = f"{split} {number + 1}"
            inks.append(ink._replace(name=name, place=f"the written word {word!r} ({name})"))
        return inks

    def state(self) -> dict[str, Any]:
        """The arguments that make this source again, in plain values."""
        return self.counts | {
            "hands": self.hands,
            "longest": self.longest,
            "fonts": list(self.fonts),
            "word_seed": self.word_seed,
        }


def _part(numbers: np.ndarray, split: str) -> np.ndarray:
    """The last tenth for the test, the tenth before it for validation, all others for training."""
    tenth = max(len(numbers) // TENTH, 1)
    cuts = {"train": (0, -2 * tenth), "val": (-2 * tenth, -tenth), "test": (-tenth, None)}
    return numbers[slice(*cuts[split])]


@cache
def _vocabulary() -> tuple[str, ...]:
    """The different words in small letters, of running text and not of code, in the order of the alphabet."""
    from pydoc_data.topics import topics

    beside = r"[\w'`.(=\\-]"
    found = re.findall(rf"(?<!{beside})[a-z]{{{SHORTEST},}}(?!{beside})", " ".join(topics.values()))
    return tuple(sorted(set(found)))
