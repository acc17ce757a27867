"""A run on two processes has one folder and one voice, stops as one, goes on exactly, and leaves no process behind."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from throughtime.distributed.launcher import SingleNodeEnvironment, WorkerSpec, launch_workers
from throughtime.run.fit import WORKER
from throughtime.run.folder import RunFolder

DDP = (
    "trainer=ddp",
    "data.batch_size=5",
    "model.layers.dropout=0.3",
    "task.horizon=24",
    "callback.checkpoint.every_n_steps=4",
)
LEFT_BEHIND = 15


def workers_below(folder: Path) -> list[int]:
    """The processes that are ranks of runs started in a folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if b"throughtime.run.worker" in (process / "cmdline").read_bytes():
                found += [int(process.name)] * ((process / "cwd").resolve() == folder)
        except OSError:  # it has ended, or is none
            continue
    return found


@pytest.fixture(scope="module")
def whole(command_in: Callable, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that nothing disturbed; only to be read."""
    home = tmp_path_factory.mktemp("whole")
    finished = command_in(home)("train.py", *small, *DDP, "hydra.run.dir=run")
    assert finished.returncode == 0, finished.stderr
    return SimpleNamespace(run=home / "run", stdout=finished.stdout, home=home)


def final(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


def results(run: Path) -> dict[str, Any]:
    return json.loads((run / "results.json").read_text())


def test_there_is_one_folder_and_one_voice(whole: Any) -> None:
    assert [path.name for path in whole.home.iterdir() if path.name not in ("cache", "output")] == ["run"]
    assert results(whole.run)["status"] == "completed" and results(whole.run)["steps"] == 20
    for line in ("textgen: ", "validation  20/20", "completed after 20 steps"):
        assert whole.stdout.count(line) == 1
    names = {path.name.split(".")[0] for path in whole.run.iterdir()}
    assert names == {"checkpoints", "config", "environment", "events", "overrides", "results", "samples"}
    assert len({path.name.split(".")[4] for path in whole.run.glob("events.*")}) == 1, (
        "two processes wrote events"
    )
    assert workers_below(whole.home) == []


def test_every_rank_draws_random_numbers_of_its_own(whole: Any) -> None:
    checkpoint = final(whole.run)
    (other,) = checkpoint["random_of_other_ranks"]
    assert not torch.equal(checkpoint["random"]["cpu"], other["cpu"])
    states = checkpoint["carried"]["state"]
    assert states[0][0].shape[0] == 5


@pytest.mark.slow
def test_stopped_and_killed_it_goes_on_to_the_same_end(
    whole: Any, command: Callable, small: tuple[str, ...], tmp_path: Path
) -> None:
    start = (*small, *DDP, "hydra.run.dir=run")
    stopped = command("train.py", *start, signal_at_step=(signal.SIGTERM, 5))
    assert stopped.returncode == 128 + signal.SIGTERM, stopped.stderr
    assert (results(tmp_path / "run")["status"], final(tmp_path / "run")["global_step"]) == ("interrupted", 6)
    killed = command("train.py", "resume=run", signal_at_step=(signal.SIGKILL, 14))
    assert killed.returncode == -signal.SIGKILL
    assert wait_until(lambda: not workers_below(tmp_path)), "a process was left behind"
    finished = command("train.py", "resume=run")
    assert finished.returncode == 0, finished.stderr
    expected, resumed = final(whole.run), final(tmp_path / "run")
    for name, value in expected["state_dict"].items():
        assert torch.equal(value, resumed["state_dict"][name]), name
    assert torch.equal(
        expected["random_of_other_ranks"][0]["cpu"], resumed["random_of_other_ranks"][0]["cpu"]
    )
    for name in ("best", "best_step", "steps"):
        assert results(whole.run)[name] == results(tmp_path / "run")[name]


def test_a_rank_that_is_killed_ends_the_run_as_failed(
    command: Callable, small: tuple[str, ...], tmp_path: Path
) -> None:
    endless = ("trainer.max_steps=1000000", "optim/schedule=constant", "trainer.val_check_interval=1000000")
    samples = tmp_path / "run" / "checkpoints" / "last.ckpt"

    def kill_rank_1() -> None:
        wait_until(samples.exists, seconds=60)
        for process in workers_below(tmp_path):
            os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill_rank_1)
    killer.start()
    finished = command("train.py", *small, *DDP, *endless, "hydra.run.dir=run")
    killer.join()
    assert finished.returncode == 1
    assert results(tmp_path / "run")["status"] == "failed"
    assert "rank 1 was ended by signal 9" in (tmp_path / "run" / "error.txt").read_text()


def test_a_rank_that_cannot_start_is_told_in_its_own_words(tmp_path: Path) -> None:
    config = {"seed": 1, "data": {"_target_": "no.such.data"}}
    started = time.monotonic()
    with (
        pytest.raises(RuntimeError, match=r"rank 1 .*(failed|has not started)") as raised,
        launch_workers(
            WORKER, [WorkerSpec(1, str(tmp_path), config, str(tmp_path), None)], RunFolder(tmp_path).error_of
        ),
    ):
        pytest.fail("the block must not be entered")
    assert time.monotonic() - started < 60
    assert workers_below(Path.cwd()) == [] and str(raised.value)


def test_alone_nothing_is_started(tmp_path: Path) -> None:
    with launch_workers(WORKER, [], RunFolder(tmp_path).error_of):
        assert workers_below(Path.cwd()) == []


def wait_until(condition: Callable[[], Any], seconds: float = LEFT_BEHIND) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_lightning_starts_no_processes_of_its_own() -> None:
    place = SingleNodeEnvironment(rank=1, folder="somewhere")
    assert place.creates_processes_externally
    assert (place.global_rank(), place.local_rank(), place.folder) == (1, 1, "somewhere")


def test_no_file_of_the_working_folder_takes_the_place_of_a_module(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("torch", "json", "throughtime"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    specs = [WorkerSpec(1, str(tmp_path), {"seed": 1, "data": {"_target_": "no.such"}}, str(tmp_path), None)]
    with (
        pytest.raises(RuntimeError, match="rank 1"),
        launch_workers(WORKER, specs, RunFolder(tmp_path).error_of),
    ):
        pytest.fail("the block must not be entered")
    assert not (tmp_path / "ran").exists()
