"""results.json is whole at every moment, and a resumed run loses nothing of what it came to before."""

import json
import signal
from dataclasses import fields
from pathlib import Path

from throughtime.run.folder import RunFolder
from throughtime.run.results import Results


def results(**values: object) -> Results:
    return Results(
        **{"task": "textgen", "seed": 1, "overrides": ["a=1"], "monitor": "val/bpc", "mode": "min"} | values
    )


def test_a_finished_run_tells_all_fields(trained) -> None:
    content = json.loads((trained.run / "results.json").read_text())
    assert set(content) == {field.name for field in fields(Results)}
    assert (content["status"], content["task"], content["seed"]) == ("completed", "textgen", 1)
    assert (content["monitor"], content["mode"]) == ("val/bpc", "min")
    assert (content["steps"], content["epochs"]) == (20, 1)
    assert content["best"] == content["metrics"]["val/bpc"] and content["best_step"] == 20
    assert {"train/loss", "val/loss", "val/perplexity", "test/loss", "test/bpc", "test/perplexity"} <= set(
        content["metrics"]
    )
    assert content["parameters"] > 0 and content["seconds"] > 0 and content["speed"] > 0
    assert Path(content["checkpoint"]) == trained.run / "checkpoints" / "best.ckpt"
    assert "cell.hidden_size=8" in content["overrides"]


def test_of_a_killed_run_it_is_whole_and_says_running(command, small, tmp_path: Path) -> None:
    finished = command("train.py", *small, "hydra.run.dir=run", signal_at_step=(signal.SIGKILL, 3))
    assert finished.returncode == -signal.SIGKILL
    content = json.loads((tmp_path / "run" / "results.json").read_text())
    assert content["status"] == "running" and set(content) == {field.name for field in fields(Results)}
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]


def test_what_is_gone_on_from_keeps_its_best_and_waits_for_another_test(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    metrics = {"val/bpc": 2.0, "test/bpc": 2.1}
    results(best=2.0, best_step=7, steps=9, seconds=3.5, metrics=metrics, status="completed").write(folder)
    resumed = results()
    resumed.continue_from(folder)
    assert (resumed.best, resumed.best_step, resumed.steps, resumed.seconds) == (2.0, 7, 9, 3.5)
    assert resumed.metrics == {"val/bpc": 2.0}
    assert resumed.status == "running"


def test_a_damaged_file_is_no_hindrance(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    resumed = results()
    resumed.continue_from(folder)
    folder.results.write_text('{"best": ')
    resumed.continue_from(folder)
    assert resumed == results()
