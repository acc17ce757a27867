"""Mixture of bivariate Gaussians for the offset of a pen, with Bernoulli marks (Graves 2013, arXiv 1308.0850)."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import check_fraction, check_positive
from throughtime.head.base import Head, masked_mean

LARGEST_CORRELATION = 0.999
"""The bound of |ρ|, which keeps the density finite."""


class Mixture(NamedTuple):
    """The parameters of M bivariate Gaussians, all in log space where they are positive.

    Attributes:
        log_weights: ln π.
        means: μ of x and y.
        log_deviations: ln σ of x and y.
        correlations: ρ.
    """

    log_weights: Float[Tensor, "*T M"]
    means: Float[Tensor, "*T M 2"]
    log_deviations: Float[Tensor, "*T M 2"]
    correlations: Float[Tensor, "*T M"]

    def log_density(self, offsets: Float[Tensor, "*T 2"]) -> Float[Tensor, "*T"]:
        """ln Σ_j π_j N(offset; μ_j, σ_j, ρ_j)."""
        # With z = (x - μ) / σ:  z_x² + z_y² - 2 ρ z_x z_y = (z_x - ρ z_y)² + (1 - ρ²) z_y².
        x, y = ((offsets[..., None, :] - self.means) * (-self.log_deviations).exp()).unbind(-1)
        rest = 1 - self.correlations.square()
        exponents = ((x - self.correlations * y).square() / rest + y.square()) / 2
        normalisers = math.log(2 * math.pi) + self.log_deviations.sum(-1) + rest.log() / 2
        return torch.logsumexp(self.log_weights - normalisers - exponents, -1)


class BivariateMixture(Head):
    """p(Δx, Δy, marks) = Σ_j π_j N(Δx, Δy; μ_j, σ_j, ρ_j) · Π_m Bernoulli(mark_m; e_m | later marks).

    With a linear map of the features to π̂, μ, σ̂, ρ̂ and ê (Graves 2013, eq. 18 to 22, 61 and 62):

        π = softmax(π̂ (1 + b)),  σ = floor + exp(σ̂ - b),  ρ = 0.999 tanh ρ̂,  e = sigmoid ê;

    b is 0 in training, and above 0 makes offsets more probable and less varied. It leaves the marks as they are: a
    mark is rare at each step, and what makes rare events rarer would leave the pen down and the ink without an end.
    The loss is -ln p in nats a point. The first mark is whether the pen is lifted after the point; a second one,
    whether the ink ends with it. A mark implies those before it, as ink ends with the pen lifted: e_m is the
    probability of a mark where no later one is set, and where one is, the mark is certain.

    Args:
        input_size: H.
        marks: the Bernoulli variables of a point.
        components: M.
        floor: the least σ, in units of the offsets, which keeps the density finite where points lie on a grid.
        dropout: the fraction of features that are dropped in training.

    Raises:
        UserError: a size or the floor is not positive, or the dropout is no fraction.
    """

    def __init__(
        self,
        input_size: int,
        marks: int = 2,
        components: int = 20,
        floor: float | int = 0.01,
        dropout: float | int = 0.0,
    ) -> None:
        check_positive(input_size=input_size, marks=marks, components=components, floor=floor)
        check_fraction(dropout=dropout)
        super().__init__()
        self.marks = marks
        self.components = components
        self.floor = floor
        self.dropout = nn.Dropout(dropout)
        self.map = nn.Linear(input_size, 6 * components + marks)

    def parameters_of(
        self, outputs: Float[Tensor, "*T H"], bias: float | int = 0.0
    ) -> tuple[Mixture, Float[Tensor, "*T marks"]]:
        """The mixture of the offset, and the logits of the marks; `bias` is b."""
        raw = self.map(self.dropout(outputs)).float()
        weights, means, deviations, correlations, marks = raw.split(
            [self.components, 2 * self.components, 2 * self.components, self.components, self.marks], -1
        )
        pairs = (self.components, 2)
        deviations = deviations.unflatten(-1, pairs) - bias
        mixture = Mixture(
            torch.log_softmax(weights * (1 + bias), -1),
            means.unflatten(-1, pairs),
            torch.logaddexp(deviations, deviations.new_tensor(math.log(self.floor))),
            LARGEST_CORRELATION * torch.tanh(correlations),
        )
        return mixture, marks

    def parts(
        self, outputs: Float[Tensor, "*T B H"], targets: Float[Tensor, "*T B C"]
    ) -> Float[Tensor, "*T B parts"]:
        """-ln p of the offset and of each mark of every point, in nats; their sum is the loss."""
        mixture, logits = self.parameters_of(outputs)
        offset = -mixture.log_density(targets[..., :2].float())
        marks = functional.binary_cross_entropy_with_logits(
            logits, targets[..., 2:].float(), reduction="none"
        )
        return torch.cat((offset[..., None], marks * _open(targets[..., 2:].float())), -1)

    def loss(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        mask: Bool[Tensor, "*T B"] | None = None,
    ) -> Float[Tensor, ""]:
        if mask is not None:  # a masked target that is far away would give 0 · ∞ in the gradient
            targets = targets.masked_fill(~mask[..., None], 0)
        return masked_mean(self.parts(outputs, targets).sum(-1), mask)

    def predict(self, outputs: Float[Tensor, "*T B H"]) -> Float[Tensor, "*T B C"]:
        """The mean of the offset, and the probabilities of the marks."""
        mixture, logits = self.parameters_of(outputs)
        mean = (mixture.log_weights.exp()[..., None] * mixture.means).sum(-2)
        return torch.cat((mean, 1 - torch.sigmoid(-logits).flip(-1).cumprod(-1).flip(-1)), -1)

    def sample(
        self,
        outputs: Float[Tensor, "B H"],
        generator: torch.Generator,
        bias: float | int = 0.0,
        may_end: Bool[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B C"]:
        """A random point of each lane: its offset and its marks, 0 or 1.

        Args:
            outputs: the features.
            generator: the source of random numbers.
            bias: b.
            may_end: where false, the last mark is known to be 0; None where it may be 1 everywhere.
        """
        mixture, logits = self.parameters_of(outputs, bias)
        chosen = torch.multinomial(mixture.log_weights.exp(), 1, generator=generator)
        rho = mixture.correlations.gather(-1, chosen)
        means, logs = (
            values.gather(-2, chosen[..., None].expand(-1, 1, 2)).squeeze(-2)
            for values in (mixture.means, mixture.log_deviations)
        )
        noise = torch.randn(means.shape, generator=generator, device=means.device)
        y = rho * noise[:, :1] + (1 - rho.square()).sqrt() * noise[:, 1:]
        offsets = means + logs.exp() * torch.cat((noise[:, :1], y), -1)
        draws = torch.rand(logits.shape, generator=generator, device=logits.device)
        marks = (draws < torch.sigmoid(logits)).to(offsets.dtype)
        if may_end is not None:
            marks[:, -1] *= may_end
        return torch.cat((offsets, marks.flip(-1).cummax(-1).values.flip(-1)), -1)


def _open(marks: Float[Tensor, "*T marks"]) -> Float[Tensor, "*T marks"]:
    """1 for a mark that no later mark implies, else 0."""
    later = (1 - marks).flip(-1).cumprod(-1).flip(-1)
    return torch.cat((later[..., 1:], torch.ones_like(later[..., :1])), -1)
