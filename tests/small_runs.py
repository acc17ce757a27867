"""Fixtures of small runs: one that is trained once for all tests that only read what a run leaves, and others."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from throughtime.run.fit import Run, fit_run
from throughtime.run.folder import RunFolder
from throughtime.run.log_filters import filter_logs


@dataclass(frozen=True)
class Trained:
    """A finished run, the folder it was started in, and what it printed."""

    run: Path
    home: Path
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def trained(
    command_in: Callable, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """`train.py` with small sizes; its folder is only to be read."""
    home = tmp_path_factory.mktemp("trained")
    finished = command_in(home)("train.py", "task=textgen", *small)
    assert finished.returncode == 0, finished.stderr
    (run,) = (home / "runs" / "textgen").iterdir()
    return Trained(run, home, finished.stdout, finished.stderr)


@pytest.fixture
def fit_small(
    configuration: Callable[..., dict[str, Any]],
    small: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Path]:
    """Fit a small run in this process; returns its folder."""
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path / "cache"))

    def run(*overrides: str, name: str = "run", without: str = "nothing") -> Path:
        filter_logs()
        folder = RunFolder(tmp_path / name)
        kept = [override for override in small if not override.startswith(without)]
        fit_run(Run(configuration(*kept, *overrides), folder, list(overrides), {}))
        return folder.path

    return run
