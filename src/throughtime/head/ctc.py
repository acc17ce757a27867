"""CTC head: symbols in their order, at steps that are not known."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import check_fraction, check_positive
from throughtime.head.base import Head

BLANK = 0
"""The class of no symbol; symbol s of V is class s, from 1 on."""


class CTCTargets(NamedTuple):
    """The symbols of sequences, and the steps that there are for them.

    Attributes:
        symbols: from 1 to V, and any number after the last one.
        counts: U of each sequence.
        steps: T of each sequence.
    """

    symbols: Int[Tensor, "B U"]
    counts: Int[Tensor, " B"]
    steps: Int[Tensor, " B"]

    def alignable(self) -> Bool[Tensor, " B"]:
        """Whether T is at least U and a blank between equal neighbours: else no path gives the symbols."""
        places = torch.arange(1, max(self.symbols.shape[1], 1), device=self.symbols.device)
        equal = (self.symbols[:, 1:] == self.symbols[:, :-1]) & (places < self.counts[:, None])
        return self.steps >= self.counts + equal.sum(1)


class CTC(Head):
    """Connectionist temporal classification (Graves et al. 2006):

        log p(k | t) = log_softmax(W y_t + c)_k,   k = 0 the blank, k = 1 … V the symbols
        p(z | y) = Σ_(π: collapse(π) = z) Π_t p(π_t | t)

    collapse leaves out repetitions, and then blanks. The loss is PyTorch's, -Σ log p(z) / Σ |z|, in nats a symbol. A
    sequence whose symbols cannot be aligned with its steps has a probability of 0: it is left out of the loss.

    Args:
        input_size: H, the features of one step.
        vocabulary_size: V, the symbols.
        dropout: the fraction of features that are dropped in training.

    Attributes:
        weight: W, `[V + 1, H]`.
        bias: c, `[V + 1]`.

    Raises:
        UserError: a size is not positive, or the dropout is no fraction.
    """

    def __init__(self, input_size: int, vocabulary_size: int, dropout: float = 0.0) -> None:
        check_positive(input_size=input_size, vocabulary_size=vocabulary_size)
        check_fraction(dropout=dropout)
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(vocabulary_size + 1, input_size)))
        self.bias = nn.Parameter(torch.zeros(vocabulary_size + 1))

    def loss(
        self,
        outputs: Float[Tensor, "T B H"],
        targets: CTCTargets,
        mask: Bool[Tensor, "B U"] | None = None,
    ) -> Float[Tensor, ""]:
        """The mean over symbols of sequences that can be aligned; 0 where there is none.

        Args:
            outputs: features.
            targets: the symbols.
            mask: the symbols that count, all of a sequence or none; None for all that there are.
        """
        log_probabilities = self.predict(outputs)
        chosen = targets.alignable() & (targets.counts > 0)
        if mask is not None:
            chosen = chosen & mask.any(1)
        if not chosen.any():
            return log_probabilities.sum() * 0
        losses = functional.ctc_loss(
            log_probabilities[:, chosen],
            targets.symbols[chosen],
            targets.steps[chosen],
            targets.counts[chosen],
            blank=BLANK,
            reduction="none",
        )
        return losses.sum() / targets.counts[chosen].sum()

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T K"]:
        """log p(k | t) of the blank and of every symbol, K = V + 1."""
        logits = functional.linear(self.dropout(outputs), self.weight, self.bias)
        return logits.log_softmax(-1)
