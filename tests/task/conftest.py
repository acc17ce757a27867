"""A small recurrent model in float64, and a stream of chunks for it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.data.batch import Batch, Chunk
from throughtime.engine.reference import Reference
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel
from throughtime.run.build import build_data, build_task
from throughtime.task.base import Task
from throughtime.task.export_graph import ExportGraph


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


@pytest.fixture
def built(
    configuration: Callable[..., dict], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Task]:
    """Build the untrained task of a configuration, in evaluation mode."""
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path))

    def build(*overrides: str) -> Task:
        config = configuration(*overrides, "cell.hidden_size=8")
        return build_task(config, build_data(config).artifacts()).eval()

    return build


@pytest.fixture
def assert_consistent() -> Callable[[ExportGraph], None]:
    """Assert that the examples of a graph have the axes it names, and that every output has a name."""

    def check(graph: ExportGraph) -> None:
        for sizes in graph.sizes:
            inputs = graph.example(sizes)
            for tensor, axes in zip(inputs, graph.axes.values(), strict=True):
                assert tuple(tensor.shape) == tuple(sizes.get(axis, axis) for axis in axes)
            with torch.inference_mode():
                outputs = graph.module(*inputs)
            assert len(graph.outputs) == (1 if isinstance(outputs, torch.Tensor) else len(outputs))

    return check
