"""The profile: the scores of each length, in a file and a figure after a run, which resumes exactly."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.errors import UserError
from throughtime.run.fit import Run, fit_run
from throughtime.run.folder import RunFolder
from throughtime.task.algorithmic.figures import LengthProfile, plot_lengths
from throughtime.task.algorithmic.metrics import LengthScores

SMALL = (
    "task=algorithmic",
    "data=bucket_sort",
    "cell.hidden_size=8",
    "model.front.size=4",
    "engine=reference",
    "data.train_lengths=[1,6]",
    "data.val_lengths=[7,8]",
    "data.test_lengths=[7,9]",
    "data.batch_size=4",
    "data.eval_batch_size=4",
    "task.near=8",
    "trainer.val_check_interval=2",
    "trainer.accelerator=cpu",
    "optim/schedule=constant",
)


def fit(configuration: Callable[..., dict[str, Any]], folder: Path, *overrides: str) -> Path:
    run = RunFolder(folder)
    return fit_run(Run(configuration(*SMALL, *overrides), run, list(overrides), {})) and folder


def test_a_run_writes_each_length_and_resumes_to_the_same_weights(
    configuration: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    whole = fit(configuration, tmp_path / "whole", "trainer.max_steps=6")
    parts = fit(configuration, tmp_path / "parts", "trainer.max_steps=4")
    fit(configuration, parts, "trainer.max_steps=6", f"resume={parts}")
    first, second = (
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for run in (whole, parts)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    with (whole / "profile_test.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["length"]) for row in rows] == [7, 8, 9]
    assert all(0 <= float(row["accuracy"]) <= 1 for row in rows)
    assert (whole / "figures" / "lengths.png").stat().st_size > 1000


def test_the_metric_that_is_drawn_stands_first_and_there_must_be_one(
    configuration: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    run = fit(configuration, tmp_path, "trainer.max_steps=2", "callback.length_profile.metric=loss")
    assert (run / "profile_test.csv").read_text().startswith("length,loss,accuracy,")
    with pytest.raises(UserError, match=r"callback\.length_profile\.metric=error"):
        LengthProfile("error")


def test_the_figure_has_the_scores_over_the_lengths_beside_those_of_training() -> None:
    measured = LengthScores({4: 3, 5: 4}, numbers=False, near=100)
    for steps in (4, 5):
        right = torch.ones(steps, 2, dtype=torch.long)
        measured.update(right, right, None)
    (axes,) = plot_lengths(measured, {"train_lengths": [1, 2]}).axes
    assert axes.lines[0].get_xydata().tolist() == [[3, 1], [4, 1]]
    assert axes.get_ylabel() == "accuracy"
    assert axes.patches[0].get_x() == 0.5 and axes.patches[0].get_width() == 2
