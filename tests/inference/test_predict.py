"""One command predicts for runs of every task that predicts from a file."""

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

    for run, option, task in (
        (tagging, ("--plot",), "forecasting"),
        (forecasting, ("--probabilities",), "tagging"),
    ):
        refused = command("scripts/predict.py", run, source, *option)
        assert refused.returncode == 2
        assert f"for runs of task={task}" in refused.stderr
    refused = command("scripts/predict.py", text, source)
    assert refused.returncode == 2
    assert "scripts/generate.py" in refused.stderr
