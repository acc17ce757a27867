"""Pooling by attention: a mean over steps whose weights are learned."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.errors import check_positive
from throughtime.model.pooling.base import Pooling
from throughtime.tree import length_mask

LARGEST = 30.0
"""The bound of a score: e^30 and its sums are far inside the range of float32, so no running maximum is needed."""


class AttentionState(NamedTuple):
    """The weighted sum of the features so far `[B, H]` and the sum of the weights `[B]`."""

    total: Float[Tensor, "*T B H"]
    weight: Float[Tensor, "*T B"]


class Attention(Pooling):
    """pooled_t = Σ_{s ≤ t} α_s y_s,  α = softmax(a_1 .. a_t),  a_s = c tanh(vᵀ tanh(W y_s + b) / c).

    After Bahdanau et al. 2015, arXiv 1409.0473, with one learned query; the scores are bounded by c = 30.

    Args:
        input_size, backward_size: as in `Pooling`.
        size: the rows of W.
    """

    def __init__(self, input_size: int, backward_size: int = 0, size: int = 64) -> None:
        check_positive(size=size)
        super().__init__(input_size, backward_size)
        self.hidden = nn.Linear(input_size, size)
        self.query = nn.Parameter(torch.zeros(size))  # zeros: training begins with the mean

    def initial_state(self, batch_size: int) -> AttentionState:
        """Nothing so far."""
        return AttentionState(
            self.query.new_zeros(batch_size, self.input_size), self.query.new_zeros(batch_size)
        )

    def prefixes(
        self, features: Float[Tensor, "T B H"], state: AttentionState
    ) -> tuple[Float[Tensor, "T B H"], AttentionState]:
        weights = self.scores(features).exp()
        total = state.total + (weights[..., None] * features).cumsum(0)
        weight = state.weight + weights.cumsum(0)
        return total / weight[..., None], AttentionState(total, weight)

    def scores(self, features: Float[Tensor, "T B H"]) -> Float[Tensor, "T B"]:
        """The score a of each step."""
        scores = (torch.tanh(self.hidden(features)) * self.query).sum(-1)
        return LARGEST * torch.tanh(scores / LARGEST)

    def weights(
        self, features: Float[Tensor, "T B H"], lengths: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, "T B"]:
        """The weight α of each step in the whole sequence; 0 after its end."""
        scores = self.scores(features)
        if lengths is not None:
            scores = scores.masked_fill(~length_mask(lengths, features.shape[0]), -torch.inf)
        return scores.softmax(0)
