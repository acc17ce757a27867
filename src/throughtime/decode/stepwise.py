"""Decoding loop for decoders that choose each symbol from the log-probabilities of one step."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.decode.base import Step
from throughtime.errors import Diverged
from throughtime.tree import Tree


def write_stepwise(
    choose: Callable[[Tensor], Tensor],
    step: Step,
    log_probabilities: Float[Tensor, "B V"],
    state: Tree,
    length: int,
    end: int | None = None,
) -> Iterator[Int[Tensor, " B"]]:
    """Yield `choose(log_probabilities [B, V]) -> ids [B]`, then step, up to `length` times.

    The inference mode is entered anew for every symbol: around a `yield` it would leak into the caller.

    Raises:
        Diverged: a log-probability is NaN.
    """
    ended = torch.zeros(len(log_probabilities), dtype=torch.bool, device=log_probabilities.device)
    for position in range(length):
        with torch.inference_mode():
            if position > 0:
                log_probabilities, state = step(ids, state)
            if bool(log_probabilities.isnan().any()):
                raise Diverged(
                    "the model's probabilities are not numbers, because its training diverged; train again with a "
                    "lower optim.optimizer.lr"
                )
            ids = choose(log_probabilities)
            if end is not None:
                ids = ids.masked_fill(ended, end)
                ended = ended | (ids == end)
        yield ids
        if end is not None and bool(ended.all()):
            return
