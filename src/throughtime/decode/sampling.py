"""Sampling: each symbol is drawn from what the model predicts, filtered by temperature, top-k and top-p.

The filters take and give log-probabilities `[B, V]`. The result need not be normalised, and -inf marks a symbol that
is out; what is out stays out, so filters can follow one another.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.decode.base import Decoder, Step
from throughtime.decode.greedy import most_probable
from throughtime.decode.stepwise import write_stepwise
from throughtime.errors import UserError, check_positive
from throughtime.tree import Tree


def apply_temperature(log_probabilities: Float[Tensor, "B V"], temperature: float) -> Float[Tensor, "B V"]:
    """p_i ∝ p_i^(1/τ): sharper below 1, flatter above, the most probable symbols alone as τ → 0.

    The largest log-probability is brought to 0 first, so that no small τ underflows all of them.
    """
    return (log_probabilities - log_probabilities.amax(-1, keepdim=True)) / temperature


def keep_top_k(log_probabilities: Float[Tensor, "B V"], k: int) -> Float[Tensor, "B V"]:
    """Keep the k most probable symbols of each lane, or all V where k ≥ V.

    Exactly k stay: of symbols that tie for the last place some go.
    """
    if k >= log_probabilities.shape[-1]:
        return log_probabilities
    kept, ids = log_probabilities.topk(k, dim=-1)
    return torch.full_like(log_probabilities, -torch.inf).scatter(-1, ids, kept)


def keep_top_p(log_probabilities: Float[Tensor, "B V"], p: float) -> Float[Tensor, "B V"]:
    """Keep each lane's nucleus: the fewest symbols whose probabilities sum to at least p.

    A symbol stays while those more probable sum to less than p, so one always stays.

    Source: Holtzman, Buys, Du, Forbes, Choi (2020), The Curious Case of Neural Text Degeneration, ICLR.
    """
    if p >= 1:
        return log_probabilities
    ordered, ids = log_probabilities.sort(dim=-1, descending=True, stable=True)
    probabilities = ordered.softmax(-1)
    before = probabilities.cumsum(-1) - probabilities
    return log_probabilities.scatter(-1, ids, ordered.masked_fill(before >= p, -torch.inf))


def draw(log_probabilities: Float[Tensor, "B V"], generator: torch.Generator) -> Int[Tensor, " B"]:
    """One id per lane by inversion: the first i with p_1 + … + p_i > u (p_1 + … + p_V), u uniform in [0, 1).

    The log-probabilities need not be normalised. Inversion takes one random number a symbol and less than
    half the time of `torch.multinomial`, which matters when a single lane is written.
    """
    cumulative = log_probabilities.exp().cumsum(-1)
    uniform = torch.rand(
        len(cumulative), 1, generator=generator, dtype=cumulative.dtype, device=cumulative.device
    )
    ids = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True).squeeze(-1)
    return ids.clamp(max=cumulative.shape[-1] - 1)  # the product may round up to the whole sum


class Sampling(Decoder):
    """y_t ~ p(· | y_<t), after temperature, then top-k, then top-p.

    Args:
        temperature: τ of p^(1/τ); 0 is greedy.
        top_k: how many of the most probable symbols may be drawn; None for all.
        top_p: the mass of the most probable symbols that may be drawn, in (0, 1]; None for all.

    Raises:
        UserError: for a temperature below 0, top_k below 1, or top_p outside (0, 1].
    """

    def __init__(
        self, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
    ) -> None:
        if not temperature >= 0:
            raise UserError(f"temperature must be at least 0, not {temperature}")
        if top_k is not None:
            check_positive(top_k=top_k)
        if top_p is not None and not 0 < top_p <= 1:
            raise UserError(f"top_p must be above 0 and at most 1, not {top_p}")
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p

    def distribution(self, log_probabilities: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """The log-probabilities, not normalised, that symbols are drawn from; the temperature is above 0."""
        if self.temperature != 1:
            log_probabilities = apply_temperature(log_probabilities, self.temperature)
        if self.top_k is not None:
            log_probabilities = keep_top_k(log_probabilities, self.top_k)
        if self.top_p is not None:
            log_probabilities = keep_top_p(log_probabilities, self.top_p)
        return log_probabilities

    def __call__(
        self,
        step: Step,
        log_probabilities: Float[Tensor, "B V"],
        state: Tree,
        length: int,
        generator: torch.Generator | None = None,
        end: int | None = None,
    ) -> Iterator[Int[Tensor, " B"]]:
        if self.temperature == 0:
            return write_stepwise(most_probable, step, log_probabilities, state, length, end)
        if generator is None:
            raise ValueError("sampling needs a generator: the global random numbers are not for it to use")

        def choose(log_probabilities: Tensor) -> Tensor:
            return draw(self.distribution(log_probabilities), generator)

        return write_stepwise(choose, step, log_probabilities, state, length, end)
