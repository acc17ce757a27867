"""Recursive forecasting: one step ahead, repeated on the model's own forecasts."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.data.window import Window
from throughtime.engine.base import Engine
from throughtime.model.forecast.base import Feed, Forecaster
from throughtime.tree import Tree


class Recursive(Forecaster):
    """y_t = layers(front([x_t, k_{t+1}])), where y_t predicts x_{t+1}; ahead of the origin x_t is the forecast itself.

    Trained on windows it reads the truth ahead (teacher forcing); trained on lanes it carries its state along a stream.
    The marks of missing values and the past covariates stay ahead as they were at the last step.

    Args:
        front, layers, cell, engine: as `SequenceModel`.
        channels: C; history_size and known_size: I and K of a window. Other sizes are not needed.
    """

    autoregressive = True
    any_horizon = True

    def __init__(
        self,
        front: Callable[..., nn.Module],
        layers: Callable[..., nn.Module],
        cell: Callable[..., Cell],
        engine: Engine,
        channels: int,
        history_size: int,
        known_size: int,
        **sizes: Any,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.front = front(input_size=history_size + known_size)
        self.layers = layers(cell=cell, engine=engine, input_size=self.front.output_size)
        self.output_size = self.layers.output_size

    def initial_state(self, batch_size: int) -> Tree:
        """The state of all layers before the first step."""
        return self.layers.initial_state(batch_size)

    def forward(
        self,
        inputs: Float[Tensor, "T B I"],
        state: Tree,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], Tree]:
        """The features of a chunk of a stream, and the state after it."""
        return self.layers(self.front(inputs), state, lengths, resets)

    def forecast(
        self, window: Window, feed: Feed, truth: Float[Tensor, "S B C"] | None = None
    ) -> Float[Tensor, "S B H"]:
        history, known = window.history, window.known[1:]
        steps = window.steps
        inputs = torch.cat([history, known[:steps]], dim=-1)
        features, state = self(inputs, self.initial_state(history.shape[1]))
        held = history[-1, :, self.channels :]
        if truth is not None:
            rest = held.expand(len(truth) - 1, *held.shape)
            ahead, _ = self(torch.cat([truth[:-1], rest, known[steps:]], dim=-1), state)
            return torch.cat([features[-1:], ahead])
        outputs = [features[-1]]
        for covariates in known[steps:]:
            step = torch.cat([feed(outputs[-1]), held, covariates], dim=-1)
            output, state = self.layers.step(self.front(step), state)
            outputs.append(output)
        return torch.stack(outputs)
