"""A small sweep that is run once for all tests that only look at what a sweep leaves."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from throughtime.sweep.job import Job

GRID = ("-m", "task=textgen", "cell=elman,gru", "seed=1,2")
SHORT = ("trainer.max_steps=4", "trainer.val_check_interval=2", "callback.samples.count=1")


@dataclass(frozen=True)
class Swept:
    """A finished sweep, its exit code, and what it printed."""

    folder: Path
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def swept(command_in: Callable, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """Two cells and two seeds that train, and one size that no cell can have; its folder is only to be read."""
    home = tmp_path_factory.mktemp("swept")
    typed = ("cell.hidden_size=4,-4", *SHORT, "hydra.sweep.dir=sweep")
    kept = [
        one
        for one in small
        if not one.startswith(("cell.hidden_size", "trainer.max_steps", "trainer.val_ch"))
    ]
    finished = command_in(home)("train.py", *GRID, *kept, *typed)
    return Swept(home / "sweep", finished.returncode, finished.stdout, finished.stderr)


@pytest.fixture
def job() -> Job:
    """A job that is not to be run."""
    return Job(
        3,
        ["cell=gru", "seed=2"],
        {"seed": 2, "cell": {"size": 8, "rate": 1e-5}, "task": {}, "data": {}, "trainer": {}},
        {"cell": "gru"},
        "cell=gru",
    )


@pytest.fixture(scope="session")
def table() -> Callable[[Path], list[list[dict[str, str]]]]:
    """The tables of a sweep, without what depends on the clock or on the folder's name."""

    def read(sweep: Path) -> list[list[dict[str, str]]]:
        tables = []
        for name in ("results.csv", "summary.csv"):
            with (sweep / name).open() as file:
                tables.append([_lasting(row) for row in csv.DictReader(file)])
        return tables

    return read


def _lasting(row: dict[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in row.items()
        if name not in ("run", "seconds") and not name.startswith("speed/")
    }
