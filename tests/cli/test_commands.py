"""The commands predict and generate take the options of the task that RUN is of."""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

SMALL = ("debug=fast", "cell.hidden_size=8")


def test_tags_and_forecasts_are_written_and_options_are_told_apart(command, tmp_path: Path) -> None:
    tagging, forecasting, text = (str(tmp_path / name) for name in ("tagging", "forecasting", "text"))
    assert command("train.py", "task=tagging", *SMALL, f"hydra.run.dir={tagging}").returncode == 0
    assert command("train.py", "task=forecasting", *SMALL, f"hydra.run.dir={forecasting}").returncode == 0
    assert command("train.py", *SMALL, f"hydra.run.dir={text}").returncode == 0

    source = tmp_path / "code.py"
    source.write_text("def twice(x):\n    return x + x\n")
    tagged = command("scripts/predict.py", tagging, source)
    assert tagged.returncode == 0, tagged.stderr
    assert "twice" in tagged.stdout

    history = tmp_path / "history.csv"
    start = datetime(2026, 1, 1)
    rows = (f"{start + timedelta(minutes=30 * step)},{20_000 + step % 48}\n" for step in range(800))
    history.write_text("time,demand\n" + "".join(rows))
    forecast = command(
        "scripts/predict.py", forecasting, history, "--horizon", "5", "--output", tmp_path / "out.csv"
    )
    assert forecast.returncode == 0, forecast.stderr
    header, *steps = (tmp_path / "out.csv").read_text().splitlines()
    assert len(steps) == 5
    assert "lower_95" in header and "forecast" in header

    for run, option in ((tagging, "--plot"), (forecasting, "--probabilities")):
        refused = command("scripts/predict.py", run, source, option)
        assert refused.returncode == 2
        assert f"unrecognized arguments: {option}" in refused.stderr
    refused = command("scripts/predict.py", text, source)
    assert (refused.returncode, refused.stderr) == (
        2,
        "error: task=textgen predicts nothing from a file; scripts/generate.py writes its samples\n",
    )
    refused = command("scripts/generate.py", tagging)
    assert (refused.returncode, refused.stderr) == (
        2,
        "error: task=tagging writes no samples; scripts/predict.py predicts from a file\n",
    )


def test_help_shows_the_options_of_the_task_of_the_run(command, trained) -> None:
    with_run = command("scripts/generate.py", trained.run, "--help")
    assert with_run.returncode == 0 and "task=textgen" in with_run.stdout and "--top-k" in with_run.stdout
    without = command("scripts/generate.py", "--help")
    assert without.returncode == 0 and "--weights" in without.stdout and "--top-k" not in without.stdout
    assert "generate.py RUN --help" in without.stdout


def test_options_may_stand_before_the_run(command, trained) -> None:
    options = ("--prompt", "ab", "--length", "5", "--seed", "1")
    before = command("scripts/generate.py", *options, trained.run)
    assert before.returncode == 0, before.stderr
    assert before.stdout == command("scripts/generate.py", trained.run, *options).stdout


def test_a_run_that_is_not_named_is_a_mistake(command) -> None:
    for words in ((), ("--length", "5")):
        assert command("scripts/generate.py", *words).returncode == 2


def test_help_without_a_run_imports_nothing_heavy() -> None:
    program = (
        "import sys, throughtime.cli.commands; print(*{'torch', 'lightning', 'numpy'} & set(sys.modules))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == []
