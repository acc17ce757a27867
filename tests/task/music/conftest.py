"""A small piece file, an untrained task on it, and a short run."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from throughtime.run.fit import Run, fit_run
from throughtime.run.folder import RunFolder
from throughtime.run.log_filters import filter_logs
from throughtime.task.music.task import Music


def toy_pieces(count: int, seed: int) -> list[list[list[int]]]:
    """Chords that move up and down a scale of their own."""
    generator = np.random.default_rng(seed)
    pieces = []
    for length in generator.integers(10, 24, count):
        root = int(generator.integers(45, 57))
        steps = [[0, 2, 4, 5, 7, 9, 11, 12][abs(number % 14 - 7)] for number in range(length)]
        pieces.append([[root + step, root + step + 7] for step in steps])
    return pieces


@pytest.fixture(scope="session")
def piece_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pieces") / "pieces.json"
    parts = {"train": toy_pieces(12, 0), "valid": toy_pieces(4, 1), "test": toy_pieces(5, 2)}
    path.write_text(json.dumps(parts))
    return path


@pytest.fixture(scope="session")
def overrides(piece_file: Path) -> tuple[str, ...]:
    """Of a run that takes a moment."""
    return (
        "task=music",
        "data=piano_rolls",
        f"data.path={piece_file}",
        "data.chunk_length=8",
        "data.batch_size=4",
        "cell.hidden_size=8",
        "engine=reference",
        "callback.samples.length=6",
        "trainer.max_steps=8",
        "trainer.val_check_interval=4",
        "trainer.log_every_n_steps=2",
        "trainer.accelerator=cpu",
    )


@pytest.fixture
def music(built: Callable[..., Music], overrides: tuple[str, ...]) -> Callable[..., Music]:
    """Build the untrained task, with a head."""
    return lambda head="bernoulli": built(*overrides, f"head={head}")


@pytest.fixture(scope="session")
def music_run(
    configuration: Callable[..., dict], overrides: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a finished run; it is only to be read."""
    filter_logs()
    folder = RunFolder(tmp_path_factory.mktemp("music") / "run")
    fit_run(Run(configuration(*overrides, "data.transpose=3"), folder, list(overrides), {}))
    return folder.path
