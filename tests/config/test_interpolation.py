"""What the environment holds never gets into a run's files."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.parametrize("key", ["data.path", "+model.layers.x"])
def test_a_variable_of_the_environment_is_refused(
    key: str, command: Callable, small: tuple[str, ...], tmp_path: Path
) -> None:
    finished = command("train.py", *small, f"{key}=${{oc.env:HOME}}", f"hydra.run.dir={tmp_path / 'run'}")
    assert finished.returncode == 2
    assert "oc.env:HOME" in finished.stderr and finished.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
