"""Greedy decoding: always the most probable symbol."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.decode.base import Decoder, Step
from throughtime.decode.stepwise import write_stepwise
from throughtime.tree import Tree


def most_probable(log_probabilities: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
    """argmax_i p_i of each lane; of symbols that tie, the lowest id."""
    return log_probabilities.argmax(-1)


class Greedy(Decoder):
    """y_t = argmax_i p(i | y_<t). It draws no random numbers."""

    def __call__(
        self,
        step: Step,
        log_probabilities: Float[Tensor, "B V"],
        state: Tree,
        length: int,
        generator: torch.Generator | None = None,
        end: int | None = None,
    ) -> Iterator[Int[Tensor, " B"]]:
        return write_stepwise(most_probable, step, log_probabilities, state, length, end)
