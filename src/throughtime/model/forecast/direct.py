"""Direct forecasting: all steps ahead at once, from the state after the history."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.data.window import Window
from throughtime.engine.base import Engine
from throughtime.errors import check_fraction, check_positive
from throughtime.model.forecast.base import Feed, Forecaster


class Direct(Forecaster):
    """y_s = dropout(relu(W h_T + U k_s + e_s)): the last state's features, the covariates and the embedding of step s.

    Args:
        front, layers, cell, engine: as `SequenceModel`; they run over the history and its covariates.
        history_size, known_size, horizon: I, K and S of a window. Other sizes are not needed.
        size: the features of a step ahead.
        dropout: the fraction of them that are dropped in training.
    """

    def __init__(
        self,
        front: Callable[..., nn.Module],
        layers: Callable[..., nn.Module],
        cell: Callable[..., Cell],
        engine: Engine,
        history_size: int,
        known_size: int,
        horizon: int,
        size: int = 128,
        dropout: float = 0.0,
        **sizes: Any,
    ) -> None:
        check_positive(size=size)
        check_fraction(dropout=dropout)
        super().__init__()
        self.front = front(input_size=history_size + known_size)
        self.layers = layers(cell=cell, engine=engine, input_size=self.front.output_size)
        self.summary = nn.Linear(self.layers.output_size, size)
        self.covariates = nn.Linear(known_size, size, bias=False) if known_size else None
        self.place = nn.Parameter(torch.randn(horizon, 1, size) / size**0.5)
        self.dropout = nn.Dropout(dropout)
        self.output_size = size

    def forecast(
        self, window: Window, feed: Feed, truth: Float[Tensor, "S B C"] | None = None
    ) -> Float[Tensor, "S B H"]:
        inputs = torch.cat([window.history, window.known[: window.steps]], dim=-1)
        features, _ = self.layers(self.front(inputs), self.layers.initial_state(inputs.shape[1]))
        ahead = self.summary(features[-1]) + self.place[: window.horizon]
        if self.covariates is not None:
            ahead = ahead + self.covariates(window.future())
        return self.dropout(torch.relu(ahead))
