"""Multi-query associative recall: values of keys, asked for later."""

import math

import numpy as np

from throughtime.data.synthetic.rule import Examples, Rule
from throughtime.errors import UserError, check_positive


class AssociativeRecall(Rule):
    """k_1 v_1 .. k_n v_n, and later each key once more among blanks, where its value is the answer.

    The gaps from the end of the pairs to the queries follow p(g) ~ g^(α - 1). Source: Arora et al. (2023), Zoology,
    arXiv 2312.04927 (MQAR). The length is T; only queries count.

    Args:
        pairs: n.
        keys: the keys that there are, of which n different ones are drawn.
        values: the values that there are, of which each key's is drawn.
        power: α; 1 for queries anywhere alike.
    """

    def __init__(self, pairs: int = 8, keys: int = 32, values: int = 32, power: float = 0.01) -> None:
        check_positive(
            **{
                "data.rule.pairs": pairs,
                "data.rule.keys": keys,
                "data.rule.values": values,
                "data.rule.power": power,
            }
        )
        if keys < pairs:
            raise UserError(
                f"data.rule.keys={keys} must be at least data.rule.pairs={pairs}, since keys differ"
            )
        self.pairs, self.keys, self.values, self.power = pairs, keys, values, power
        self.input_sizes = {"vocabulary_size": keys + values + 1}
        self.output_sizes = {"vocabulary_size": values}

    @property
    def least(self) -> int:
        return 3 * self.pairs

    def draw(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        inputs = np.full((length, batch_size), self.keys + self.values)
        targets, mask = np.zeros_like(inputs), np.zeros(inputs.shape, dtype=bool)
        context = 2 * self.pairs
        weights = np.arange(1, length - context + 1) ** (self.power - 1.0)
        values = generator.integers(0, self.values, (self.pairs, batch_size))
        inputs[1:context:2] = self.keys + values
        for lane in range(batch_size):
            keys = generator.permutation(self.keys)[: self.pairs]
            places = context + generator.choice(
                len(weights), self.pairs, replace=False, p=weights / weights.sum()
            )
            inputs[:context:2, lane] = keys
            inputs[places, lane] = keys
            targets[places, lane] = values[:, lane]
            mask[places, lane] = True
        return Examples(inputs, targets, mask)

    def memoryless_loss(self, length: int) -> float:
        """ln of the number of values."""
        return math.log(self.values)
