"""What is done with a job is told by its folder alone: skipped, gone on with, or begun anew."""

import errno
import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from throughtime.errors import Interrupted, UserError
from throughtime.report.record import read
from throughtime.sweep.job import COMPLETED, FAILED, INTERRUPTED, Job, outcome_of
from throughtime.sweep.run_job import LOCK, STOP, record_failure, record_killed, run_job, start_count
from throughtime.task.base import Task

Make = Callable[..., Job]


@pytest.fixture
def make(
    configuration: Callable[..., dict[str, Any]], small: tuple[str, ...], tmp_path: Path, monkeypatch
) -> Make:
    """A job of a moment, with its job.json written."""
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path / "cache"))

    def job(*overrides: str, number: int = 0) -> Job:
        config = configuration(*small, "trainer.max_steps=4", "trainer.val_check_interval=2", *overrides)
        made = Job(number, list(overrides), config, {"task": "textgen", "data": "characters"})
        made.write(tmp_path)
        return made

    return job


def steps_of(
    monkeypatch: pytest.MonkeyPatch, stop_after: int | None = None, error: type | None = None
) -> list[int]:
    """Note each training step, and end after one as a signal or an error would."""
    steps: list[int] = []
    training_step = Task.training_step

    def noted(task: Task, *arguments: Any) -> Any:
        steps.append(task.trainer.global_step)
        if stop_after is not None and len(steps) > stop_after:
            raise error(15)
        return training_step(task, *arguments)

    monkeypatch.setattr(Task, "training_step", noted)
    return steps


def test_a_complete_job_is_left_alone(make: Make, tmp_path: Path, monkeypatch) -> None:
    job, lines = make(), []
    assert run_job(tmp_path / "0", lines.append).status == COMPLETED
    assert [line.rpartition("  ")[0] for line in lines[:1]] == ["0"] and "val/bpc" in lines[1]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "0").rglob("*")}
    steps, again = steps_of(monkeypatch), []
    assert run_job(tmp_path / "0", again.append) == outcome_of(job, tmp_path)
    assert (steps, again) == ([], [])
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "0").rglob("*")}


def test_an_interrupted_job_goes_on_where_it_stopped(make: Make, tmp_path: Path, monkeypatch) -> None:
    make()
    with monkeypatch.context() as patch:
        steps_of(patch, stop_after=3, error=Interrupted)
        with pytest.raises(Interrupted):
            run_job(tmp_path / "0", [].append)
    lines: list[str] = []
    steps = steps_of(monkeypatch)
    assert run_job(tmp_path / "0", lines.append).status == COMPLETED
    assert "goes on" in lines[0] and steps == [2, 3]  # the validation after two steps was the last checkpoint
    assert start_count(tmp_path / "0") == 2


def test_one_that_was_stopped_before_its_first_checkpoint_begins_anew(
    make: Make, tmp_path: Path, monkeypatch
) -> None:
    make()
    with monkeypatch.context() as patch:
        steps_of(patch, stop_after=1, error=Interrupted)
        with pytest.raises(Interrupted):
            run_job(tmp_path / "0", [].append)
    steps = steps_of(monkeypatch)
    assert run_job(tmp_path / "0", [].append).status == COMPLETED
    assert steps == [0, 1, 2, 3]


def test_a_folder_that_was_claimed_and_no_more_is_no_obstacle(make: Make, tmp_path: Path) -> None:
    make()
    (tmp_path / "0" / "checkpoints").mkdir()
    (tmp_path / "0" / "config.yaml").touch()
    assert run_job(tmp_path / "0", [].append).status == COMPLETED


def test_a_job_that_raises_is_an_outcome_and_the_next_attempt_begins_anew(
    make: Make, tmp_path: Path, monkeypatch
) -> None:
    job, lines = make(), []
    with monkeypatch.context() as patch:
        steps_of(patch, stop_after=3, error=ZeroDivisionError)
        outcome = run_job(tmp_path / "0", lines.append)
    assert (outcome.status, outcome.error, outcome.user_error) == (FAILED, "ZeroDivisionError: 15", False)
    assert lines[-1] == "0  failed: ZeroDivisionError: 15"
    assert "Traceback" in (tmp_path / "0" / "error.txt").read_text()
    assert not (tmp_path / STOP).exists()
    events = {path.name for path in (tmp_path / "0").glob("events.out.tfevents.*")}
    steps = steps_of(monkeypatch)
    assert run_job(tmp_path / "0", [].append).status == COMPLETED
    assert steps == [0, 1, 2, 3]
    assert not (tmp_path / "0" / "error.txt").exists()
    assert outcome_of(job, tmp_path).status == COMPLETED
    earlier = tmp_path / "0" / "attempt_1"
    assert "Traceback" in (earlier / "error.txt").read_text()
    assert (earlier / "checkpoints" / "last.ckpt").is_file()
    assert json.loads((earlier / "results.json").read_text())["status"] == FAILED
    assert events == {path.name for path in earlier.glob("events.out.tfevents.*")} != set()
    assert events.isdisjoint(path.name for path in (tmp_path / "0").iterdir())


def test_a_mistake_leaves_its_sentence_and_the_folder_of_a_run(make: Make, tmp_path: Path) -> None:
    make("data.path=none.txt")
    outcome = run_job(tmp_path / "0", [].append)
    assert (outcome.status, outcome.user_error) == (FAILED, True)
    assert outcome.error.startswith("data.path=none.txt does not exist")
    results = json.loads((tmp_path / "0" / "results.json").read_text())
    assert (results["status"], results["task"], results["monitor"]) == ("failed", "textgen", "val/bpc")


def test_with_fail_fast_a_failure_stops_the_sweep(make: Make, tmp_path: Path) -> None:
    make("data.path=none.txt")
    make("seed=2", number=1)
    run_job(tmp_path / "0", [].append, fail_fast=True)
    lines: list[str] = []
    assert run_job(tmp_path / "1", lines.append, fail_fast=True).status == "waiting"
    assert lines == []


def test_a_metric_that_was_never_finite_is_a_failure_and_no_crash(
    make: Make, tmp_path: Path, monkeypatch
) -> None:
    make()
    metrics = Task.metrics
    monkeypatch.setattr(
        "throughtime.task.textgen.TextGeneration.metrics",
        lambda task, stage, loss: {name: float("nan") for name in metrics(task, stage, loss) | {"bpc": 0.0}},
    )
    outcome = run_job(tmp_path / "0", [].append)
    assert (outcome.status, outcome.user_error) == (FAILED, False)
    assert outcome.error == "val/bpc was never finite"


def test_a_job_whose_process_was_killed_can_be_given_up_but_not_while_it_runs(
    make: Make, tmp_path: Path
) -> None:
    job = make()
    folder = tmp_path / "0"
    (folder / "checkpoints").mkdir()
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(job.config)))
    assert outcome_of(job, tmp_path).status == INTERRUPTED
    with (folder / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        record_killed(folder, "killed")
        assert outcome_of(job, tmp_path).status == INTERRUPTED
    record_killed(folder, "killed")
    assert (outcome_of(job, tmp_path).status, outcome_of(job, tmp_path).error) == (FAILED, "killed")


def test_the_folder_of_another_configuration_is_begun_anew(make: Make, tmp_path: Path) -> None:
    job = make()
    assert run_job(tmp_path / "0", [].append).status == COMPLETED
    other = replace(job, config=job.config | {"seed": 9})
    other.write(tmp_path)
    run_job(tmp_path / "0", [].append)
    assert json.loads((tmp_path / "0" / "results.json").read_text())["seed"] == 9


def no_space(number: int) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("error", [no_space, lambda number: MemoryError()])
def test_a_job_that_lacks_space_or_memory_goes_on_from_its_checkpoint(
    make: Make, tmp_path: Path, monkeypatch, error: Callable[[int], Exception]
) -> None:
    make()
    lines: list[str] = []
    with monkeypatch.context() as patch:
        steps_of(patch, stop_after=3, error=error)
        outcome = run_job(tmp_path / "0", lines.append)
    assert outcome.status == INTERRUPTED and outcome.error is not None
    assert lines[-1].startswith("0  interrupted: ")
    steps = steps_of(monkeypatch)
    assert run_job(tmp_path / "0", lines.append).status == COMPLETED
    assert steps == [2, 3]
    assert outcome_of(Job.read(tmp_path / "0"), tmp_path).error is None


def test_a_job_whose_end_cannot_be_saved_goes_on_once_there_is_space(
    make: Make, tmp_path: Path, monkeypatch
) -> None:
    make()
    save = torch.save

    def full(content: Any, file: Any, *arguments: Any, **options: Any) -> None:
        if content["global_step"] == 4:
            raise no_space(0)
        save(content, file, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        for _ in range(2):  # the disk is still full at the second attempt
            outcome = run_job(tmp_path / "0", [].append)
            assert outcome.status == INTERRUPTED and "No space left on device" in outcome.error
            assert (tmp_path / "0" / "checkpoints" / "last.ckpt").is_file()
    steps = steps_of(monkeypatch)
    assert run_job(tmp_path / "0", [].append).status == COMPLETED
    assert steps == [2, 3]


def test_a_disk_without_room_for_a_record_costs_no_checkpoint(
    make: Make, tmp_path: Path, monkeypatch
) -> None:
    make()
    with monkeypatch.context() as patch:
        steps_of(patch, stop_after=3, error=Interrupted)
        with pytest.raises(Interrupted):
            run_job(tmp_path / "0", [].append)
    checkpoints = {path: path.read_bytes() for path in (tmp_path / "0" / "checkpoints").iterdir()}

    def full(path: Path, text: str) -> None:
        raise no_space(0)

    with monkeypatch.context() as patch:
        for module in ("run.fit", "run.folder", "sweep.run_job"):
            patch.setattr(f"throughtime.{module}.write_text", full)
        assert run_job(tmp_path / "0", [].append).status == INTERRUPTED
    assert {path: path.read_bytes() for path in (tmp_path / "0" / "checkpoints").iterdir()} == checkpoints
    assert run_job(tmp_path / "0", [].append).status == COMPLETED


def test_a_job_whose_checkpoints_are_all_damaged_starts_anew_and_they_are_kept(
    make: Make, tmp_path: Path, monkeypatch
) -> None:
    make()
    with monkeypatch.context() as patch:
        steps_of(patch, stop_after=3, error=Interrupted)
        with pytest.raises(Interrupted):
            run_job(tmp_path / "0", [].append)
    names = [path.name for path in (tmp_path / "0" / "checkpoints").iterdir()]
    for name in names:
        os.truncate(tmp_path / "0" / "checkpoints" / name, 100)
    steps = steps_of(monkeypatch)
    assert run_job(tmp_path / "0", [].append).status == COMPLETED
    assert steps == [0, 1, 2, 3]
    earlier = tmp_path / "0" / "attempt_1" / "checkpoints"
    assert {name: (earlier / name).stat().st_size for name in names} == dict.fromkeys(names, 100)


def test_a_job_that_is_given_up_keeps_its_checkpoints_and_what_it_came_to(
    make: Make, tmp_path: Path, monkeypatch
) -> None:
    job, folder = make(), tmp_path / "0"
    with monkeypatch.context() as patch:
        steps_of(patch, stop_after=3, error=Interrupted)
        with pytest.raises(Interrupted):
            run_job(folder, [].append)
    before = outcome_of(job, tmp_path)
    record_killed(folder, "its process was killed")
    outcome = outcome_of(job, tmp_path)
    assert (outcome.status, outcome.error, outcome.user_error) == (FAILED, "its process was killed", False)
    assert outcome.value == before.value and (folder / "checkpoints" / "last.ckpt").is_file()


def test_a_link_in_the_folder_of_a_job_is_refused_and_not_followed(make: Make, tmp_path: Path) -> None:
    make()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("mine")
    (tmp_path / "0" / "samples").symlink_to(tmp_path / "data")
    with pytest.raises(UserError, match="samples is a symbolic link"):
        run_job(tmp_path / "0", [].append)
    assert (tmp_path / "0" / "samples").is_symlink()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mine.txt"]


def test_a_job_that_failed_before_it_had_a_run_is_read_like_any_run(tmp_path: Path) -> None:
    task = {"_target_": "throughtime.task.tagging.Tagging", "monitor": "val/f1"}
    job = Job(
        0,
        ["task=tagging", "seed=7"],
        {"seed": 7, "resume": None, "task": task},
        {"cell": "gru", "hydra/x": "y"},
    )
    job.write(tmp_path)
    record_failure(job, tmp_path / "0", "one sentence")
    record = read(tmp_path / "0")
    assert (record.status, record.task, record.seed, record.error) == (FAILED, "tagging", 7, "one sentence")
    assert (record.monitor, record.mode, record.choices) == ("val/f1", "max", {"cell": "gru"})
    assert outcome_of(job, tmp_path).user_error


def test_a_class_that_may_not_be_built_is_no_obstacle(tmp_path: Path) -> None:
    job = Job(0, [], {"seed": 1, "task": {"_target_": "os.system"}}, {"task": "textgen"})
    job.write(tmp_path)
    record_failure(job, tmp_path / "0", "no")
    assert (read(tmp_path / "0").task, read(tmp_path / "0").monitor) == ("textgen", "")
