"""What is made small or large is known before the first trial, and read from what a run came to."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from throughtime.errors import UserError
from throughtime.search.objectives import Objective, objective_values, objectives

TAGGING = {"_target_": "throughtime.task.tagging.Tagging", "monitor": None}


@pytest.mark.parametrize(
    ("task", "direction"),
    [
        ({"_target_": "throughtime.task.textgen.TextGeneration"}, "minimize"),
        ({"_target_": "throughtime.task.forecasting.Forecasting", "monitor": "val/crps"}, "minimize"),
        (TAGGING, "maximize"),
        (TAGGING | {"monitor": "val/f1"}, "maximize"),
        (TAGGING | {"monitor": "val/loss"}, "minimize"),
    ],
)
def test_the_task_tells_the_direction_of_what_it_monitors(task: dict, direction: str) -> None:
    assert objectives(None, task) == (Objective(None, direction),)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("val/loss", [("val/loss", "minimize")]),
        (["val/f1", "seconds"], [("val/f1", "maximize"), ("seconds", "minimize")]),
        (
            {"val/coverage_80": "max", "parameters": None},
            [("val/coverage_80", "maximize"), ("parameters", "minimize")],
        ),
    ],
)
def test_several_are_named(setting: Any, expected: list) -> None:
    assert [(one.name, one.direction) for one in objectives(setting, TAGGING)] == expected


@pytest.mark.parametrize(
    ("target", "metric", "direction"),
    [
        ("textgen.TextGeneration", "test/perplexity", "minimize"),
        ("tagging.Tagging", "val/accuracy_unseen", "maximize"),
        ("forecasting.Forecasting", "val/crps", "minimize"),
    ],
)
def test_a_task_knows_the_directions_of_its_metrics(target: str, metric: str, direction: str) -> None:
    task = {"_target_": f"throughtime.task.{target}"}
    assert objectives([metric, "speed"], task) == (
        Objective(metric, direction),
        Objective("speed", "maximize"),
    )


@pytest.mark.parametrize("setting", [3, [1, 2], [], {}, ["val/coverage_80"], {"val/loss": "down"}])
def test_what_is_no_objective_is_told(setting: Any) -> None:
    with pytest.raises(UserError, match=r"^sweep\.objectives"):
        objectives(setting, TAGGING)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    results = {
        "monitor": "val/f1",
        "best": 0.9,
        "metrics": {"val/f1": 0.8, "val/loss": math.nan},
        "seconds": 3.5,
        "parameters": 10,
    }
    (tmp_path / "results.json").write_text(json.dumps(results))
    return tmp_path


def test_the_monitored_metric_is_taken_at_its_best(run: Path) -> None:
    wanted = [Objective(None, "maximize"), Objective("val/f1", "maximize"), Objective("seconds", "minimize")]
    assert objective_values(wanted, run) == [0.9, 0.9, 3.5]


def test_what_is_not_finite_is_nan_and_what_was_not_measured_is_told(run: Path) -> None:
    assert math.isnan(objective_values([Objective("val/loss", "minimize")], run)[0])
    with pytest.raises(UserError, match=r"val/mae was not measured; what was: .*val/f1"):
        objective_values([Objective("val/mae", "minimize")], run)
