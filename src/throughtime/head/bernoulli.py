"""Bernoulli head: notes that are on or off independently of each other, given the features."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import check_fraction, check_positive
from throughtime.head.notes import NoteHead, log_odds, log_probability, on_or_off


class Bernoulli(NoteHead):
    """p(v | y) = Π_i p_i^{v_i} (1 - p_i)^{1 - v_i},  p = σ(W y + c);  loss: binary cross-entropy, summed over notes.

    Args:
        input_size: H, the features of one step.
        notes: N.
        frequencies: the share of training frames in which each note sounds, at whose log-odds c begins; None for 0.
        dropout: the fraction of features that are dropped in training.

    Attributes:
        weight: W, `[N, H]`.
        bias: c, `[N]`.

    Raises:
        UserError: a size is not positive, or the dropout is no fraction.
    """

    def __init__(
        self, input_size: int, notes: int, frequencies: list[float] | None = None, dropout: float = 0.0
    ) -> None:
        check_positive(input_size=input_size, notes=notes)
        check_fraction(dropout=dropout)
        super().__init__()
        self.notes = notes
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(notes, input_size)))
        self.bias = nn.Parameter(log_odds(frequencies, notes))

    def log_likelihood(
        self, outputs: Float[Tensor, "*T H"], targets: Float[Tensor, "*T N"]
    ) -> Float[Tensor, "*T"]:
        logits = self._logits(outputs)
        losses = functional.binary_cross_entropy_with_logits(
            logits, targets.to(logits.dtype), reduction="none"
        )
        return -losses.sum(-1)

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T N"]:
        """The log-probability that each note is on."""
        return log_probability(self._logits(outputs))

    def draw(
        self,
        outputs: Float[Tensor, "*T H"],
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "*T N"]:
        return on_or_off(self._logits(outputs), temperature, generator)

    def _logits(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T N"]:
        return functional.linear(self.dropout(outputs), self.weight, self.bias)
