"""Sigmoid head: several labels that may hold at once."""

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import UserError, check_fraction, check_positive
from throughtime.head.base import Head, masked_mean


class Sigmoid(Head):
    """p(label k holds) = 1 / (1 + exp(-(W y + c)_k)), trained by binary cross-entropy, the mean over labels.

    Args:
        input_size: H, the features of one step or of one sequence.
        vocabulary_size: K, the labels.
        class_counts: how often each label holds in training; not used here.
        dropout: the fraction of features that are dropped in training.
        label_smoothing: ε; in training the target is 1 - ε / 2 for a label that holds and ε / 2 for one that does not.

    Attributes:
        weight: W, `[K, H]`.
        bias: c, `[K]`.

    Raises:
        UserError: a size is not positive, or the dropout or the smoothing is no fraction.
    """

    def __init__(
        self,
        input_size: int,
        vocabulary_size: int,
        class_counts: list[int] | None = None,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
    ) -> None:
        check_positive(input_size=input_size, vocabulary_size=vocabulary_size)
        check_fraction(dropout=dropout, label_smoothing=label_smoothing)
        super().__init__()
        self.label_smoothing = label_smoothing
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(vocabulary_size, input_size)))
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))

    def loss(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Shaped[Tensor, "..."],
        mask: Bool[Tensor, "*T B"] | None = None,
    ) -> Float[Tensor, ""]:
        """The mean over labels of their binary cross-entropy in nats, over targets where `mask` is true.

        Raises:
            UserError: the targets are classes, not marks `[..., K]`.
        """
        logits = self._logits(outputs)
        if targets.shape != logits.shape:
            raise UserError(
                f"head: the targets of these data are one of {len(self.bias)} classes each, not a mark for each label; "
                "choose a head for classes"
            )
        targets = targets.to(logits.dtype)
        if self.training and self.label_smoothing:  # measured losses are cross-entropies
            targets = targets * (1 - self.label_smoothing) + self.label_smoothing / 2
        losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return masked_mean(losses.mean(-1), mask)

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T K"]:
        """The log-probability that each label holds."""
        return functional.logsigmoid(self._logits(outputs))

    def _logits(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T K"]:
        return functional.linear(self.dropout(outputs), self.weight, self.bias)
