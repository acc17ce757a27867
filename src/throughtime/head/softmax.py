"""Softmax head: one of V symbols or classes at every step, or of every sequence."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import UserError, check_choice, check_fraction, check_positive
from throughtime.head.base import Head, check_class_weights, masked_mean

IGNORED = -100


class Softmax(Head):
    """p(symbol v) = softmax(W y + c)_v, trained by its cross-entropy.

    With `label_sets` the symbols are those of several tasks, one set after the other, and each set has a softmax of its
    own: p(v | task of v). The loss is that of the set of the target alone.

    A tied head uses the embedding's matrix as W (Press & Wolf 2017, arXiv 1608.05859), through a linear map
    where the features and the embedding differ in size. It has no W before `tie` is called.

    Args:
        input_size: H, the features of one step.
        vocabulary_size: V.
        tied: whether W is the embedding's matrix.
        dropout: the fraction of features that are dropped in training.
        label_smoothing: ε; in training the target is (1 - ε) for the true symbol and ε / V for every symbol.
        class_weights: of the losses in training: None for all alike, `balanced` for weights inverse to the counts,
            or a weight for each symbol. They are scaled so that their mean over the training targets is 1.
        class_counts: how often training has each symbol, where that is known.
        label_sets: the number of symbols of each task, V in total; None for one task.
        examples: the training sequences, which data of several labels at once give; not used here.

    Attributes:
        weight: W, `[V, H]`, or `[V, size]` of the embedding.
        bias: c, `[V]`.

    Raises:
        UserError: a size is not positive, the dropout or smoothing is no fraction, or weights do not fit the classes.
    """

    def __init__(
        self,
        input_size: int,
        vocabulary_size: int,
        tied: bool = False,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        class_weights: str | Sequence[float | int] | None = None,
        class_counts: list[int] | None = None,
        label_sets: Sequence[int] | None = None,
        examples: int | None = None,
    ) -> None:
        check_positive(input_size=input_size, vocabulary_size=vocabulary_size)
        check_fraction(dropout=dropout, label_smoothing=label_smoothing)
        super().__init__()
        self.label_smoothing = label_smoothing
        weights = _class_weights(class_weights, class_counts, vocabulary_size)
        self.register_buffer("_class_weights", weights, persistent=False)
        self.label_sets = None if label_sets is None else list(label_sets)
        self.input_size = input_size
        self.tied = tied
        self.dropout = nn.Dropout(dropout)
        self.map: nn.Module = nn.Identity()
        self.weight: nn.Parameter | None = None
        if not tied:
            self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(vocabulary_size, input_size)))
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))

    def tie(self, embedding_weight: nn.Parameter | None) -> None:
        """Share the embedding's matrix `[V, size]`.

        Raises:
            UserError: it holds another vocabulary, or there is none.
        """
        if embedding_weight is None:
            raise UserError(
                "head.tied needs an embedding of symbols, which numbers have not; set head.tied=false"
            )
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
        """The mean of -ln p(target) in nats, over targets where `mask` is true; 0 where none is.

        Label smoothing and class weights count in training alone, so that measured losses are cross-entropies.
        """
        if self.training and (self.label_smoothing or self._class_weights is not None):
            return masked_mean(self._training_losses(outputs, targets, mask), mask)
        if self.label_sets is not None:
            safe = targets if mask is None else targets.masked_fill(~mask, 0)
            return masked_mean(-self.predict(outputs).gather(-1, safe[..., None])[..., 0], mask)
        if mask is not None:
            targets = targets.masked_fill(~mask, IGNORED)
        logits = self._logits(outputs).flatten(0, -2)
        if mask is None:
            return functional.cross_entropy(logits, targets.flatten())
        total = functional.cross_entropy(logits, targets.flatten(), ignore_index=IGNORED, reduction="sum")
        return total / mask.sum().clamp(min=1)

    def _training_losses(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Int[Tensor, "*T B"],
        mask: Bool[Tensor, "*T B"] | None,
    ) -> Float[Tensor, "*T B"]:
        """w_y [(1 - ε) (-ln p_y) + ε mean_v(-ln p_v)] of each target y, with v over the symbols of its set."""
        losses = -self.predict(outputs)
        if mask is not None:
            targets = targets.masked_fill(~mask, 0)
        smoothed = losses.gather(-1, targets[..., None])[..., 0] * (1 - self.label_smoothing)
        smoothed = smoothed + self.label_smoothing * self._set_means(losses, targets)
        return smoothed if self._class_weights is None else self._class_weights[targets] * smoothed

    def _set_means(
        self, losses: Float[Tensor, "*T B V"], targets: Int[Tensor, "*T B"]
    ) -> Float[Tensor, "*T B"]:
        """The mean of the losses over all symbols of the set of each target."""
        if self.label_sets is None:
            return losses.mean(-1)
        means = [one.mean(-1, keepdim=True).expand_as(one) for one in losses.split(self.label_sets, -1)]
        return torch.cat(means, -1).gather(-1, targets[..., None])[..., 0]

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T V"]:
        """The log-probability of every symbol, of several tasks that among the symbols of its own."""
        logits = self._logits(outputs)
        if self.label_sets is None:
            return logits.log_softmax(-1)
        return torch.cat([one.log_softmax(-1) for one in logits.split(self.label_sets, -1)], -1)

    def _logits(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T V"]:
        return functional.linear(self.map(self.dropout(outputs)), self.weight, self.bias)


def _class_weights(
    given: str | Sequence[float | int] | None, counts: list[int] | None, classes: int
) -> Float[Tensor, " V"] | None:
    """The weight of each class's loss, with a mean of 1 over the training targets; None where all are 1."""
    if given is None:
        return None
    if isinstance(given, str):
        check_choice(["balanced"], class_weights=given)
        if counts is None:
            raise UserError(
                "class_weights=balanced needs the counts of classes, which these data do not give"
            )
        given = [1 / max(count, 1) for count in counts]
    check_class_weights(given, classes)
    shares = [1] * classes if counts is None or not sum(counts) else counts
    mean = sum(weight * share for weight, share in zip(given, shares, strict=True)) / sum(shares)
    return torch.tensor([weight / mean for weight in given])
