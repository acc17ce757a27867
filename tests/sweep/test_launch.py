"""Whichever launcher runs them, all jobs come to an outcome, and what stops one sweep is gone on with by the next."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from throughtime.sweep.launch import _variable, cores

REPOSITORY = Path(__file__).resolve().parent.parent.parent
Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(small: tuple[str, ...], tmp_path: Path) -> Start:
    """Start a sweep of two jobs, each in a process of its own, in the folder `sweep`."""

    def begin(*typed: str) -> subprocess.Popen:
        environment = os.environ | {"THROUGHTIME_CACHE": str(tmp_path / "cache")}
        environment.pop("OMP_NUM_THREADS", None)
        fixed = (
            ("-m", *typed)
            if typed[0].startswith("resume=")
            else ("-m", *small, "hydra.sweep.dir=sweep", *typed)
        )
        return subprocess.Popen(
            [sys.executable, str(REPOSITORY / "train.py"), *fixed],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return begin


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A module in the working folder with the name of a standard one; it leaves this file where it is imported."""
    imported = tmp_path / "imported"
    (tmp_path / "json.py").write_text(f"open({str(imported)!r}, 'w').close()\nraise ImportError('planted')\n")
    return imported


def result(sweep: Path, number: int, name: str = "results.json") -> dict:
    return json.loads((sweep / str(number) / name).read_text())


def wait_for(path: Path, process: subprocess.Popen) -> None:
    """Until the file is there; a process that ends without it has failed."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
ENDLESS = (
    "trainer.max_steps=1000000",
    "callback.checkpoint.every_n_seconds=1",
    "trainer.val_check_interval=100000",
)


def test_joblib_shares_out_the_cores_and_nothing_garbles_the_terminal(
    start: Start, planted: Path, tmp_path: Path
) -> None:
    sweep = start(
        *JOBLIB, "seed=1,2", "cell.hidden_size=8,-8", "trainer.max_steps=2", "trainer.val_check_interval=1"
    )
    out, errors = sweep.communicate()
    assert (sweep.returncode, errors) == (1, "")
    lines = [line for line in out.partition("\ntextgen")[0].splitlines()[1:] if line]
    assert len(lines) == 8 and all(line[2] == ":" for line in lines), out
    for number in (0, 1):
        assert result(tmp_path / "sweep", number)["status"] == "completed"
        assert result(tmp_path / "sweep", number, "environment.json")["threads"] == max(cores() // 2, 1)
    for number in (2, 3):
        assert result(tmp_path / "sweep", number)["status"] == "failed"
    assert not planted.exists()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_signal_to_a_parallel_sweep_saves_its_jobs(
    number: int, code: int, start: Start, tmp_path: Path
) -> None:
    sweep = start(*JOBLIB, "seed=1,2", *ENDLESS)
    for job in (0, 1):
        wait_for(tmp_path / "sweep" / str(job) / "checkpoints" / "last.ckpt", sweep)
    sweep.send_signal(number)
    out, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == code
    assert "go on         python train.py -m resume=sweep" in out
    assert [result(tmp_path / "sweep", job)["status"] for job in (0, 1)] == ["interrupted"] * 2


@pytest.mark.slow
def test_a_job_whose_process_is_killed_is_begun_once_more_and_the_others_go_on(
    start: Start, tmp_path: Path
) -> None:
    sweep = start(*JOBLIB, "seed=1,2", "trainer.max_steps=1000", *ENDLESS[1:])
    last, lock = tmp_path / "sweep" / "0" / "checkpoints" / "last.ckpt", tmp_path / "sweep" / "0" / "lock"
    for attempt in (1, 2):
        wait_for(last, sweep)
        while len(begun := lock.read_text().splitlines()) < attempt:
            time.sleep(0.02)
        os.kill(int(begun[-1].split()[1]), signal.SIGKILL)
    out, errors = sweep.communicate(timeout=120)
    assert sweep.returncode == 1, errors
    assert "job 0 failed: its process was killed twice" in out
    assert result(tmp_path / "sweep", 1)["status"] == "completed"
    assert "go on         python train.py -m resume=sweep" in out


def test_submitit_runs_real_jobs_on_this_machine(start: Start, planted: Path, tmp_path: Path) -> None:
    sweep = start(
        "hydra/launcher=submitit_local", "seed=1,2", "trainer.max_steps=2", "trainer.val_check_interval=1"
    )
    out, errors = sweep.communicate()
    assert (sweep.returncode, errors) == (0, "")
    assert out.count("  starts") == 2 and "± " in out
    assert result(tmp_path / "sweep", 0, "environment.json")["threads"] == 1
    assert not planted.exists()


def test_fail_fast_stops_at_the_first_failure(command, small: tuple[str, ...], tmp_path: Path) -> None:
    typed = ("cell.hidden_size=-4,4", "sweep.fail_fast=true", "trainer.max_steps=2", "hydra.sweep.dir=sweep")
    finished = command("train.py", "-m", *small, *typed)
    assert finished.returncode == 1
    assert "1 failed, 1 waiting" in finished.stdout
    assert not (tmp_path / "sweep" / "1" / "results.json").exists()
    resumed = command("train.py", "resume=sweep", "sweep.fail_fast=false")
    assert resumed.returncode == 1 and "1 completed, 1 failed" in resumed.stdout


def test_a_users_own_number_of_threads_is_respected(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with _variable("OMP_NUM_THREADS", "1"):
        assert os.environ["OMP_NUM_THREADS"] == "3"
    monkeypatch.delenv("OMP_NUM_THREADS")
    with _variable("OMP_NUM_THREADS", "1"):
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in os.environ
