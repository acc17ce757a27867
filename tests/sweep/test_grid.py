"""A grid is every combination of its values, each configuration once, and a sweep that is killed loses nothing."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from throughtime.sweep.grid import _count

REPOSITORY = Path(__file__).resolve().parent.parent.parent
GRID = ("-m", "task=textgen", "cell=elman,gru", "seed=1,2")


def overrides(sweep: Path) -> list[str]:
    """What sets the jobs of a sweep apart, in their order."""
    folders = sorted(
        (path for path in sweep.iterdir() if path.name.isdigit()), key=lambda path: int(path.name)
    )
    return [json.loads((folder / "job.json").read_text())["label"] for folder in folders]


def test_the_grid_is_every_combination_and_the_last_key_varies_fastest(swept) -> None:
    sizes = ("cell.hidden_size=4", "cell.hidden_size=-4")
    assert overrides(swept.folder) == [
        f"cell={cell} seed={seed} {size}" for cell in ("elman", "gru") for seed in (1, 2) for size in sizes
    ]


def test_each_job_tells_of_its_start_and_its_end_and_the_progress_of_a_run_is_its_own(swept) -> None:
    lines = [line[10:] for line in swept.stdout.splitlines() if line[2:3] == ":"]
    assert lines[0] == "0  cell=elman seed=1 cell.hidden_size=4  starts"
    assert lines[1].startswith("0  cell=elman seed=1 cell.hidden_size=4  val/bpc ")
    assert lines[3].startswith(
        "1  cell=elman seed=1 cell.hidden_size=-4  failed: cell: hidden_size must be above 0"
    )
    assert len(lines) == 16
    assert "completed after 4 steps" not in swept.stdout
    assert "completed after 4 steps" in (swept.folder / "0" / "output.txt").read_text()


def test_a_configuration_that_is_typed_twice_is_one_job(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    finished = command(
        "train.py", "-m", *small, "seed=1,1,2", "cell=gru,gru", "data.path=none.txt", "hydra.sweep.dir=sweep"
    )
    assert finished.returncode == 2
    assert finished.stdout.startswith("sweep: 2 jobs")


def test_a_mistake_in_every_job_is_one_sentence_and_nothing_is_left(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    mistakes = {
        "cell.hiden_size=3,4": "did you mean cell.hidden_size?",
        "cell=elman,gruu": "did you mean cell=gru?",
        "seed=1,abc": "seed=abc is not a whole number",
        "cell.hidden_size=interval(1,9)": "sweep=optuna searches an interval",
        "data.path=none.txt": "data.path=none.txt does not exist",
        "hydra.sweep.dir=/proc/sweep": "hydra.sweep.dir=/proc/sweep cannot be written",
    }
    for typed, sentence in mistakes.items():
        finished = command("train.py", "-m", *small, "seed=1,2", "hydra.sweep.dir=sweep", typed)
        assert finished.returncode == 2, typed
        assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1, finished.stderr
        assert sentence in finished.stderr
        assert not (tmp_path / "sweep").exists(), typed


def test_the_folder_of_another_sweep_is_not_taken(command, small: tuple[str, ...], swept) -> None:
    before = {path: path.stat().st_mtime_ns for path in swept.folder.rglob("*")}
    finished = command("train.py", *GRID, *small, f"hydra.sweep.dir={swept.folder}")
    assert finished.returncode == 2 and "already holds a sweep" in finished.stderr
    assert {path: path.stat().st_mtime_ns for path in swept.folder.rglob("*")} == before


MISTAKE = ("-m", "task=textgen", "data.path=none.txt", "seed=1,2")


@pytest.mark.parametrize("place", ["multirun", ".", "link"])
def test_a_mistake_in_every_job_takes_nothing_of_the_users_with_it(
    command, tmp_path: Path, place: str
) -> None:
    earlier = tmp_path / "multirun" / "textgen" / "earlier" / "0"
    earlier.mkdir(parents=True)
    (earlier / "results.json").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "multirun")
    (tmp_path / "notes.txt").write_text("mine")
    finished = command("train.py", *MISTAKE, f"hydra.sweep.dir={place}")
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1
    assert "hydra.sweep.dir=" in finished.stderr and "is not empty" in finished.stderr
    assert (earlier / "results.json").read_text() == "{}" and (tmp_path / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "sweep.json").exists() and (tmp_path / "link").is_symlink()


def test_a_mistake_in_every_job_leaves_an_empty_folder_empty(command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    for place in ("mine", "link"):
        finished = command("train.py", *MISTAKE, f"hydra.sweep.dir={place}")
        assert finished.returncode == 2 and "data.path=none.txt does not exist" in finished.stderr
        assert (tmp_path / "link").is_symlink() and list((tmp_path / "mine").iterdir()) == []


def test_a_sweep_that_is_gone_on_with_is_never_removed(
    command, small_text: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    """No job has begun when it is killed; then its text is moved away, and back."""
    text = tmp_path / "text.txt"
    shutil.copy(small_text, text)
    typed = ("-m", "seed=1,2", *small, f"data.path={text}", "trainer.max_steps=2", "hydra.sweep.dir=sweep")
    assert command("train.py", *typed, signal_at_step=(signal.SIGKILL, 0)).returncode == -signal.SIGKILL
    text.rename(tmp_path / "moved.txt")
    for _ in range(2):
        failed = command("train.py", "-m", "resume=sweep")
        assert failed.returncode == 2 and "text.txt does not exist" in failed.stderr
        assert overrides(tmp_path / "sweep") == ["seed=1", "seed=2"]
    (tmp_path / "moved.txt").rename(text)
    finished = command("train.py", "-m", "resume=sweep")
    assert finished.returncode == 0, finished.stderr


def test_a_killed_job_keeps_its_checkpoints_while_its_text_is_away(
    command, small_text: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    text, folder = tmp_path / "text.txt", tmp_path / "sweep" / "0"
    shutil.copy(small_text, text)
    typed = ("-m", "seed=1,2", *small, f"data.path={text}", "hydra.sweep.dir=sweep")
    killed = command("train.py", *typed, signal_at_step=(signal.SIGKILL, 15))
    assert killed.returncode == -signal.SIGKILL
    checkpoints = {path.name: path.read_bytes() for path in (folder / "checkpoints").iterdir()}
    assert "last.ckpt" in checkpoints
    text.rename(tmp_path / "moved.txt")
    for _ in range(2):
        failed = command("train.py", "-m", "resume=sweep")
        assert failed.returncode == 1 and "text.txt does not exist" in failed.stdout
        assert "job 0 interrupted: data.path=" in failed.stdout and "1 failed, 1 interrupted" in failed.stdout
        assert {path.name: path.read_bytes() for path in (folder / "checkpoints").iterdir()} == checkpoints
    (tmp_path / "moved.txt").rename(text)
    finished = command("train.py", "-m", "resume=sweep")
    assert finished.returncode == 0, finished.stderr
    assert "0  seed=1  goes on" in finished.stdout
    # It is one run, killed and resumed; what its failure told is kept.
    assert [str(path.relative_to(folder)) for path in folder.glob("attempt_*/*")] == ["attempt_1/error.txt"]


def test_two_sweeps_started_in_the_same_second_have_a_folder_each(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    """The clock is taken out: all but the token of the folder's name is the same."""
    for _ in range(2):
        typed = ("trainer.max_steps=1", "hydra.sweep.dir=sweeps/now-${token:}", "seed=1,2")
        assert command("train.py", "-m", *small, *typed).returncode == 0
    sweeps = list((tmp_path / "sweeps").iterdir())
    assert [len(overrides(sweep)) for sweep in sweeps] == [2, 2]


def test_a_sweep_that_is_killed_and_resumed_has_the_same_table(
    command, small: tuple[str, ...], table: Callable, tmp_path: Path
) -> None:
    typed = (*GRID, *small, "trainer.max_steps=8", "trainer.val_check_interval=3")
    assert command("train.py", *typed, "hydra.sweep.dir=whole").returncode == 0
    killed = command("train.py", *typed, "hydra.sweep.dir=killed", signal_at_step=(signal.SIGKILL, 2))
    assert killed.returncode == -signal.SIGKILL  # before the first checkpoint
    for step in (4, 7):
        killed = command("train.py", "-m", "resume=killed", signal_at_step=(signal.SIGKILL, step))
        assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "results.csv").exists()
    finished = command("train.py", "-m", "resume=killed")
    assert finished.returncode == 0, finished.stderr
    assert table(tmp_path / "whole") == table(tmp_path / "killed")
    assert len(table(tmp_path / "killed")[0]) == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_the_running_job_and_tells_how_to_go_on(
    number: int, code: int, command, small: tuple[str, ...], tmp_path: Path
) -> None:
    typed = (*GRID, *small, "trainer.max_steps=8", "hydra.sweep.dir=sweep")
    finished = command("train.py", *typed, signal_at_step=(number, 4))
    assert finished.returncode == code, finished.stderr
    assert "go on         python train.py -m resume=sweep" in finished.stdout
    assert json.loads((tmp_path / "sweep" / "0" / "results.json").read_text())["status"] == "interrupted"
    assert not (tmp_path / "sweep" / "1" / "results.json").exists()
    resumed = command("train.py", "resume=sweep")  # -m is understood
    assert resumed.returncode == 0 and "0  cell=elman seed=1  goes on" in resumed.stdout


def test_a_sweep_that_was_killed_while_it_was_planned_is_planned_again(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    typed = ("task=textgen", "seed=1,2", *small, "trainer.max_steps=1")
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.json").write_text(json.dumps({"arguments": typed, "planned": False}))
    finished = command("train.py", "-m", "resume=sweep")
    assert finished.returncode == 0, finished.stderr
    assert overrides(tmp_path / "sweep") == ["seed=1", "seed=2"]


def test_a_sweep_finds_its_text_from_another_folder(
    command, small: tuple[str, ...], small_text: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.txt").write_text(small_text.read_text())
    (tmp_path / "elsewhere").mkdir()
    typed = [one for one in small if not one.startswith("data.path=")]
    started = ("-m", *typed, "data.path=own.txt", "seed=1,2", "trainer.max_steps=2", "hydra.sweep.dir=sweep")
    killed = command("train.py", *started, signal_at_step=(signal.SIGTERM, 1))
    assert killed.returncode == 143, killed.stderr
    resumed = command("train.py", "-m", "resume=../sweep", folder=tmp_path / "elsewhere")
    assert resumed.returncode == 0, resumed.stderr
    results = [tmp_path / "sweep" / number / "results.json" for number in "01"]
    assert [json.loads(path.read_text())["status"] for path in results] == ["completed"] * 2


def lines_of(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


@pytest.mark.slow
def test_three_cells_and_three_seeds_on_two_processes_killed_three_times(
    small: tuple[str, ...], table: Callable, tmp_path: Path
) -> None:
    environment = os.environ | {"THROUGHTIME_CACHE": str(tmp_path / "cache")}
    environment.pop("OMP_NUM_THREADS", None)
    program = [sys.executable, str(REPOSITORY / "train.py"), "-m"]
    typed = (
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "task=textgen",
        "cell=elman,gru,lstm",
        "seed=1,2,3",
    )
    length = (
        "trainer.max_steps=150",
        "trainer.val_check_interval=50",
        "callback.checkpoint.every_n_steps=20",
    )
    start = [*program, *typed, *small, *length]

    def run(*arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            arguments,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    whole = run(*start, "hydra.sweep.dir=whole")
    printed = whole.communicate()[0]
    assert whole.returncode == 0, printed
    generator, arguments = random.Random(), [*start, "hydra.sweep.dir=killed"]
    for _ in range(3):
        sweep, journal = run(*arguments), tmp_path / "killed" / "journal.txt"
        told = lines_of(journal) + generator.randint(1, 4)
        while lines_of(journal) < told:  # jobs that start and end
            assert sweep.poll() is None, sweep.communicate()
            time.sleep(0.01)
        time.sleep(generator.uniform(0, 2))
        os.killpg(sweep.pid, signal.SIGKILL)
        sweep.wait()
        arguments = [*program, "resume=killed"]
    finished = run(*arguments)
    printed = finished.communicate()[0]
    assert finished.returncode == 0, printed
    assert table(tmp_path / "whole") == table(tmp_path / "killed")
    assert len(table(tmp_path / "killed")[0]) == 9


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        ("seed=range(0,1000000000)", 10**9),
        ("seed=range(1,10,3)", 3),
        ("seed=range(5,1)", 0),
        ("cell=gru,lstm", 2),
        ("seed=1", 1),
    ],
)
def test_the_values_of_a_key_are_counted_without_being_listed(typed: str, count: int) -> None:
    assert _count(OverridesParser.create().parse_override(typed)) == count
