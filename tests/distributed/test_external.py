"""Processes that torchrun starts on two machines are one run: the same losses and weights as one process has."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed import HashStore

from throughtime.distributed.external import (
    ExternalEnvironment,
    connect,
    dismiss,
    lead_workers,
    receive,
    report_end,
)
from throughtime.distributed.launcher import WorkerLost, WorkerSpec
from throughtime.distributed.place import Place
from throughtime.run.checkpoint import read_checkpoint
from throughtime.run.recorded_files import read_results

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SHORT = (
    "task=textgen",
    "callback.samples=null",
    "cell.hidden_size=6",
    "model.front.size=5",
    "data.batch_size=4",
)
SHORT += (
    "data.chunk_length=16",
    "engine=reference",
    "trainer.accelerator=cpu",
    "trainer.val_check_interval=4",
)
SHORT += ("logger=none", "trainer.log_every_n_steps=1", "model.layers.dropout=0.0")


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def torchrun(
    port: int, folder: Path, *words: str, options: tuple[str, ...] = ()
) -> Iterator[list[subprocess.Popen]]:
    """Two launchers of one process each, as on two machines, connected by the loopback interface."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    machines = [
        subprocess.Popen(
            [
                *command,
                f"--node-rank={number}",
                "--master-addr=127.0.0.1",
                f"--master-port={port}",
                str(REPOSITORY / "train.py"),
                *words,
            ],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(2)
    ]
    try:
        yield machines
    finally:
        for machine in machines:
            machine.kill()
            machine.wait()


def outputs(machines: list[subprocess.Popen]) -> list[str]:
    return [machine.communicate(timeout=300)[0] for machine in machines]


def checkpoint(run: Path) -> dict[str, Any]:
    return read_checkpoint(run / "checkpoints" / "last.ckpt")


def test_two_machines_are_one_process(port: int, tmp_path: Path, small_text: Path, command: Callable) -> None:
    words = (*SHORT, f"data.path={small_text}", "trainer.max_steps=8")
    finished = command("train.py", *words, f"hydra.run.dir={tmp_path}/alone")
    assert finished.returncode == 0, finished.stderr
    with torchrun(port, tmp_path, *words, "trainer=ddp", "hydra.run.dir=together") as machines:
        first, second = outputs(machines)
    assert [machine.returncode for machine in machines] == [0, 0], first + second
    assert "torchrun has started 2 processes on 2 machines: trainer.num_nodes=2 trainer.devices=1" in first
    assert "run folder" not in second
    alone, together = (read_results(tmp_path / name / "results.json") for name in ("alone", "together"))
    metrics = [
        {name: value for name, value in found["metrics"].items() if "speed" not in name}
        for found in (alone, together)
    ]
    assert metrics[1] == pytest.approx(metrics[0], rel=1e-5)
    weights = [checkpoint(tmp_path / name)["state_dict"] for name in ("alone", "together")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-4, atol=1e-6)
    finished = command("train.py", f"resume={tmp_path}/together", "trainer.max_steps=9")
    assert finished.returncode == 2 and "trainer.num_nodes=2: start one process a device" in finished.stderr
    finished = command(
        "train.py",
        f"resume={tmp_path}/together",
        "trainer.max_steps=9",
        "trainer.num_nodes=1",
        "trainer.devices=1",
    )
    assert finished.returncode == 0, finished.stderr
    assert checkpoint(tmp_path / "together")["global_step"] == 9


@pytest.mark.slow
def test_a_mistake_ends_all_ranks_with_one_sentence(port: int, tmp_path: Path) -> None:
    with torchrun(port, tmp_path, "task=textgen", "trainer=ddp", "cell.hidden_sise=3") as machines:
        found = outputs(machines)
    assert all(machine.returncode for machine in machines)
    assert sum(text.count("hidden_size") for text in found) == 1
    assert not list(tmp_path.glob("runs/*/*"))


@pytest.mark.slow
def test_a_killed_rank_is_started_again_and_the_run_goes_on(
    port: int, tmp_path: Path, small_text: Path
) -> None:
    words = (*SHORT, f"data.path={small_text}", "trainer=ddp", "trainer.max_steps=4000", "hydra.run.dir=run")
    words += ("callback.checkpoint.every_n_steps=20",)
    with torchrun(port, tmp_path, *words, options=("--max-restarts=2", "--monitor-interval=0.5")) as machines:
        last = tmp_path / "run" / "checkpoints" / "last.ckpt"
        deadline = time.monotonic() + 200
        while not last.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        (worker,) = Path(f"/proc/{machines[1].pid}/task/{machines[1].pid}/children").read_text().split()
        os.kill(int(worker), signal.SIGKILL)
        killed_at = read_checkpoint(last)["global_step"]
        texts = outputs(machines)
    assert [machine.returncode for machine in machines] == [0, 0], "\n".join(texts)
    assert 0 < killed_at < 4000
    results = read_results(tmp_path / "run" / "results.json")
    assert (results["status"], results["steps"]) == ("completed", 4000)
    environment = (tmp_path / "run" / "overrides.yaml").read_text()
    assert "trainer.max_steps=4000" in environment


def place(port: int, rank: int = 0) -> Place:
    return Place("srun", rank, 2, 0, 1, "127.0.0.1", port)


def test_workers_get_what_rank_0_sends(port: int) -> None:
    connect.cache_clear()
    store = connect(place(port))
    spec = WorkerSpec(1, "", {"seed": 1}, "folder", None)
    with lead_workers(store, [spec], lambda rank: Path("missing")):
        other = connect(place(port, rank=1))
        assert receive(other, 1) == spec
        dismiss(store, 2)  # too late: they train
        assert receive(other, 1) == spec
        report_end(other, 1)


def test_workers_end_as_rank_0_ends_where_there_is_no_run(port: int) -> None:
    connect.cache_clear()
    store = connect(place(port))
    dismiss(store, 2)
    assert receive(connect(place(port, rank=1)), 1) == 2


def test_a_failed_worker_is_told_in_its_own_words(port: int, tmp_path: Path) -> None:
    connect.cache_clear()
    (tmp_path / "error").write_text("out of paper")
    spec = WorkerSpec(1, "", {}, "folder", None)
    with pytest.raises(RuntimeError, match="rank 1 failed: out of paper"):  # noqa: SIM117
        with lead_workers(connect(place(port)), [spec], lambda rank: tmp_path / "error"):
            raise RuntimeError("connection closed")


def test_an_address_that_nobody_listens_at_is_named(port: int, monkeypatch) -> None:
    monkeypatch.setattr("throughtime.distributed.external.END_WAIT", timedelta(seconds=1))
    hosted = replace(place(port), hosted=True)
    with pytest.raises(WorkerLost, match=rf"rank 0 cannot reach 127\.0\.0\.1:{port}"):
        connect(hosted)


def test_the_environment_is_that_of_the_launcher(port: int) -> None:
    where = Place("torchrun", 3, 4, 1, 2, "10.0.0.7", port)
    environment = ExternalEnvironment(where, HashStore())
    environment.set_global_rank(0)
    environment.set_world_size(1)
    found = (
        environment.global_rank(),
        environment.world_size(),
        environment.local_rank(),
        environment.node_rank(),
    )
    assert found == (3, 4, 1, 1)
    assert not environment.loopback_only
    assert ExternalEnvironment(replace(where, address="127.0.0.1"), HashStore()).loopback_only
