"""Words over a finite group: the product of all elements so far, at every step."""

import math
from itertools import permutations

import numpy as np

from throughtime.data.synthetic.rule import Examples, Rule
from throughtime.errors import check_choice

GROUPS = ("S3", "A5", "S5")


class GroupWords(Rule):
    """y_t = x_t y_{t-1}, y_0 = 1, of elements of S3, A5 or S5 drawn uniformly: state tracking.

    S3 is solvable. The word problems of A5 and S5 are complete for NC1 (Barrington 1989), and a linear recurrence with
    diagonal matrices stays within TC0, which is believed to be smaller (Merrill, Petty & Sabharwal 2024, arXiv
    2404.08819).

    Args:
        group: `S3` (6 elements), `A5` (60) or `S5` (120).
    """

    def __init__(self, group: str = "S5") -> None:
        check_choice(GROUPS, **{"data.rule.group": group})
        self.group = group
        elements = [one for one in permutations(range(int(group[1]))) if group[0] == "S" or _is_even(one)]
        numbers = {one: number for number, one in enumerate(elements)}
        self.products = np.array(
            [[numbers[tuple(a[place] for place in b)] for b in elements] for a in elements], dtype=np.int64
        )
        self.input_sizes = self.output_sizes = {"vocabulary_size": len(elements)}

    def draw(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        words = generator.integers(0, len(self.products), (length, batch_size))
        targets = words.copy()
        for step in range(1, length):
            targets[step] = self.products[words[step], targets[step - 1]]
        return Examples(words, targets)

    def memoryless_loss(self, length: int) -> float:
        """(T - 1) / T ln |G|: the first product is the first element, and all others are uniform."""
        return (length - 1) / length * math.log(len(self.products))


def _is_even(permutation: tuple[int, ...]) -> bool:
    inversions = sum(a > b for place, a in enumerate(permutation) for b in permutation[place + 1 :])
    return inversions % 2 == 0
