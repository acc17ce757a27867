"""No other machine can reach the ranks of a run, and no pickle travels between them."""

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import distributed

from throughtime.distributed.collectives import all_gather, rank
from throughtime.distributed.launcher import SingleNodeEnvironment, meeting_folder
from throughtime.distributed.strategy import INTERFACES, StoreDDP, loopback

LISTENING = "0A"

RANK = """
import os, sys
from throughtime.distributed.launcher import SingleNodeEnvironment
from throughtime.distributed.strategy import StoreDDP
place = SingleNodeEnvironment(int(sys.argv[1]), sys.argv[2])
strategy = StoreDDP(cluster_environment=place, parallel_devices=[__import__("torch").device("cpu")] * 2)
strategy.setup_distributed()
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
"""


def listening(process: int) -> set[str]:
    """The addresses, in hexadecimal, on which a process listens."""
    links = [os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir() if path.is_symlink()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    tables = [Path(f"/proc/{process}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [row.split() for table in tables for row in table]
    return {row[1].partition(":")[0] for row in rows if row[3] == LISTENING and row[9] in inodes}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the table of sockets is Linux's")
def test_ranks_listen_on_the_loopback_interface_alone() -> None:
    with meeting_folder() as folder:
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        ranks = [
            subprocess.Popen(
                [sys.executable, "-c", RANK, str(number), folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(2)
        ]
        try:
            for process in ranks:
                assert process.stdout.readline() == "ready\n"
            found = [listening(process.pid) for process in ranks]
        finally:
            for process in ranks:
                process.communicate()
    assert set.union(*found) == {socket.inet_aton("127.0.0.1")[::-1].hex().upper()}
    assert not Path(folder).exists()


def test_the_interface_is_named_for_both_backends(monkeypatch) -> None:
    for name in INTERFACES:
        monkeypatch.setenv(name, "eth0")
    strategy = StoreDDP(cluster_environment=SingleNodeEnvironment(), parallel_devices=[torch.device("cpu")])
    strategy.setup_distributed()
    try:
        assert [os.environ[name] for name in INTERFACES] == [loopback()] * 2
        assert distributed.get_world_size() == 1
    finally:
        distributed.destroy_process_group()


def without_pickles() -> list:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pickle is made or read")

    own = {"tensor": torch.tensor([rank()]), "text": "x" * (10 * rank()), "tuple": (rank(), None)}
    with pytest.MonkeyPatch.context() as patch:  # what the test itself receives may be a pickle
        for name in ("dumps", "loads", "Pickler", "Unpickler"):
            patch.setattr(pickle, name, refuse)
        for name in ("_pickler", "_unpickler"):
            patch.setattr(distributed.distributed_c10d, name, refuse)
        for name in ("save", "load"):
            patch.setattr(torch, name, refuse)
        found = [*(StoreDDP().broadcast(own, source) for source in (0, 1)), *all_gather(own)]
    return [[one["tensor"].tolist(), one["text"], one["tuple"]] for one in found]


def test_ranks_send_each_other_no_pickles(in_processes: Callable) -> None:
    expected = [[[0], "", (0, None)], [[1], "x" * 10, (1, None)]] * 2
    assert in_processes(without_pickles) == [expected] * 2
