"""A process beside others keeps the terminal clean, stops when it is told, and takes a GPU of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from throughtime.errors import Interrupted
from throughtime.sweep.run_job import STOP
from throughtime.sweep.worker import _watch_for_stop, choose_device, free_slot


def test_all_output_goes_into_the_file_and_then_to_the_terminal_again(tmp_path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from throughtime.sweep.worker import _redirect_output
with _redirect_output(Path("{tmp_path}/output.txt")):
    print("of Python")
    os.system("echo of another program; echo and its error >&2")
print("after")
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (finished.stdout, finished.stderr) == ("after\n", "")
    lines = (tmp_path / "output.txt").read_text().splitlines()
    assert set(lines) == {"of Python", "of another program", "and its error"}


def test_it_stops_where_the_sweep_is_to_stop(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted), _watch_for_stop(tmp_path, interval=0.01):
        (tmp_path / STOP).touch()
        time.sleep(30)
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_stops_where_the_process_that_started_it_has_died(tmp_path: Path) -> None:
    program = f"""
import os, sys, time
from pathlib import Path
from throughtime.errors import Interrupted
from throughtime.sweep.worker import _watch_for_stop
if os.fork():
    while not Path("{tmp_path}/ready").exists():
        time.sleep(0.01)
    os._exit(0)
try:
    with _watch_for_stop(Path("{tmp_path}"), interval=0.01):
        Path("{tmp_path}/ready").touch()
        time.sleep(30)
except Interrupted:
    print("interrupted")
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert finished.stdout == "interrupted\n"


def test_no_two_living_processes_hold_the_same_slot(tmp_path: Path) -> None:
    (first, one), (second, other) = free_slot(tmp_path), free_slot(tmp_path)
    assert (first, second) == (0, 1)
    one.close()
    assert free_slot(tmp_path)[0] == 0
    other.close()


def test_each_process_takes_a_gpu_and_more_processes_share_them(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("throughtime.sweep.worker._slot", None)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    held, taken = [], []
    for _ in range(3):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
        choose_device(tmp_path)
        taken.append(os.environ["CUDA_VISIBLE_DEVICES"])
        from throughtime.sweep import worker

        held.append(worker._slot)
        monkeypatch.setattr("throughtime.sweep.worker._slot", None)
    assert taken == ["4", "7", "4"]
    for file in held:
        file.close()


@pytest.mark.parametrize(("visible", "slurm"), [("3", None), ("0,1", "17")])
def test_a_single_gpu_and_those_of_a_scheduler_are_left_as_they_are(
    visible: str, slurm: str | None, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("throughtime.sweep.worker._slot", None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    if slurm:
        monkeypatch.setenv("SLURM_JOB_ID", slurm)
    choose_device(tmp_path)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible
