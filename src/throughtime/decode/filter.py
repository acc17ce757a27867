"""Filters of a distribution before a symbol is drawn: temperature, top-k and top-p.

All take and give log-probabilities `[B, V]`. The result need not be normalised, and -inf marks a symbol
that is out; what is out stays out, so filters can follow one another.
"""

import torch
from jaxtyping import Float
from torch import Tensor


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
