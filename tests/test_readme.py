"""Every command that the README shows runs, shortened by overrides; its example of a cell of one's own is a cell."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
SHORT = ("debug=fast", "cell.hidden_size=8", "trainer.accelerator=cpu")
SHORT_TEXT = (*SHORT, "model.front.size=8", "callback.samples.length=5", "callback.samples.count=1")
SHORT_BENCHMARKS = {
    "cells": ("--quick", "--minutes", "0.02", "--cells", "cfn.py:CFN"),
    "show": (),
    "training": ("--rounds", "1", "--steps", "3", "cell.hidden_size=8"),
    "generation": ("--rounds", "1", "--steps", "3", "cell.hidden_size=8"),
    "memory": ("--rounds", "1", "--steps", "64", "cell.hidden_size=8"),
}
TASKS = ("task=tagging", "task=forecasting")
COMPLETE = ("--", "resume=", "rerun=", "debug=fast")


def blocks(language: str) -> list[str]:
    """The README's code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The lines of shell that a reader would type, comments left out."""
    lines = (line.partition("  #")[0].strip() for block in blocks("sh") for line in block.splitlines())
    return [part.strip() for line in lines for part in line.split("&&") if part.strip()]


def example_of_a_cell() -> str:
    """The file that the reader writes a cell in."""
    return next(block for block in blocks("python") if "(Cell)" in block)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with the user's files that the README speaks of."""
    words = "The quick brown fox jumps over the lazy dog and says something new. "
    lines = 200
    files = {
        **dict.fromkeys(("my.txt", "other.txt", "tinyshakespeare.txt"), words * 400),
        "names.txt": "\n".join(f"{a}{b}{c}n" for a in "abcdefg" for b in "aeiou" for c in "klmnrst"),
        "code.py": "def twice(x):\n    return x + x\n",
        "tags.conll": "Ann B-PER\nsaw O\nBob B-PER\n\nHe O\nran O\n\n" * lines,
        "tags.conllu": "1\tHe\the\tPRON\t_\t_\t2\t_\t_\t_\n2\tran\trun\tVERB\t_\t_\t0\t_\t_\t_\n\n" * lines,
        "seq.in": "show flights to Boston\n" * lines,
        "seq.out": "O O O B-city\n" * lines,
        "cfn.py": example_of_a_cell(),
        "series.csv": "time,load\n" + table(600),
        "history.csv": "time,demand\n" + table(800),
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def table(rows: int) -> str:
    """A day's wave, every half hour."""
    start = datetime(2026, 1, 1)
    return "".join(f"{start + timedelta(minutes=30 * row)},{row % 48}\n" for row in range(rows))


def test_every_command_is_one_that_this_test_knows_how_to_run() -> None:
    known = (
        "pip install ",
        "pytest",
        "python train.py",
        "python scripts/",
        "tensorboard --logdir",
        "git clone",
        "cd ",
    )
    assert commands(), "the README shows no command"
    assert [line for line in commands() if not line.startswith(known)] == []


def test_every_run_and_script_of_the_readme_works(command, folder: Path) -> None:
    """In the order of the README, so that scripts find the runs that the lines before them made."""
    for line in commands():
        _, *words = shlex.split(line)
        if line.startswith("python train.py"):
            other_task = any(word in TASKS for word in words)
            complete = any(word.startswith(COMPLETE) for word in words)
            chosen = [word for word in words[1:] if complete or not word.startswith("trainer.max_steps=")]
            shortened = chosen if complete else [*chosen, *(SHORT if other_task else SHORT_TEXT)]
            finished = command("train.py", *newest_runs(shortened, folder), folder=folder)
        elif line.startswith("python scripts/benchmark.py"):
            finished = command(*words, *SHORT_BENCHMARKS[words[1]], folder=folder)
        elif line.startswith("python scripts/"):
            finished = command(words[0], *newest_runs(words[1:], folder), folder=folder)
        else:
            continue
        assert finished.returncode == 0, f"{line}\n{finished.stdout}\n{finished.stderr}"
    served = subprocess.run(
        [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder / "runs"), "--inspect"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "val/bpc" in served.stdout, served.stderr


def newest_runs(words: list[str], folder: Path) -> list[str]:
    """The words with the folders of runs and sweeps in the README replaced by the newest of the same task."""

    def newest(match: re.Match) -> str:
        runs = sorted((folder / match.group(1)).iterdir(), key=lambda run: run.stat().st_mtime)
        return str(runs[-1])

    return [re.sub(r"((?:runs|multirun)/\w+)/[\w.…-]+", newest, word) for word in words]


def test_the_python_of_the_readme_runs(folder: Path) -> None:
    for block in blocks("python"):
        finished = subprocess.run(
            [sys.executable, "-c", block],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(folder), "THROUGHTIME_CACHE": str(folder / "cache")},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert finished.returncode == 0, finished.stderr


def test_the_c_of_the_readme_is_what_its_command_shows(command, folder: Path) -> None:
    line = next(line for line in commands() if "benchmark.py show" in line)
    shown = [line.strip() for line in command(*shlex.split(line)[1:], folder=folder).stdout.splitlines()]
    for block in blocks("c"):
        assert [line for line in block.splitlines() if line.strip() not in shown] == []


def test_the_example_of_a_cell_is_twenty_lines_and_five_and_trains(tmp_path: Path) -> None:
    code = example_of_a_cell()
    config = next(block for block in blocks("yaml") if "_target_: throughtime.cell." in block)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    assert len(config.strip().splitlines()) <= 5
    repository = README.parent
    for name in ("src", "conf"):
        shutil.copytree(repository / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "train.py", tmp_path)
    module = re.search(r"throughtime\.cell\.(\w+)\.", config).group(1)
    (tmp_path / "src" / "throughtime" / "cell" / f"{module}.py").write_text(code)
    (tmp_path / "conf" / "cell" / f"{module}.yaml").write_text(config)
    finished = subprocess.run(
        [sys.executable, "train.py", f"cell={module}", *SHORT_TEXT],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "src"), "THROUGHTIME_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    assert "test bpc" in finished.stdout
