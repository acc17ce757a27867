"""What goes wrong on a long run, done to a short one: the run says so, and the last good checkpoint stays.

A job that raises is in `test_fit`, one that is killed in `test_resume`, a damaged checkpoint in `test_checkpoint`.
"""

import json
import math
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

from throughtime.errors import Diverged, UserError
from throughtime.run.checkpoint import newest_checkpoint
from throughtime.run.folder import RunFolder
from throughtime.task.base import Task

REPOSITORY = Path(__file__).resolve().parents[2]

Fit = Callable[..., Path]


def results(run: Path) -> dict:
    return json.loads((run / "results.json").read_text())


def saved(run: Path, name: str = "last.ckpt") -> dict:
    return torch.load(run / "checkpoints" / name, weights_only=True)


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Do something in the training steps after so many optimiser updates; what it returns is the factor of the loss."""

    def plan(act: Callable[[], Any], *steps: int) -> None:
        training_step = Task.training_step

        def planned(task: Task, *arguments: Any) -> torch.Tensor:
            loss = training_step(task, *arguments)
            return loss * (act() or 1.0) if task.trainer.global_step in steps else loss

        monkeypatch.setattr(Task, "training_step", planned)

    return plan


def nan() -> float:
    return math.nan


def test_steps_that_are_not_finite_are_left_out_and_counted(fit_small: Fit, at_step) -> None:
    at_step(nan, 3, 12, 13)
    run = fit_small()
    assert results(run)["status"] == "completed"
    assert results(run)["metrics"]["train/skipped_steps"] == 3
    assert all(math.isfinite(value) for value in results(run)["metrics"].values())
    content = saved(run)
    assert all(weight.isfinite().all() for weight in content["state_dict"].values())
    # Adam counts the steps that it took; the schedule goes on with the run.
    assert content["optimizer_states"][0]["state"][0]["step"] == 17
    assert content["lr_schedulers"][0]["last_epoch"] == content["global_step"] == 20


def test_a_run_resumed_after_such_a_step_is_the_one_that_never_stopped(fit_small: Fit, at_step) -> None:
    at_step(nan, 7)
    constant = ("optim/schedule=constant", "callback.samples=null")
    whole = fit_small(*constant, name="whole")
    parts = fit_small(*constant, "trainer.max_steps=10", name="parts", without="trainer.max_steps")
    assert fit_small(*constant, f"resume={parts}", name="parts") == parts
    assert saved(parts)["callbacks"]["NonFinite"] == saved(whole)["callbacks"]["NonFinite"]
    for name, weight in saved(whole)["state_dict"].items():
        assert torch.equal(weight, saved(parts)["state_dict"][name])


def test_a_state_that_is_not_finite_is_not_carried_on(fit_small: Fit, monkeypatch) -> None:
    training_step, spoilt = Task.training_step, []

    def spoil(task: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        if task.trainer.global_step == 4 and not spoilt:
            spoilt.append(1)
            state = task.carried["train"]._state
            for part in state[0]:
                part[0] = math.inf
        return training_step(task, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", spoil)
    run = fit_small("model.layers.dropout=0.0")
    assert results(run)["metrics"]["train/skipped_steps"] == 1


def test_a_run_that_takes_no_step_any_more_fails_with_its_last_good_weights(
    fit_small: Fit, at_step, tmp_path: Path
) -> None:
    at_step(nan, *range(12, 100))
    with pytest.raises(Diverged, match="in 3 steps in a row, up to step 15"):
        fit_small("callback.nonfinite.patience=3")
    run = tmp_path / "run"
    assert (results(run)["status"], results(run)["steps"]) == ("failed", 15)
    assert "Diverged" in (run / "error.txt").read_text()
    assert saved(run)["global_step"] == 15 and saved(run, "best.ckpt")["global_step"] == 10
    assert all(weight.isfinite().all() for weight in saved(run)["state_dict"].values())


@contextmanager
def as_before() -> Iterator[None]:
    """After this block files may be as large as before, those too that the test runner writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def small_files() -> None:
    """Let the system refuse to write any file beyond 4 kB, as a full disk or a quota does in the middle of a write."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_a_disk_that_is_full_leaves_the_last_good_checkpoint_and_no_truncated_file(
    fit_small: Fit, at_step, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    at_step(small_files, 12)
    message = r"no checkpoint could be written .*File too large.*resume="
    with as_before(), pytest.raises(UserError, match=message):
        fit_small("logger=none", "callback.checkpoint.every_n_steps=6")
    run = tmp_path / "run"
    assert (saved(run)["global_step"], saved(run, "best.ckpt")["global_step"]) == (12, 10)
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "best.ckpt",
        "last.ckpt",
        "previous.ckpt",
    ]
    assert "no checkpoint could be written" in caplog.text
    assert (results(run)["status"], results(run)["steps"]) == ("failed", 20)


def test_a_folder_that_is_deleted_ends_its_run_and_stays_deleted(
    fit_small: Fit, at_step, tmp_path: Path
) -> None:
    at_step(lambda: shutil.rmtree(tmp_path / "run"), 12)
    with pytest.raises(UserError, match="the run's folder was moved or deleted while the run wrote to it"):
        fit_small()
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_deleted_does_not_stop_tensorboard(trained, tmp_path: Path) -> None:
    for name in ("kept", "deleted"):
        shutil.copytree(trained.run, tmp_path / "runs" / name)
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "runs"))
    multiplexer.Reload()
    assert set(multiplexer.Runs()) == {"kept", "deleted"}
    shutil.rmtree(tmp_path / "runs" / "deleted")
    multiplexer.AddRunsFromDirectory(str(tmp_path / "runs"))
    multiplexer.Reload()
    assert "val/bpc" in multiplexer.GetAccumulator("kept").Tags()["tensors"]


def test_a_flipped_bit_in_the_last_checkpoint_leaves_the_one_before(trained, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(trained.run, tmp_path / "run"))
    last = run.checkpoints / "last.ckpt"
    content = bytearray(last.read_bytes())
    content[content.index(saved(run.path)["state_dict"]["head.bias"].numpy().tobytes()) + 5] ^= 1
    last.write_bytes(content)
    assert newest_checkpoint(run, "resume").name == "previous.ckpt"
    assert (run.checkpoints / "damaged_last.ckpt").is_file()


@pytest.mark.parametrize("multirun", [False, True])
def test_a_place_where_no_run_can_be_written_is_told_in_a_sentence(
    command, small: tuple[str, ...], tmp_path: Path, multirun: bool
) -> None:
    (tmp_path / ("multirun" if multirun else "runs")).write_text("a file in the place of the folder")
    finished = command("train.py", *(("-m", "seed=1,2") if multirun else ()), *small)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1, finished.stderr


def test_what_is_started_in_the_same_second_has_a_folder_of_its_own(command, small, tmp_path: Path) -> None:
    """The second is followed by a token of the process; where even that is the same, one run claims the folder."""
    places = OmegaConf.to_container(OmegaConf.load(REPOSITORY / "conf" / "config.yaml"), resolve=False)[
        "hydra"
    ]
    assert places["run"]["dir"].endswith("-${token:}") and places["sweep"]["dir"].endswith("-${token:}")
    first, second = (
        command("train.py", *small, "hydra.run.dir=same", "trainer.max_steps=1") for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (0, 2)
    assert "same already holds a run" in second.stderr
