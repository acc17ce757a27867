"""Embedding of symbols in several tasks: a vector that all tasks share, and one of each task's own."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.errors import check_fraction
from throughtime.model.inputs.embedding import Embedding


class TaskEmbedding(nn.Module):
    """x = dropout([E^m[symbol] ; E^s[symbol]]) of a symbol in task m.

    The input layer of model I of Liu, Qiu & Huang 2016, arXiv 1605.05101, where one LSTM reads the texts of all tasks.

    Args:
        vocabulary_size: M · V, the ids of pairs of a task and a symbol: task · V + symbol.
        tasks: M.
        size: the features of the shared vector E^s.
        own_size: the features of the vector E^m of the task's own; None for none.
        dropout: the fraction of features that are dropped in training.

    Attributes:
        weight: None, as no head has the pairs of a task and a symbol for classes.
        shared: E^s, `[V, size]`.
        own: E^1 .. E^M, `[M V, own_size]`; None without them.
        output_size: the features of x.

    Raises:
        UserError: a size is not positive, or the dropout is no fraction.
    """

    def __init__(
        self,
        vocabulary_size: int,
        tasks: int = 1,
        size: int = 64,
        own_size: int | None = 64,
        dropout: float = 0.0,
    ) -> None:
        check_fraction(dropout=dropout)
        super().__init__()
        self.weight = None
        self.symbols = vocabulary_size // tasks
        self.shared = Embedding(self.symbols, size)
        self.own = None if own_size is None else Embedding(vocabulary_size, own_size)
        self.dropout = nn.Dropout(dropout)
        self.output_size = size + (own_size or 0)

    def forward(self, inputs: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape I"]:
        features = self.shared(inputs % self.symbols)
        if self.own is not None:
            features = torch.cat((self.own(inputs), features), -1)
        return self.dropout(features)
