"""The curves are those that the runs logged, with the band of their seeds."""

import io
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from throughtime.report.figure import MAX_CURVES, curve_of, draw_comparison, draw_figure, read_scalars
from throughtime.report.record import Record, find
from throughtime.report.summary import summary_rows

Logged = Callable[..., Record]


@pytest.fixture
def logged(record: Callable[..., Record], tmp_path: Path) -> Logged:
    """A run that has logged a curve."""

    def make(values: Sequence[float], every: int = 10, **fields: object) -> Record:
        one = record(best=min(values), **fields)
        folder = tmp_path / one.path
        with SummaryWriter(str(folder)) as writer:
            for number, value in enumerate(values, 1):
                writer.add_scalar("val/bpc", value, number * every)
        return record(best=min(values), path=folder, **fields)

    return make


def test_a_curve_is_the_mean_with_the_deviation_over_seeds(logged: Logged) -> None:
    (row,) = summary_rows([logged([4.0, 2.0], seed=1), logged([6.0, 3.0], seed=2)])
    curve = curve_of(row, "lstm")
    assert curve.steps.tolist() == [10, 20] and curve.mean.tolist() == [5.0, 2.5]
    assert np.allclose(curve.deviation, [np.sqrt(2), np.sqrt(0.5)])


def test_seeds_validated_at_other_steps_are_compared_where_all_have_been(logged: Logged) -> None:
    (row,) = summary_rows([logged([4.0, 2.0, 1.0], seed=1), logged([3.0], every=20, seed=2)])
    curve = curve_of(row, "lstm")
    assert curve.steps.tolist() == [10, 20] and curve.mean[-1] == 2.5


def test_more_configurations_than_can_be_told_apart_are_said_to_be_left_out(logged: Logged) -> None:
    records = [
        logged([9.0 - size, 5.0 - size / 100], set={"cell.hidden_size": size}) for size in range(1, 12)
    ]
    figure = draw_figure(records)
    (axes,) = figure.axes
    assert len(axes.lines) == MAX_CURVES and len({line.get_color() for line in axes.lines}) == MAX_CURVES
    assert "3 more not shown" in figure.legends[0].get_title().get_text()
    assert axes.get_xlabel() == "optimiser steps" and axes.get_ylabel().startswith("val/bpc")


def test_a_run_that_diverges_does_not_hide_the_others(logged: Logged) -> None:
    good = [logged([3.0 - step / 50 for step in range(40)], seed=seed) for seed in (1, 2)]
    figure = draw_figure([*good, logged([4.0] * 39 + [1e9], cell="gru")])
    assert figure.axes[0].get_ylim()[1] < 10


def test_values_that_are_no_numbers_are_left_out(logged: Logged) -> None:
    assert read_scalars(logged([2.0, float("nan"), 1.0]).path, "val/bpc") == {10: 2.0, 30: 1.0}


def test_without_curves_there_is_no_figure_and_no_file(record: Callable[..., Record], tmp_path: Path) -> None:
    assert draw_comparison([record(path=tmp_path)], tmp_path / "comparison.png") is None
    assert not (tmp_path / "comparison.png").exists()


def test_the_figure_of_a_real_sweep_is_a_picture(swept: Path, tmp_path: Path) -> None:
    figure = draw_comparison(find([swept]), tmp_path / "comparison.png")
    assert len(figure.axes[0].lines) == 2
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert all("±" in label for label in labels) and {label.split("\n")[0] for label in labels} == {
        "cell=elman",
        "cell=gru",
    }


@pytest.mark.parametrize("name", ["metrics.csv", "events.out.tfevents.1.x"])
@pytest.mark.parametrize("kind", ["pipe", "huge"])
def test_a_log_that_is_a_pipe_or_huge_is_passed_over(
    kind: str, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if kind == "pipe":
        os.mkfifo(tmp_path / name)
    else:
        with (tmp_path / name).open("wb") as file:
            file.truncate(5 << 30)
    with caplog.at_level(logging.WARNING):
        assert read_scalars(tmp_path, "val/bpc") == {}
    assert name in caplog.text


def test_a_dollar_is_drawn_and_begins_no_formula(logged: Logged) -> None:
    runs = [logged([1.0, 0.5], set={"data.name": f"${number}\\frac{{$"}) for number in range(2)]
    figure = draw_figure([replace(run, task="$\\frac{$") for run in runs])
    figure.savefig(io.BytesIO(), format="png")
    assert figure.axes[0].get_title("left") == r"\$\frac{\$"
