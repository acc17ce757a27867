"""A run from start to end: what it is measured by, how it goes on, and what it leaves where it fails."""

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from throughtime.errors import UserError
from throughtime.head.softmax import Softmax
from throughtime.task.textgen.task import TextGeneration
from throughtime.tree import map_state

Fit = Callable[..., Path]


def results(run: Path) -> dict:
    return json.loads((run / "results.json").read_text())


def test_the_last_step_is_validated_and_the_best_is_the_least_of_all(
    fit_small: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: list[float] = []
    metrics = TextGeneration.metrics

    def noted(task: TextGeneration, stage: str, loss: float) -> dict[str, float]:
        measured = dict(metrics(task, stage, loss))
        if stage == "val" and not task.trainer.sanity_checking:
            values.append(measured["bpc"])
        return measured

    monkeypatch.setattr(TextGeneration, "metrics", noted)
    run = fit_small("trainer.max_steps=25", "optim.optimizer.lr=0.5", "optim.schedule.warmup_steps=0")
    assert len(values) == 3  # at 10, 20 and 25
    assert results(run)["best"] == pytest.approx(min(values))
    assert results(run)["best_step"] == (10, 20, 25)[values.index(min(values))]
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["global_step"] == results(run)["best_step"]


def test_test_and_validation_do_not_depend_on_the_batch_size(fit_small: Fit) -> None:
    measured = []
    for batch_size, chunk_length in ((8, 16), (5, 16), (8, 50)):
        run = fit_small(
            f"data.batch_size={batch_size}",
            f"data.chunk_length={chunk_length}",
            "optim.optimizer.lr=0",
            "trainer.max_steps=1",
            name=f"{batch_size}_{chunk_length}",
        )
        measured.append([results(run)["metrics"][name] for name in ("val/loss", "test/loss", "test/bpc")])
    assert measured[0] == pytest.approx(measured[1], rel=1e-6)
    assert measured[0] == pytest.approx(measured[2], rel=1e-6)


def test_ready_splits_are_taken_as_they_are(fit_small: Fit, tmp_path: Path) -> None:
    sizes = {"train": 3000, "val": 1000, "test": 500}
    for name, size in sizes.items():
        (tmp_path / f"{name}.txt").write_text(("abc def gh\n" * 300)[:size])
    run = fit_small("data.path=null", *(f"data.{name}_path={tmp_path / name}.txt" for name in sizes))
    assert json.loads((run / "environment.json").read_text())["data"]["tokens"] == sizes
    assert results(run)["metrics"]["test/bpc"] > 0


def test_a_run_may_have_no_validation_and_no_test(fit_small: Fit, small_text: Path) -> None:
    run = fit_small("data.path=null", f"data.train_path={small_text}", "trainer.max_steps=3")
    assert (results(run)["status"], results(run)["best"]) == ("completed", None)
    assert results(run)["checkpoint"].endswith("last.ckpt")


def test_time_ends_a_run_after_a_validation(fit_small: Fit) -> None:
    run = fit_small(
        "trainer.max_steps=-1",
        "trainer.max_time=00:00:00:01",
        "optim/schedule=constant",
        "trainer.val_check_interval=100000",
        "trainer.num_sanity_val_steps=0",
    )
    assert results(run)["status"] == "completed"
    assert results(run)["best_step"] == results(run)["steps"] > 0


def test_a_completed_run_goes_on_with_a_larger_budget(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    """Ended at 20 and resumed to 30, it is where a run to 30 is whose schedule does not look ahead."""
    constant = (*small, "optim/schedule=constant", "callback.samples=null")
    for name, steps in (("whole", 30), ("parts", 20)):
        command("train.py", *constant, f"hydra.run.dir={name}", f"trainer.max_steps={steps}")
    first = results(tmp_path / "parts")
    finished = command("train.py", "resume=parts", "trainer.max_steps=30")
    assert (finished.returncode, finished.stderr) == (0, "")
    whole, parts = results(tmp_path / "whole"), results(tmp_path / "parts")
    assert whole["metrics"]["test/loss"] == parts["metrics"]["test/loss"]
    assert (parts["best"], parts["best_step"], parts["steps"]) == (whole["best"], whole["best_step"], 30)
    assert parts["seconds"] > first["seconds"]
    assert parts["overrides"] == [*first["overrides"], "trainer.max_steps=30"]
    assert OmegaConf.load(tmp_path / "parts" / "config.yaml").trainer.max_steps == 30
    again = command("train.py", "resume=parts")
    assert again.returncode == 0
    assert results(tmp_path / "parts")["metrics"] == parts["metrics"]


def test_a_truncated_checkpoint_is_passed_over_and_set_aside(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    killed = command(
        "train.py",
        *small,
        "hydra.run.dir=run",
        "callback.checkpoint.every_n_steps=4",
        signal_at_step=(signal.SIGKILL, 9),
    )
    assert killed.returncode == -signal.SIGKILL
    checkpoints = run / "checkpoints"
    os.truncate(checkpoints / "last.ckpt", 1000)
    finished = command("train.py", "resume=run")
    assert finished.returncode == 0 and "falling back" in finished.stdout
    assert results(run)["steps"] == 20
    for name in ("last.ckpt", "previous.ckpt", "best.ckpt"):
        torch.load(checkpoints / name, weights_only=True)
    assert (checkpoints / "damaged_last.ckpt").stat().st_size == 1000


def test_a_carried_state_of_another_batch_size_is_not_gone_on_with(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    often = "callback.checkpoint.every_n_steps=4"
    command("train.py", *small, "hydra.run.dir=run", often, signal_at_step=(signal.SIGKILL, 9))
    path = tmp_path / "run" / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["carried"]["state"] = map_state(lambda part: part[:5].clone(), checkpoint["carried"]["state"])
    torch.save(checkpoint, path)
    finished = command("train.py", "resume=run")
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1
    assert "carried on is that of 5 lanes, but the next chunk has 8" in finished.stderr


@pytest.mark.parametrize("part", ["progress", "optimiser"])
def test_parts_of_a_checkpoint_that_the_first_step_cannot_use_are_told(
    fit_small: Fit, command, tmp_path: Path, part: str
) -> None:
    path = fit_small() / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    if part == "progress":
        checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]["ready"] = [1]
    else:
        checkpoint["optimizer_states"][0]["param_groups"][0]["betas"] = "none"
    torch.save(checkpoint, path)
    finished = command("train.py", "resume=run", "trainer.max_steps=24")
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1, finished.stderr
    assert "last.ckpt is not a whole checkpoint: its parts do not fit each other" in finished.stderr


def test_a_run_without_a_checkpoint_is_not_gone_on_with(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    command("train.py", *small, "hydra.run.dir=run", signal_at_step=(signal.SIGKILL, 1))
    before = {path: path.read_bytes() for path in (tmp_path / "run").glob("*.json")}
    finished = command("train.py", "resume=run")
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1
    assert "there is no checkpoint to go on from" in finished.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "run").glob("*.json")} == before


def test_killed_before_its_first_checkpoint_the_same_command_works_again(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    command("train.py", *small, "hydra.run.dir=run", signal_at_step=(signal.SIGKILL, 1))
    before = (tmp_path / "run" / "results.json").read_bytes()
    finished = command("train.py", *small, "hydra.run.dir=run")
    assert finished.returncode == 0, finished.stderr
    assert "stopped before its first checkpoint" in finished.stdout
    assert (tmp_path / "run" / "attempt_1" / "results.json").read_bytes() == before
    assert json.loads((tmp_path / "run" / "results.json").read_text())["status"] == "completed"


def test_a_failure_after_the_first_step_is_kept_with_its_traceback(
    fit_small: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, calls = Softmax.loss, []

    def failing(head: Softmax, *arguments: object) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 8:
            raise RuntimeError("broken")
        return loss(head, *arguments)

    monkeypatch.setattr(Softmax, "loss", failing)
    with pytest.raises(RuntimeError, match="broken"):
        fit_small()
    assert results(tmp_path / "run")["status"] == "failed"
    assert "RuntimeError: broken" in (tmp_path / "run" / "error.txt").read_text()


@pytest.mark.parametrize("own_folder", [False, True])
def test_a_mistake_found_before_the_first_step_leaves_nothing_but_what_was_there(
    fit_small: Fit, tmp_path: Path, own_folder: bool
) -> None:
    if own_folder:
        (tmp_path / "run").mkdir()
    with pytest.raises(UserError, match="Invalid learning rate"):
        fit_small("optim.optimizer.lr=-1")
    assert list((tmp_path / "run").glob("**/*")) == []
    assert (tmp_path / "run").exists() == own_folder


OF_THE_USER = ("results.json", "events.out.tfevents.1.host.1.0", "error.txt", "environment.json")


@pytest.mark.parametrize("mistake", ["optim.optimizer.lr=-1", "seed=2"])
@pytest.mark.parametrize("linked", [False, True])
def test_the_files_of_a_folder_that_is_not_empty_stay(
    command, small: tuple[str, ...], tmp_path: Path, mistake: str, linked: bool
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (tmp_path / "link").symlink_to(mine)
    for name in OF_THE_USER:
        (mine / name).write_text(f"my {name}")
    finished = command("train.py", *small, f"hydra.run.dir={'link' if linked else 'mine'}", mistake)
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1
    assert "hydra.run.dir=" in finished.stderr and "is not empty" in finished.stderr
    assert {path.name: path.read_text() for path in mine.iterdir()} == {
        name: f"my {name}" for name in OF_THE_USER
    }


def test_an_empty_folder_of_the_users_stays_where_the_command_fails(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    for name in ("mine", "new"):
        finished = command("train.py", *small, f"hydra.run.dir={name}", "data.path=none.txt")
        assert finished.returncode == 2 and "none.txt" in finished.stderr
    assert (tmp_path / "mine").is_dir() and not (tmp_path / "new").exists()


def test_records_of_hydras_own_are_no_obstacle(command, small: tuple[str, ...], tmp_path: Path) -> None:
    typed = ("hydra.output_subdir=.hydra", "hydra/job_logging=default", "trainer.max_steps=1")
    finished = command("train.py", *small, "hydra.run.dir=run", *typed)
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "run" / ".hydra" / "config.yaml").is_file()


def test_what_cannot_be_recorded_leaves_no_claim_behind(
    fit_small: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("throughtime.run.fit.write_json", full)
        with pytest.raises(OSError, match="No space left"):
            fit_small()
    assert not (tmp_path / "run").exists()
    assert results(fit_small("trainer.max_steps=1", without="trainer.max_steps"))["status"] == "completed"


def test_what_an_earlier_failure_told_is_kept_on_resuming(fit_small: Fit, tmp_path: Path) -> None:
    run = fit_small("trainer.max_steps=4", without="trainer.max_steps")
    (run / "error.txt").write_text("earlier")
    with pytest.raises(UserError, match=r"none\.txt"):
        fit_small(f"resume={run}", "data.path=none.txt")
    assert (run / "error.txt").read_text() == "earlier"
    fit_small(f"resume={run}")
    assert not (run / "error.txt").exists()
    assert (run / "attempt_1" / "error.txt").read_text() == "earlier"


def test_bfloat16_with_clipping_trains_as_single_precision_does(fit_small: Fit) -> None:
    losses = [
        results(fit_small(f"trainer.precision={precision}", "trainer.gradient_clip_val=0.1", name=precision))[
            "metrics"
        ]["val/loss"]
        for precision in ("32-true", "bf16-mixed")
    ]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)
