"""The most probable tag sequence of a linear chain (Viterbi 1967)."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def viterbi(
    emissions: Float[Tensor, "T B K"],
    transitions: Float[Tensor, "K K"],
    first: Float[Tensor, " K"],
    last: Float[Tensor, " K"],
    mask: Bool[Tensor, "T B"],
) -> Int[Tensor, "T B"]:
    """argmax_z first[z_1] + Σ_t emissions[t, z_t] + Σ_t transitions[z_{t-1}, z_t] + last[z_n] of each lane.

    A transition of minus infinity is never taken, if any sequence without one exists.

    Args:
        emissions: the scores of each step's tags.
        transitions: from a tag to the next.
        first, last: the scores of the first and the last tag.
        mask: true up to each lane's end.

    Returns:
        the tags, 0 after each lane's end.
    """
    best = first + emissions[0]
    sources = []
    stay = torch.arange(len(first), device=first.device)
    for emission, runs in zip(emissions[1:], mask[1:], strict=True):
        scores, source = (best[:, :, None] + transitions).max(1)
        best = torch.where(runs[:, None], scores + emission, best)
        sources.append(torch.where(runs[:, None], source, stay))
    tag = (best + last).argmax(-1)
    tags = [tag]
    for source in reversed(sources):
        tag = source.gather(1, tag[:, None])[:, 0]
        tags.append(tag)
    return torch.stack(tags[::-1]).masked_fill(~mask, 0)


def constrained(
    transitions: Float[Tensor, "K K"],
    first: Float[Tensor, " K"],
    allowed: Bool[Tensor, "K K"],
    allowed_first: Bool[Tensor, " K"],
) -> tuple[Float[Tensor, "K K"], Float[Tensor, " K"]]:
    """Set the scores of transitions and first tags that are not allowed to minus infinity."""
    never = -torch.inf
    return transitions.masked_fill(~allowed, never), first.masked_fill(~allowed_first, never)
