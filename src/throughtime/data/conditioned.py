"""Inputs of a model whose sequences are each conditioned on a class or on a text."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor


class Conditioned(NamedTuple):
    """Features of each step, and for each lane what its whole sequence is conditioned on.

    Attributes:
        features: `[T, B, I]`, or `[B, I]` of a single step.
        label: the class of each lane; 0 where there are no classes.
        text: the symbols of each lane, padded with 0; U = 0 where there are no texts.
        text_lengths: the symbols of each lane.
    """

    features: Float[Tensor, "*T B I"]
    label: Int[Tensor, " B"]
    text: Int[Tensor, "B U"]
    text_lengths: Int[Tensor, " B"]

    def lanes(self, chosen: slice) -> "Conditioned":
        """The inputs of some of the lanes, with texts as long as the longest of them."""
        lengths = self.text_lengths[chosen]
        longest = int(lengths.max()) if len(lengths) else 0
        return Conditioned(self.features[:, chosen], self.label[chosen], self.text[chosen, :longest], lengths)

    def between(self, start: int, stop: int) -> "Conditioned":
        """The inputs of the steps from `start` to before `stop`, with the same conditions."""
        return self._replace(features=self.features[start:stop])
