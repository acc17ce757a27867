"""scripts/report.py as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def test_a_sweep_is_shown_within_80_columns(command, swept: Path) -> None:
    finished = command("scripts/report.py", swept)
    assert finished.returncode == 0, finished.stderr
    assert "elman" in finished.stdout and "±" in finished.stdout
    assert max(map(len, finished.stdout.splitlines())) <= 80


def test_what_is_asked_for_is_written(command, swept: Path, tmp_path: Path) -> None:
    asked = ["--where", "cell=gru", "--runs", "--sort", "seed", "--reverse", "--format", "json"]
    finished = command(
        "scripts/report.py", swept, *asked, "--output", "out.json", "--figure", "out.png", folder=tmp_path
    )
    assert (finished.returncode, finished.stdout) == (0, ""), finished.stderr
    assert [line["seed"] for line in json.loads((tmp_path / "out.json").read_text())] == [2, 1]
    assert (tmp_path / "out.png").stat().st_size > 1000


def test_two_runs_are_compared(command, swept: Path) -> None:
    finished = command("scripts/report.py", "--diff", swept / "0", swept / "2")
    assert finished.returncode == 0 and "cell._target_" in finished.stdout, finished.stderr


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ((), "name the folders to report on"),
        (("nowhere",), "nowhere does not exist"),
        (("empty",), "there are no runs in empty"),
        (("SWEEP", "--where", "cell=lstm"), "none of the 4 runs meets --where cell=lstm"),
        (("SWEEP", "--where", "nonsense"), "write a key"),
        (("SWEEP", "--sort", "val/bcp"), "did you mean val/bpc?"),
        (("SWEEP", "--diff", "a", "b"), "or two runs with --diff"),
        (("--diff", "SWEEP/0", "none"), "there is no such folder"),
        (("SWEEP", "--output", "none/x.csv"), "there is no such folder"),
    ],
)
def test_a_mistake_gets_one_sentence(
    typed: tuple[str, ...], sentence: str, command, swept: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    words = [word.replace("SWEEP", str(swept)) for word in typed]
    finished = command("scripts/report.py", *words, folder=tmp_path)
    assert finished.returncode == 2 and finished.stderr.startswith("error: "), finished.stderr
    assert sentence in finished.stderr and finished.stderr.count("\n") == 1


def test_reading_and_showing_runs_imports_nothing_heavy(swept: Path) -> None:
    program = f"""
import runpy, sys
sys.argv = ["report.py", {str(swept)!r}, "--where", "seed=1"]
runpy.run_path({str(REPOSITORY / "scripts" / "report.py")!r}, run_name="__main__")
print("heavy:", *({{"torch", "lightning", "pandas", "matplotlib", "tensorboard"}} & set(sys.modules)))
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines()[-1].split() == ["heavy:"]
