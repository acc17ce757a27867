"""A small random model to decode from: state' = tanh(state W + E[ids]), log p = log softmax(state' R)."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor


class ToyState(NamedTuple):
    hidden: Tensor


class Toy:
    """V symbols, H = 8. Counts its steps, and gives the log-probabilities and state to start from."""

    def __init__(self, vocabulary: int = 5, seed: int = 0, sharpness: float = 2.0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.embedding = torch.randn(vocabulary, 8, generator=generator, dtype=torch.float64)
        self.recurrent = torch.randn(8, 8, generator=generator, dtype=torch.float64) / 3
        self.readout = torch.randn(8, vocabulary, generator=generator, dtype=torch.float64) * sharpness
        self.steps = 0

    def features(self, ids: Tensor, state: tuple[ToyState]) -> tuple[Tensor, tuple[ToyState]]:
        hidden = torch.tanh(state[0].hidden @ self.recurrent + self.embedding[ids])
        return hidden, (ToyState(hidden),)

    def forward(self, ids: Tensor, state: tuple[ToyState]) -> tuple[Tensor, tuple[ToyState]]:
        outputs = []
        for now in ids:
            output, state = self.features(now, state)
            outputs.append(output)
        return torch.stack(outputs), state

    def predict(self, features: Tensor) -> Tensor:
        return (features @ self.readout).log_softmax(-1)

    def step(self, ids: Tensor, state: tuple[ToyState]) -> tuple[Tensor, tuple[ToyState]]:
        self.steps += 1
        features, state = self.features(ids, state)
        return self.predict(features), state

    def initial_state(self, batch_size: int) -> tuple[ToyState]:
        return (ToyState(torch.zeros(batch_size, 8, dtype=torch.float64)),)

    def start(self, batch_size: int = 1) -> tuple[Tensor, tuple[ToyState]]:
        """What the toy expects after its first symbol, a different one in each lane."""
        first = torch.arange(batch_size) % len(self.embedding)
        features, state = self.features(first, self.initial_state(batch_size))
        return self.predict(features), state


@pytest.fixture
def toy() -> type[Toy]:
    return Toy
