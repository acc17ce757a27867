"""Default runs reproduce the recorded loss curves: to the last bit on the recorded machine, closely on any other."""

from collections.abc import Callable
from pathlib import Path

import pytest
from golden import record

RELATIVE_TOLERANCE = 2e-2
"""Between processors whose vector widths differ; rounding grows over the steps of a run."""


@pytest.mark.parametrize("name", [name for name, threads in record.THREADS.items() if threads == 1])
def test_short_runs_reproduce_their_curves(name: str, command: Callable, tmp_path: Path) -> None:
    finished = command("train.py", *record.RUNS[name], f"hydra.run.dir={tmp_path / 'run'}", folder=tmp_path)
    assert finished.returncode == 0, finished.stderr
    compare(name, record.curves(tmp_path / "run"))


@pytest.mark.slow
def test_the_main_job_reproduces_its_curves(tmp_path: Path) -> None:
    compare("textgen_default", record.run("textgen_default", tmp_path))


def compare(name: str, found: record.Curves) -> None:
    """Compare loss curves with the recorded ones, step by step."""
    recorded = record.load(name)
    exact = record.signature() == recorded["signature"]
    assert list(found) == sorted(recorded["curves"])
    for curve, points in recorded["curves"].items():
        steps, values = zip(*points, strict=True)
        assert [step for step, _ in found[curve]] == list(steps)
        got = [value for _, value in found[curve]]
        assert got == (list(values) if exact else pytest.approx(values, rel=RELATIVE_TOLERANCE)), curve
