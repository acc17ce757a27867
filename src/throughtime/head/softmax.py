"""Softmax head: one of V symbols or classes at every step, or of every sequence."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import UserError, check_fraction, check_positive
from throughtime.head.base import Head

IGNORED = -100


class Softmax(Head):
    """p(symbol v) = softmax(W y + c)_v, trained by its cross-entropy.

    A tied head uses the embedding's matrix as W (Press & Wolf 2017, arXiv 1608.05859), through a linear map
    where the features and the embedding differ in size. It has no W before `tie` is called.

    Args:
        input_size: H, the features of one step.
        vocabulary_size: V.
        tied: whether W is the embedding's matrix.
        dropout: the fraction of features that are dropped in training.

    Attributes:
        weight: W, `[V, H]`, or `[V, size]` of the embedding.
        bias: c, `[V]`.

    Raises:
        UserError: a size is not positive, or the dropout is no fraction.
    """

    def __init__(
        self, input_size: int, vocabulary_size: int, tied: bool = False, dropout: float = 0.0
    ) -> None:
        check_positive(input_size=input_size, vocabulary_size=vocabulary_size)
        check_fraction(dropout=dropout)
        super().__init__()
        self.input_size = input_size
        self.tied = tied
        self.dropout = nn.Dropout(dropout)
        self.map: nn.Module = nn.Identity()
        self.weight: nn.Parameter | None = None
        if not tied:
            self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(vocabulary_size, input_size)))
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))

    def tie(self, embedding_weight: nn.Parameter) -> None:
        """Share the embedding's matrix `[V, size]`.

        Raises:
            UserError: it holds another vocabulary.
        """
        symbols, size = embedding_weight.shape
        if symbols != len(self.bias):
            raise UserError(
                f"head.tied needs one vocabulary for inputs and targets, but they have {symbols} and "
                f"{len(self.bias)} symbols; set head.tied=false"
            )
        self.weight = embedding_weight
        if size != self.input_size:
            self.map = nn.Linear(self.input_size, size, bias=False)

    def loss(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Int[Tensor, "*T B"],
        mask: Bool[Tensor, "*T B"] | None = None,
    ) -> Float[Tensor, ""]:
        """The mean of -ln p(target) in nats, over targets where `mask` is true; 0 where none is."""
        if mask is not None:
            targets = targets.masked_fill(~mask, IGNORED)
        logits = self._logits(outputs).flatten(0, -2)
        if mask is None:
            return functional.cross_entropy(logits, targets.flatten())
        total = functional.cross_entropy(logits, targets.flatten(), ignore_index=IGNORED, reduction="sum")
        return total / mask.sum().clamp(min=1)

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T V"]:
        """The log-probability of every symbol."""
        return self._logits(outputs).log_softmax(-1)

    def _logits(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T V"]:
        return functional.linear(self.map(self.dropout(outputs)), self.weight, self.bias)
