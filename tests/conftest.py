"""Shared fixtures; every function of the package is checked against its shape annotations while the tests run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jaxtyping import install_import_hook

install_import_hook("throughtime", "beartype.beartype")

REPOSITORY = Path(__file__).resolve().parent.parent


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


@pytest.fixture
def command(fork_server: Callable[[dict[str, Any]], int], tmp_path: Path) -> Command:
    """Run `train.py` or a script as a user would: `command("train.py", "task=textgen", folder=...)`."""
    output = tmp_path / "output"

    def run(
        script: str,
        *arguments: str,
        folder: Path = tmp_path,
        signal_at_step: tuple[int, int] | None = None,
        stdin: Path | None = None,
    ) -> Finished:
        output.mkdir(exist_ok=True)
        code = fork_server(
            {
                "script": str(REPOSITORY / script),
                "arguments": [str(argument) for argument in arguments],
                "folder": str(folder),
                "environment": {"THROUGHTIME_CACHE": str(tmp_path / "cache")},
                "stdout": str(output / "stdout"),
                "stderr": str(output / "stderr"),
                "stdin": stdin and str(stdin),
                "signal_at_step": signal_at_step,
            }
        )
        return Finished(code, (output / "stdout").read_text(), (output / "stderr").read_text())

    return run
