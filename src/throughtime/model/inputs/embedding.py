"""Embedding: the input layer of ids, a vector for each."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import check_fraction, check_positive


class Embedding(nn.Module):
    """x = E[id], with dropout.

    Args:
        vocabulary_size: V.
        size: the features of one vector.
        dropout: the fraction of features that are dropped in training.
        scale: the standard deviation of the vectors at first; large ones saturate units, which then select by the
            symbol what becomes of the state.

    Attributes:
        weight: E, `[V, size]`; a head may share it.
        output_size: `size`.

    Raises:
        UserError: a size or the scale is not positive, or the dropout is no fraction.
    """

    def __init__(self, vocabulary_size: int, size: int, dropout: float = 0.0, scale: float = 1.0) -> None:
        check_positive(vocabulary_size=vocabulary_size, size=size, scale=scale)
        check_fraction(dropout=dropout)
        super().__init__()
        self.weight = nn.Parameter(scale * torch.randn(vocabulary_size, size))
        self.dropout = nn.Dropout(dropout)
        self.output_size = size

    def forward(self, inputs: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape I"]:
        return self.dropout(functional.embedding(inputs, self.weight))
