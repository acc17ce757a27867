"""One command predicts for runs of every task that predicts from a file."""

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
    history.write_text("time,taylor\n" + "".join(f"{step},{step % 48}\n" for step in range(800)))
    forecast = command(
        "scripts/predict.py", forecasting, history, "--horizon", "5", "--output", tmp_path / "out.csv"
    )
    assert forecast.returncode in (0, 2), forecast.stderr

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
