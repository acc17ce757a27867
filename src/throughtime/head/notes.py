"""The contract of heads over notes: a distribution over all sets of notes that may sound at once."""

from abc import abstractmethod

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from throughtime.head.base import Head, masked_mean


class NoteHead(Head):
    """p(v | features) of the N notes of a frame, v in {0, 1}^N, measured in nats a frame.

    Attributes:
        notes: N.
    """

    notes: int

    @abstractmethod
    def log_likelihood(
        self, outputs: Float[Tensor, "*T H"], targets: Float[Tensor, "*T N"]
    ) -> Float[Tensor, "*T"]:
        """ln p(v | features), over all N notes together."""

    @abstractmethod
    def draw(
        self,
        outputs: Float[Tensor, "*T H"],
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "*T N"]:
        """A set of notes for each frame, in zeros and ones.

        Args:
            outputs: the features.
            temperature: τ; the log-odds of each note are divided by it. At 0, a note is on where its probability is
                above a half.
            generator: the source of random numbers, which every temperature above 0 needs.
        """

    def loss(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B N"],
        mask: Bool[Tensor, "*T B"] | None = None,
    ) -> Float[Tensor, ""]:
        """The mean of -ln p(v) in nats, over frames where `mask` is true; 0 where none is."""
        return masked_mean(-self.log_likelihood(outputs, targets), mask)


def on_or_off(
    logits: Float[Tensor, "*T"], temperature: float, generator: torch.Generator | None
) -> Float[Tensor, "*T"]:
    """Notes of given log-odds, drawn at a temperature; at 0, those that are more likely on than off."""
    if temperature == 0:
        return (logits > 0).to(logits.dtype)
    if generator is None:
        raise ValueError("sampling needs a generator: the global random numbers are not for it to use")
    uniform = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (uniform < torch.sigmoid(logits / temperature)).to(logits.dtype)


def log_probability(logits: Float[Tensor, "*T"]) -> Float[Tensor, "*T"]:
    """ln σ(x), the log-probability that each note is on."""
    # ONNX Runtime's logarithm of a sigmoid is -infinity below -18; its softplus is not.
    return -functional.softplus(-logits)


def log_odds(frequencies: list[float] | None, notes: int) -> Float[Tensor, " N"]:
    """The log-odds of each note's share of the training frames, kept within ±7; 0 where the shares are not known."""
    if frequencies is None:
        return torch.zeros(notes)
    return torch.logit(torch.tensor(frequencies), eps=1e-3)
