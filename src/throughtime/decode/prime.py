"""Inputs of a decoder: the step of a model with its head, and the state after a prompt."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.decode.base import Step
from throughtime.tree import Tree

ModelRun = Callable[[Tensor, Tree], tuple[Tensor, Tree]]
"""run(ids, state) -> (features, state), for one step `[B]` or a sequence `[T, B]` of ids."""

Predict = Callable[[Tensor], Tensor]
"""predict(features [..., H]) -> log-probabilities [..., V]."""


def step_of(step: ModelRun, predict: Predict) -> Step:
    """A decoder's step, from a model's step to features and a head's prediction from features."""

    def predicting_step(ids: Tensor, state: Tree) -> tuple[Tensor, Tree]:
        features, state = step(ids, state)
        return predict(features), state

    return predicting_step


def prime(
    forward: ModelRun, predict: Predict, prompt: Int[Tensor, "T B"], state: Tree
) -> tuple[Float[Tensor, "B V"], Tree]:
    """Read a prompt of T ≥ 1 symbols in one pass.

    Returns:
        the log-probabilities of what comes after the prompt, and the state there.

    Raises:
        ValueError: for a prompt of no symbols, after which nothing is predicted yet.
    """
    if len(prompt) == 0:
        raise ValueError("a prompt needs at least one symbol")
    with torch.inference_mode():
        features, state = forward(prompt, state)
        return predict(features[-1]), state
