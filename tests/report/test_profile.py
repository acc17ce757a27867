"""The figure of profiles: a panel for each data set, a curve for each other configuration, the mean over seeds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from throughtime.report.profile import PROFILE, draw_profiles, plot_profiles, read_profile, score_table
from throughtime.report.record import Record

Profiled = Callable[..., Record]


@pytest.fixture
def profiled(record: Callable[..., Record], tmp_path: Path) -> Profiled:
    """A run of a task with a profile of its accuracy over the length."""

    def make(
        data: str, values: dict[int, float], cell: str = "lstm", seed: int = 1, **keys: object
    ) -> Record:
        folder = tmp_path / f"{data}-{cell}-{seed}-{len([*tmp_path.iterdir()])}"
        folder.mkdir()
        lines = [f"{length},{value},{2 * value}" for length, value in values.items()]
        (folder / PROFILE).write_text("\n".join(["length,accuracy,loss", *lines]) + "\n")
        one = record(cell, seed, set={"data._target_": f"my.{data}", **keys})
        choices = {**one.choices, "data": data}
        overrides = [*one.overrides, f"data={data}"]
        return replace(
            one, path=folder, choices=choices, overrides=overrides, monitor="val/accuracy", mode="max"
        )

    return make


def curves(figure) -> dict[str, dict[str, list[list[float]]]]:
    """The points of every curve by panel and label."""
    labels = {line.get_color(): line.get_label() for line in figure.legends[0].get_lines()}
    return {
        axes.get_title(): {
            labels[line.get_color()]: line.get_xydata().tolist()
            for line in axes.lines
            if len(line.get_xdata())
        }
        for axes in figure.axes
        if axes.get_title()
    }


def test_a_panel_a_data_set_and_a_curve_a_cell(profiled: Profiled, tmp_path: Path) -> None:
    records = [
        profiled(data, {41: 0.5, 100: 0.25 if cell == "gru" else 1.0}, cell)
        for data in ("parity", "reverse")
        for cell in ("lstm", "gru")
    ]
    figure = draw_profiles(records, tmp_path / "profile.png")
    assert (tmp_path / "profile.png").read_bytes().startswith(b"\x89PNG")
    one = {"cell=lstm": [[41, 0.5], [100, 1.0]], "cell=gru": [[41, 0.5], [100, 0.25]]}
    assert curves(figure) == {"parity": one, "reverse": one}


def test_seeds_are_averaged_and_runs_of_other_lengths_are_one_curve(
    profiled: Profiled, tmp_path: Path
) -> None:
    records = [
        profiled("adding", {length: value}, seed=seed, **{"data.length": length})
        for length, values in ((100, (0.5, 1.0)), (1000, (0.25, 0.25)))
        for seed, value in enumerate(values, 1)
    ]
    figure = draw_profiles(records, tmp_path / "profile.png")
    ((points,),) = (panel.values() for panel in curves(figure).values())
    assert points == [[100, 0.75], [1000, 0.25]]


def test_the_first_metric_is_drawn_whatever_chose_the_checkpoint(profiled: Profiled) -> None:
    run = profiled("parity", {41: 0.5})
    assert read_profile(run) == (("length", "accuracy"), {41.0: 0.5})
    assert read_profile(replace(run, monitor="val/loss")) == (("length", "accuracy"), {41.0: 0.5})


def test_the_legend_of_long_names_lies_within_the_figure() -> None:
    panel = {f"cell=minlstm eigenvalue_range={name} depth=1": {1.0: [0.5], 2.0: [1.0]} for name in "abcdef"}
    figure = plot_profiles({"parity": panel}, "length", "accuracy")
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


def test_runs_without_a_profile_or_with_a_damaged_one_draw_nothing(
    profiled: Profiled, tmp_path: Path
) -> None:
    run = profiled("parity", {41: 0.5})
    for text in ("", "length\n1\n", "length,accuracy\nx,y\n\n3\n4,nan\n"):
        (run.path / PROFILE).write_text(text)
        assert read_profile(run) is None
    (run.path / PROFILE).unlink()
    assert draw_profiles([run], tmp_path / "profile.png") is None
    assert not (tmp_path / "profile.png").exists()


def test_the_table_has_the_tests_scores_by_data_set_and_cell(profiled: Profiled) -> None:
    records = [
        replace(profiled(data, {41: 0.5}, cell, seed), metrics={"test/accuracy": score})
        for data, cell, seed, score in (
            ("parity", "lstm", 1, 0.75),
            ("parity", "lstm", 2, 0.25),
            ("parity", "gru", 1, 1.0),
            ("reverse", "lstm", 1, 0.5),
        )
    ]
    table = score_table(records)
    assert table.head == ["test/accuracy", "cell=lstm", "cell=gru"]
    assert [line[0] for line in table.lines] == ["parity", "reverse"]
    assert table.lines[0][1].startswith("0.50 ±") and table.lines[0][2] == "1"
    assert score_table(records[:3]) is None and score_table([]) is None


@pytest.mark.parametrize(
    ("metric", "values", "scale"),
    [
        ("mse", [0.0004, 0.2], "log"),
        ("mse", [0.1, 0.2], "linear"),
        ("loss", [0.0, 100.0], "linear"),
        ("accuracy", [0.001, 1.0], "linear"),
    ],
)
def test_values_over_decades_have_a_logarithmic_axis_and_accuracies_have_none(
    metric: str, values: list[float], scale: str
) -> None:
    points = {100.0: values[:1], 10_000.0: values[1:]}
    (axes,) = plot_profiles({"adding": {"cell=lem": points}}, "length", metric).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", scale)
