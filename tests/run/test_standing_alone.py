"""A checkpoint needs nothing but its path: no conf/, no folder that it was trained in, no file beside it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from throughtime.run.checkpoint import self_contained

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def alone(command: Callable, tmp_path: Path) -> Callable:
    """Run a script on a checkpoint that was moved away, in a copy of the project with a conf/ of nonsense."""
    project = tmp_path / "project"
    shutil.copytree(REPOSITORY / "scripts", project / "scripts")
    (project / "conf").mkdir()
    (project / "conf" / "config.yaml").write_text("cell: {_target_: nothing.at.all}\n")
    (tmp_path / "elsewhere").mkdir()

    def run(script: str, checkpoint: Path, *arguments: str) -> str:
        moved = tmp_path / "elsewhere" / "moved.ckpt"
        shutil.copy(checkpoint, moved)
        finished = command(
            str(project / "scripts" / script), "moved.ckpt", *arguments, folder=tmp_path / "elsewhere"
        )
        assert finished.returncode == 0, finished.stderr
        assert "warning" not in finished.stderr.lower() and finished.stderr.count("\n") <= 1, finished.stderr
        return finished.stdout

    return run


def test_text_generation(alone: Callable, command: Callable, small: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("abc def gh\n" * 1000)
    options = (*small, "data.path=text.txt", "trainer.max_steps=2", "hydra.run.dir=run")
    trained = command("train.py", *options)
    assert trained.returncode == 0, trained.stderr
    best = tmp_path / "run" / "checkpoints" / "best.ckpt"
    measured = alone("evaluate.py", best)
    assert measured.splitlines()[0].startswith("test/bpc")
    assert alone("generate.py", best, "--prompt", "abc", "--length", "20").startswith("abc")
    assert "parameters" in alone("export.py", best, "--format", "safetensors")


def test_tagging(alone: Callable, command: Callable, tmp_path: Path) -> None:
    (tmp_path / "tags.conll").write_text("Ann B-PER\nsaw O\nBob B-PER\n\nHe O\nran O\n\n" * 100)
    options = ("task=tagging", "data=conll", "data.path=tags.conll", "cell.hidden_size=4", "debug=fast")
    trained = command("train.py", *options, "hydra.run.dir=run", "engine=reference")
    assert trained.returncode == 0, trained.stderr
    best = tmp_path / "run" / "checkpoints" / "best.ckpt"
    (tmp_path / "elsewhere" / "new.txt").write_text("Ann ran\n")
    assert "Ann" in alone("predict.py", best, "new.txt")
    assert "test/f1" in alone("evaluate.py", best)


def test_relative_places_of_data_are_written_in_full(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = {
        "seed": 1,
        "data": {"path": "a/*.txt", "train_path": None, "vectors": "/v.txt", "batch_size": 3},
    }
    written = self_contained(config)
    expected = {"path": f"{tmp_path}/a/*.txt", "train_path": None, "vectors": "/v.txt", "batch_size": 3}
    assert written == {"seed": 1, "data": expected}
    assert config["data"]["path"] == "a/*.txt"
