"""Encoder-decoder forecasting: one recurrence reads the history, another decodes step by step."""

import math
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


class EncoderDecoder(Forecaster):
    """h = encoder([x_t, k_t]);  y_s = decoder([x_{s-1}, k_s]) from state h; x_{s-1} is the truth or the forecast.

    In training each lane reads the truth at a step with probability ε, else the model's own forecast: ε = 1 is
    teacher forcing, less is scheduled sampling, and with a decay k it falls with the training steps i as
    ε k / (k + exp(i/k)) · (1 + 1/k) (S. Bengio, Vinyals, Jaitly & Shazeer 2015, arXiv 1506.03099).
    Source: I. Sutskever, O. Vinyals & Q. V. Le (2014), arXiv 1409.3215.

    Args:
        front, layers, cell, engine: as `SequenceModel`; encoder and decoder each have layers of their own.
        channels, history_size, known_size: C, I and K of a window. Other sizes are not needed.
        teacher_forcing: ε.
        decay: k; None for an ε that does not fall.
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
        teacher_forcing: float = 1.0,
        decay: float | None = None,
        **sizes: Any,
    ) -> None:
        if not 0 <= teacher_forcing <= 1:
            raise UserError(f"teacher_forcing={teacher_forcing} must be a probability, from 0 to 1")
        if decay is not None:
            check_positive(decay=decay)
        super().__init__()
        self.channels = channels
        self.teacher_forcing, self.decay = teacher_forcing, decay
        self.front = front(input_size=history_size + known_size)
        self.encoder = layers(cell=cell, engine=engine, input_size=self.front.output_size)
        self.decoder_front = front(input_size=channels + known_size)
        self.decoder = layers(cell=cell, engine=engine, input_size=self.decoder_front.output_size)
        self.output_size = self.decoder.output_size
        self.register_buffer("steps_taken", torch.zeros((), dtype=torch.int64))

    def truth_probability(self) -> float:
        """ε at the present training step."""
        if self.decay is None:
            return self.teacher_forcing
        falling = self.decay / (self.decay + math.exp(min(int(self.steps_taken) / self.decay, 700.0)))
        return self.teacher_forcing * falling * (1 + 1 / self.decay)

    def forecast(
        self, window: Window, feed: Feed, truth: Float[Tensor, "S B C"] | None = None
    ) -> Float[Tensor, "S B H"]:
        lanes = window.history.shape[1]
        inputs = torch.cat([window.history, window.known[: window.steps]], dim=-1)
        _, state = self.encoder(self.front(inputs), self.encoder.initial_state(lanes))
        first = window.history[-1, :, : self.channels]
        probability = 0.0 if truth is None else self.truth_probability()
        if truth is not None:
            self.steps_taken += 1
        if probability == 1.0:
            values = torch.cat([first[None], truth[:-1]])
            return self.decoder(self.decoder_front(torch.cat([values, window.future()], dim=-1)), state)[0]
        outputs: list[Tensor] = []
        for step, covariates in enumerate(window.future()):
            value = first if step == 0 else feed(outputs[-1])
            if step and probability:
                kept = torch.rand(lanes, 1, device=value.device) < probability
                value = torch.where(kept, truth[step - 1], value)
            output, state = self.decoder.step(
                self.decoder_front(torch.cat([value, covariates], dim=-1)), state
            )
            outputs.append(output)
        return torch.stack(outputs)
