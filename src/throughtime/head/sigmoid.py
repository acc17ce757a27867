"""Sigmoid head: several labels that may hold at once."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import UserError, check_choice, check_fraction, check_positive
from throughtime.head.base import Head, check_class_weights, masked_mean


class Sigmoid(Head):
    """p(label k holds) = 1 / (1 + exp(-(W y + c)_k)), trained by binary cross-entropy, the mean over labels.

    With class weights the loss in training is the mean over labels of v (-w_k t_k ln p_k - (1 - t_k) ln(1 - p_k)),
    where t_k is 1 for a label that holds and 0 for one that does not, and v scales the mean weight to 1.

    Args:
        input_size: H, the features of one step or of one sequence.
        vocabulary_size: K, the labels.
        class_counts: n_k, how often each label holds in training, where that is known.
        dropout: the fraction of features that are dropped in training.
        label_smoothing: ε; in training the target is 1 - ε / 2 for a label that holds and ε / 2 for one that does not.
        class_weights: w of the labels that hold: None for 1, `balanced` for weights inverse to the counts,
            (N - n_k) / n_k, by which a label weighs as much where it holds as where it does not, or one for each label.
        examples: N, the training sequences, where their number is known.

    Attributes:
        weight: W, `[K, H]`.
        bias: c, `[K]`.

    Raises:
        UserError: a size is not positive, the dropout or smoothing is no fraction, or weights do not fit the labels.
    """

    def __init__(
        self,
        input_size: int,
        vocabulary_size: int,
        class_counts: list[int] | None = None,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        class_weights: str | Sequence[float | int] | None = None,
        examples: int | None = None,
    ) -> None:
        check_positive(input_size=input_size, vocabulary_size=vocabulary_size)
        check_fraction(dropout=dropout, label_smoothing=label_smoothing)
        super().__init__()
        self.label_smoothing = label_smoothing
        weights = _class_weights(class_weights, class_counts, examples, vocabulary_size)
        self.register_buffer("_class_weights", weights, persistent=False)
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

        Label smoothing and class weights count in training alone, so that measured losses are cross-entropies.

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
        if self.training and self.label_smoothing:
            targets = targets * (1 - self.label_smoothing) + self.label_smoothing / 2
        losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        if self.training and self._class_weights is not None:
            true, false = self._class_weights.to(logits.dtype)
            losses = -true * targets * functional.logsigmoid(logits)
            losses = losses - false * (1 - targets) * functional.logsigmoid(-logits)
        return masked_mean(losses.mean(-1), mask)

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T K"]:
        """The log-probability that each label holds."""
        return functional.logsigmoid(self._logits(outputs))

    def _logits(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T K"]:
        return functional.linear(self.dropout(outputs), self.weight, self.bias)


def _class_weights(
    given: str | Sequence[float | int] | None, counts: list[int] | None, examples: int | None, labels: int
) -> Float[Tensor, "2 K"] | None:
    """The weight of each label where it holds and where it does not, with a mean of 1 over training; None for 1."""
    if given is None:
        return None
    known = counts is not None and examples is not None
    if isinstance(given, str):
        check_choice(["balanced"], class_weights=given)
        if not known:
            raise UserError("class_weights=balanced needs the counts of labels, which these data do not give")
        given = [max(examples - count, 1) / max(count, 1) for count in counts]
    check_class_weights(given, labels)
    weights = torch.stack([torch.tensor(given, dtype=torch.float32), torch.ones(labels)])
    if not known:
        return weights
    holds = torch.tensor(counts, dtype=torch.float32)
    return weights / (weights * torch.stack([holds, examples - holds])).sum() * (examples * labels)
