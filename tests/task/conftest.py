"""A small recurrent model in float64, and a stream of chunks for it."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.data.batch import Batch, Chunk
from throughtime.engine.reference import Reference
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel


@pytest.fixture
def model() -> SequenceModel:
    torch.manual_seed(0)
    return SequenceModel(
        front=partial(Embedding, size=3),
        layers=partial(Stack, depth=2),
        cell=partial(GRU, hidden_size=4),
        engine=Reference(),
        vocabulary_size=7,
    ).double()


@pytest.fixture
def chunks() -> Callable[..., list[Batch]]:
    """The same stream of ids `[T, B]`, cut into chunks of any length; the last may be shorter."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randint(7, (23, 3), generator=generator)

    def cut(length: int, resets: torch.Tensor | None = None) -> list[Batch]:
        return [
            Batch(
                Chunk(
                    part,
                    resets=None if resets is None else resets[place * length : place * length + len(part)],
                    fresh=place == 0,
                ),
                part,
            )
            for place, part in enumerate(inputs.split(length))
        ]

    return cut
