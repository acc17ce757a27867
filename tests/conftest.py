"""Shared fixtures; every function of the package is checked against its shape annotations while the tests run."""

import gc
import importlib
import json
import multiprocessing
import os
import pickle
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import annotation_checks
import pytest

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # workers share the cores; threads that wait for each other would starve
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

LARGE = (
    "torch._dynamo",
    "lightning.pytorch",
    "torchmetrics",
    "hydra",
    "pandas",
    "scipy.signal",
    "matplotlib",
)
REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Load the package with the checks of its annotations, in a process that runs tests: not in that of `-n`."""
    if config.getoption("dist", "no") != "no":
        return
    # While the checks' import hook loads a module, it compiles all that this module imports anew; these are large.
    for library in LARGE:
        importlib.import_module(library)
    annotation_checks.install("throughtime")
    for plugin in ("small_runs", "toy_trainer"):
        config.pluginmanager.import_plugin(plugin)


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Leave out garbage collections while millions of objects are made that all stay."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Keep what was made out of later garbage collections, which would look through all of it each time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public data sets that some tests measure on; those tests skip where it is absent."""
    folder = Path(os.environ.get("THROUGHTIME_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no public data at {folder}; set THROUGHTIME_DATA to its folder")
    return folder


@dataclass(frozen=True)
class Finished:
    """A command that has ended; a negative return code is the signal that ended it."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Finished]


@pytest.fixture(scope="session")
def fork_server() -> Iterator[Callable[[dict[str, Any]], int]]:
    """A process with the libraries loaded that forks a child for each command (see tests/fork_server.py)."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [sys.executable, str(REPOSITORY / "tests" / "fork_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    server.stdout.readline()

    def ask(request: dict[str, Any]) -> int:
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        server.stdout.readline()
        return json.loads(server.stdout.readline())["returncode"]

    yield ask
    server.stdin.close()
    server.wait(timeout=30)


@pytest.fixture(scope="session")
def command_in(
    fork_server: Callable[[dict[str, Any]], int], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], Command]:
    """Make a `command` whose working folder, and whose cache of encoded text, is the one given.

    Compiled kernels are shared: their names tell all that they depend on, and each takes a second.
    """
    base = tmp_path_factory.getbasetemp()
    kernels = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kernels"
    kernels.mkdir(mode=0o700, exist_ok=True)

    def make(home: Path) -> Command:
        output = home / "output"
        (home / "cache").mkdir(parents=True, exist_ok=True)
        if not (home / "cache" / "kernels").exists():
            (home / "cache" / "kernels").symlink_to(kernels)

        def run(
            script: str,
            *arguments: str,
            folder: Path = home,
            signal_at_step: tuple[int, int] | None = None,
            stdin: Path | None = None,
        ) -> Finished:
            output.mkdir(exist_ok=True)
            code = fork_server(
                {
                    "script": str(REPOSITORY / script),
                    "arguments": [str(argument) for argument in arguments],
                    "folder": str(folder),
                    "environment": {"THROUGHTIME_CACHE": str(home / "cache")},
                    "stdout": str(output / "stdout"),
                    "stderr": str(output / "stderr"),
                    "stdin": stdin and str(stdin),
                    "signal_at_step": signal_at_step,
                }
            )
            return Finished(code, (output / "stdout").read_text(), (output / "stderr").read_text())

        return run

    return make


@pytest.fixture
def command(command_in: Callable[[Path], Command], tmp_path: Path) -> Command:
    """Run `train.py` or a script as a user would: `command("train.py", "task=textgen", folder=...)`."""
    return command_in(tmp_path)


@pytest.fixture(scope="session")
def in_processes() -> Callable[..., list[Any]]:
    """What `function(*arguments)` returns in each of `count` forked processes, connected as the ranks of a run are.

    It fails where one of them fails, or where they are not done in time, as when one waits for another for ever.
    """

    def run(function: Callable[..., Any], *arguments: Any, count: int = 2, seconds: float = 300) -> list[Any]:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        fork = multiprocessing.get_context("fork")
        pipes = [fork.Pipe(duplex=False) for _ in range(count)]
        shared = (count, port, seconds, function, arguments)
        processes = [
            fork.Process(target=_as_rank, args=(sender, rank, *shared))
            for rank, (_, sender) in enumerate(pipes)
        ]
        for process in processes:
            process.start()
        try:
            return [_received(receiver, rank, seconds) for rank, (receiver, _) in enumerate(pipes)]
        finally:
            for process in processes:
                process.kill()
                process.join()

    return run


def _as_rank(
    sender: Connection,
    rank: int,
    count: int,
    port: int,
    seconds: float,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    import torch
    from torch import distributed

    try:
        torch.set_num_threads(1)  # a fork has none of its parent's threads
        place = {"rank": rank, "world_size": count, "timeout": timedelta(seconds=seconds)}
        distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", **place)
        outcome = (None, function(*arguments))
        distributed.barrier()
    except BaseException as error:
        outcome = (f"{type(error).__name__}: {error}", None)
    sender.send_bytes(pickle.dumps(outcome))
    os._exit(0)


def _received(receiver: Connection, rank: int, seconds: float) -> Any:
    assert receiver.poll(seconds), f"rank {rank} has not returned after {seconds} seconds"
    failure, result = pickle.loads(receiver.recv_bytes())
    assert failure is None, f"rank {rank}: {failure}"
    return result


@pytest.fixture(scope="session")
def configuration() -> Callable[..., dict[str, Any]]:
    """The configuration that overrides give, whole and in plain containers."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    def plain(*overrides: str, resolve: bool = True) -> dict[str, Any]:
        with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
            return OmegaConf.to_container(compose("config", list(overrides)), resolve=resolve)

    return plain


@pytest.fixture(scope="session")
def small_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text of 20,000 characters that takes a moment to learn something from."""
    path = tmp_path_factory.mktemp("text") / "text.txt"
    generator = random.Random(0)
    words = ["".join(generator.choices("abcdefgh", k=generator.randint(1, 7))) for _ in range(50)]
    lines = [" ".join(generator.choices(words, k=8)) for _ in range(500)]
    path.write_text("\n".join(lines) + "\n")
    return path


SMALL = (
    "cell.hidden_size=8",
    "model.front.size=5",
    "data.batch_size=8",
    "data.chunk_length=16",
    "callback.samples.length=5",
    "trainer.max_steps=20",
    "trainer.val_check_interval=10",
    "trainer.log_every_n_steps=5",
    "trainer.accelerator=cpu",
    "engine=reference",  # nothing to compile; tests/run/test_resume.py runs every engine
)


@pytest.fixture(scope="session")
def small(small_text: Path) -> tuple[str, ...]:
    """Overrides for a run of text generation that takes a moment."""
    return (*SMALL, f"data.path={small_text}")
