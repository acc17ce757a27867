"""SegRNN: a recurrence over segments instead of steps, and all segments ahead decoded at once."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.data.window import Window
from throughtime.engine.base import Engine
from throughtime.errors import UserError, check_positive
from throughtime.model.forecast.base import Feed, Forecaster
from throughtime.tree import map_state


class Segments(Forecaster):
    """h = layers(relu(W x̄_1), …, relu(W x̄_n)),   ȳ_m = V · layers(p_m ; c, from state h)   for all m at once.

    x̄_i are segments of w steps of the history with their covariates. Segment m ahead is decoded by one step of the
    same layers, from the state after the history, with a vector of its place and one of its series as input (and a
    linear map of its covariates), without reading forecasts back. Source: S. Lin, W. Lin, W. Wu, F. Zhao, R. Mo &
    H. Zhang (2023), SegRNN, arXiv 2308.11200; its normalisation by the last value is `data.normalisation=last`.

    The oldest steps that fill no segment are left out, and so is what the last segment ahead has too much.

    With `linear` a linear map of the history, y_s + A_s x, is added to the features of every step ahead, so that a
    forecast follows a level that the recurrence did not meet in training. It begins at 0. Source: G. Lai, W.-C. Chang,
    Y. Yang & H. Liu (2018), LSTNet, arXiv 1703.07015.

    Args:
        layers, cell, engine: as `SequenceModel`.
        history_size, known_size, look_back, horizon, series_count: I, K, T, S and n of the data. Other sizes are not
            needed.
        segment_length: w; None for half of T, at most `longest_segment`.
        size: the features of a segment, an even number.
        step_size: the features of a step ahead, of which the head makes its forecast.
        linear: whether a linear map of the history is added to them.
    """

    def __init__(
        self,
        layers: Callable[..., nn.Module],
        cell: Callable[..., Cell],
        engine: Engine,
        history_size: int,
        known_size: int,
        look_back: int,
        horizon: int,
        series_count: int,
        segment_length: int | None = None,
        size: int = 256,
        step_size: int = 4,
        linear: bool = False,
        longest_segment: int = 48,
        **sizes: Any,
    ) -> None:
        if segment_length is None:
            segment_length = min(max(look_back // 2, 1), longest_segment)
        check_positive(
            segment_length=segment_length, size=size, step_size=step_size, longest_segment=longest_segment
        )
        if size % 2:
            raise UserError(f"size={size} must be even: half tells the place of a segment, half its series")
        if segment_length > look_back:
            raise UserError(f"segment_length={segment_length} is longer than data.look_back={look_back}")
        super().__init__()
        self.segment_length, self.step_size = segment_length, step_size
        self.horizon, self.segments_ahead = horizon, -(-horizon // segment_length)
        self.embedding = nn.Linear(segment_length * (history_size + known_size), size)
        self.layers = layers(cell=cell, engine=engine, input_size=size)
        self.place = nn.Parameter(torch.randn(self.segments_ahead, 1, size // 2))
        # The last row is for series that training does not have; it stays at 0.
        self.series = nn.Embedding(series_count + 1, size // 2, padding_idx=series_count)
        self.covariates = nn.Linear(segment_length * known_size, size, bias=False) if known_size else None
        self.readout = nn.Linear(self.layers.output_size, segment_length * step_size)
        self.output_size = step_size
        self.linear = None
        if linear:
            self.linear = nn.Linear(look_back * history_size, horizon * step_size, bias=False)
            nn.init.zeros_(self.linear.weight)

    def steps_read(self, steps: int) -> int:
        """Whole segments, each of which reads the covariates of all its steps, within the trained horizon."""
        return min(-(-steps // self.segment_length) * self.segment_length, self.horizon)

    def forecast(
        self, window: Window, feed: Feed, truth: Float[Tensor, "S B C"] | None = None
    ) -> Float[Tensor, "S B H"]:
        lanes, ahead = window.history.shape[1], self.segments_ahead
        inputs = torch.cat([window.history, window.known[: window.steps]], dim=-1)
        inputs = inputs[window.steps % self.segment_length :]
        encoded = torch.relu(self.embedding(self._segments(inputs)))
        _, state = self.layers(encoded, self.layers.initial_state(lanes))
        queries = torch.cat(
            [self.place.expand(-1, lanes, -1), self.series(window.series).expand(ahead, -1, -1)], dim=-1
        )
        if self.covariates is not None:
            queries = queries + self.covariates(self._segments(self._padded(window.future())))
        states = map_state(lambda part: part.repeat(ahead, *[1] * (part.dim() - 1)), state)
        decoded, _ = self.layers(queries.flatten(0, 1)[None], states)
        steps = self.readout(decoded[0]).unflatten(0, (ahead, lanes)).unflatten(-1, (self.segment_length, -1))
        steps = steps.transpose(1, 2).flatten(0, 1)[: window.horizon]
        if self.linear is None:
            return steps
        direct = self.linear(window.history.transpose(0, 1).flatten(1)).unflatten(-1, (-1, self.step_size))
        return steps + direct.transpose(0, 1)[: window.horizon]

    def _segments(self, steps: Float[Tensor, "T B I"]) -> Float[Tensor, "N B J"]:
        """Steps `[n·w, B, I]` as segments `[n, B, w·I]`."""
        return steps.unflatten(0, (-1, self.segment_length)).transpose(1, 2).flatten(2)

    def _padded(self, future: Float[Tensor, "S B K"]) -> Float[Tensor, "T B K"]:
        missing = self.segments_ahead * self.segment_length - len(future)
        return torch.cat([future, future[-1:].expand(missing, -1, -1)]) if missing else future
