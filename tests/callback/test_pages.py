"""TensorBoard shows a whole run: its curves, its text, its hyperparameters, and no point twice after a kill."""

import json
import signal
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

SCALARS = {
    "train/loss",
    "val/loss",
    "val/bpc",
    "val/perplexity",
    "test/bpc",
    "optim/lr",
    "gradient/norm",
    "speed/tokens_per_second",
}


@pytest.fixture(scope="module")
def runs(command_in: Any, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs in one folder: one left alone, and one that was killed twice and resumed."""
    home = tmp_path_factory.mktemp("pages")
    command = command_in(home)
    often = ("callback.checkpoint.every_n_steps=4", "trainer.log_every_n_steps=2")
    assert command("train.py", *small, *often, "hydra.run.dir=runs/textgen/whole").returncode == 0
    killed = ("resume=runs/textgen/killed",)
    start = (*small, *often, "hydra.run.dir=runs/textgen/killed")
    for step in (7, 15):
        finished = command("train.py", *start, signal_at_step=(signal.SIGKILL, step))
        assert finished.returncode == -signal.SIGKILL
        start = killed
    assert command("train.py", *killed).returncode == 0
    return home / "runs"


def points(tensorboard: Any, runs: Path, run: str, tag: str) -> list[tuple[int, float]]:
    query = urllib.parse.urlencode({"run": run, "tag": tag})
    return [
        (step, value) for _, step, value in tensorboard(f"/data/plugin/scalars/scalars?{query}", folder=runs)
    ]


def test_every_curve_is_there(tensorboard, runs):
    tags = tensorboard("/data/plugin/scalars/tags", folder=runs)
    assert set(tags) == {"textgen/whole", "textgen/killed"}
    for run in tags:
        assert set(tags[run]) >= SCALARS and "epoch" not in tags[run]


def test_steps_are_counted_as_results_json_counts_them(tensorboard, runs):
    results = json.loads((runs / "textgen" / "whole" / "results.json").read_text())
    validated = dict(points(tensorboard, runs, "textgen/whole", "val/bpc"))
    assert list(validated) == [10, 20]
    assert validated[results["best_step"]] == pytest.approx(results["best"])
    assert [step for step, _ in points(tensorboard, runs, "textgen/whole", "train/loss")] == list(
        range(2, 21, 2)
    )
    (tested,) = points(tensorboard, runs, "textgen/whole", "test/bpc")
    assert tested == (20, pytest.approx(results["metrics"]["test/bpc"]))


@pytest.mark.parametrize("tag", sorted(SCALARS - {"speed/tokens_per_second"}))
def test_after_a_kill_the_curves_are_those_of_the_run_left_alone(tensorboard, runs, tag):
    whole, killed = (points(tensorboard, runs, f"textgen/{name}", tag) for name in ("whole", "killed"))
    assert whole == killed
    steps = [step for step, _ in killed]
    assert steps == sorted(set(steps))


def test_samples_are_shown_as_text(tensorboard, runs):
    for run in ("whole", "killed"):
        query = urllib.parse.urlencode({"run": f"textgen/{run}", "tag": "samples/text_summary"})
        shown = tensorboard(f"/data/plugin/text/text?{query}", folder=runs)
        assert [entry["step"] for entry in shown] == [10, 20]
        assert all("<pre>" in entry["text"] for entry in shown)


def test_hyperparameters_stand_beside_what_the_runs_came_to(tensorboard, runs):
    names = tensorboard("/data/plugin/hparams/experiment", {"includeMetrics": True}, runs)["metricInfos"]
    question = {
        "includeMetrics": True,
        "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
        "sliceSize": 100,
        "colParams": [{"metric": info["name"]} for info in names],
    }
    groups = tensorboard("/data/plugin/hparams/session_groups", question, runs)["sessionGroups"]
    shown = {group["sessions"][0]["name"]: group for group in groups}
    assert set(shown) == {"textgen/whole", "textgen/killed"}
    for name, group in shown.items():
        results = json.loads((runs / name / "results.json").read_text())
        metrics = {value["name"]["tag"]: value["value"] for value in group["metricValues"]}
        assert metrics["test/bpc"] == pytest.approx(results["metrics"]["test/bpc"])
        assert group["hparams"]["cell.hidden_size"] == 8


def test_one_page_tells_the_story(tensorboard, runs):
    page = tensorboard("/data/plugin/custom_scalars/layout", folder=runs)
    charts = [chart["title"] for category in page["category"] for chart in category["chart"]]
    assert charts[:2] == ["loss", "bpc"]
