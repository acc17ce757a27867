"""Checkpoints that were written once load, and give the numbers that they gave then."""

import json
from pathlib import Path

import pytest
import torch
from golden.checkpoints.make import FOLDER, SETTINGS, write_data

from throughtime.inference.evaluate import evaluate
from throughtime.inference.load import load


@pytest.mark.parametrize("task", SETTINGS)
def test_an_old_checkpoint_gives_its_numbers(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test split of the same data, found where they now lie, has the metrics of the run that was tested then."""
    monkeypatch.chdir(tmp_path)
    path = write_data(task, tmp_path)
    content = torch.load(FOLDER / f"{task}.ckpt", weights_only=True)
    if path is not None:
        content["config"]["data"]["path"] = str(path)
    torch.save(content, tmp_path / "moved.ckpt")
    expected = json.loads((FOLDER / f"{task}.json").read_text())
    found = evaluate(str(tmp_path / "moved.ckpt"))
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("task", SETTINGS)
def test_an_old_checkpoint_needs_nothing_but_its_path(task: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load(FOLDER / f"{task}.ckpt")
    assert loaded.task.name == task
    assert all(bool(part.isfinite().all()) for part in loaded.task.parameters())
