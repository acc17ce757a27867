"""Model of several tasks whose layers give features for each of them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.engine.base import Engine
from throughtime.model.pooling.base import Pooling
from throughtime.model.sequence import SequenceModel
from throughtime.tree import Tree


class MultitaskModel(SequenceModel):
    """features = [pooling](y^m), where y^1 .. y^M = layers(front(inputs)) and m is the task of the step.

    Inputs are ids of pairs of a task and a symbol, task · V + symbol (`throughtime.data.labelled.MultitaskData`).

    Args:
        front, cell, engine, pooling: as of `SequenceModel`.
        layers: as of `SequenceModel`; it takes `tasks`, and gives the outputs of every task `[T, B, M, H]`.
        vocabulary_size: M · V.
        tasks: M.

    Raises:
        UserError: the layers are not for so many tasks.
    """

    def __init__(
        self,
        front: Callable[..., nn.Module],
        layers: Callable[..., nn.Module],
        cell: Callable[..., Cell],
        engine: Engine,
        pooling: Callable[..., Pooling] | None = None,
        vocabulary_size: int = 1,
        tasks: int = 1,
    ) -> None:
        super().__init__(
            front,
            partial(layers, tasks=tasks),
            cell,
            engine,
            pooling,
            vocabulary_size=vocabulary_size,
            tasks=tasks,
        )
        self.symbols = vocabulary_size // tasks

    def recurrence(
        self,
        inputs: Int[Tensor, "T B"],
        state: Tree,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], Tree]:
        features, after = self.layers(self.front(inputs), state, lengths, resets)
        return self._own(features, inputs), after

    def step(self, inputs: Any, state: Tree) -> tuple[Float[Tensor, "B H"], Tree]:
        layers, pooled = state if self.pooling is not None else (state, ())
        features, layers = self.layers.step(self.front(inputs), layers)
        features = self._own(features, inputs)
        if self.pooling is None:
            return features, layers
        features, pooled = self.pooling.step(features, pooled)
        return features, (layers, pooled)

    def _own(
        self, features: Float[Tensor, "*T B M H"], inputs: Int[Tensor, "*T B"]
    ) -> Float[Tensor, "*T B H"]:
        """The features of each step's own task."""
        tasks = (inputs // self.symbols)[..., None, None]
        return features.gather(-2, tasks.expand(*inputs.shape, 1, features.shape[-1])).squeeze(-2)
