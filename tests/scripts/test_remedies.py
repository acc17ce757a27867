"""Every run of the comparison composes, and its table and figure say what the runs have measured."""

import csv
import json
import math
from pathlib import Path

import pytest
import remedies

from throughtime.config.instantiate import check_configuration


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, list[remedies.Measured]]:
    """Two rows of a run each: with a half-life of two steps and solved at step 200, and with neither."""
    found = {}
    for name, rate, losses in (("elman", 0.5**0.5, (0.2, 0.04)), ("lstm", 1.0, (0.2, 0.1))):
        folder = tmp_path / remedies.folder_of(name)
        folder.mkdir()
        with (folder / "metrics.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "val/loss"])
            writer.writerows([(100, losses[0]), (150, ""), (200, losses[1])])
        with (folder / "gradient_flow.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "layer", "lag", "late", "chunk"])
            writer.writerows((10, "a", lag, 3 * rate**lag, 1) for lag in range(20))
        (folder / "results.json").write_text(json.dumps({"seconds": 12.3}))
        found[name] = [remedies.read(folder)]
    return found


@pytest.mark.parametrize("name", remedies.ROWS)
def test_every_run_composes(name: str, configuration) -> None:
    check_configuration(configuration(*remedies.COMMON, *remedies.ROWS[name], "data.length=9"))


def test_the_folders_of_the_rows_differ() -> None:
    assert len({remedies.folder_of(name) for name in remedies.ROWS}) == len(remedies.ROWS)


def test_half_lives_and_curves_are_those_of_the_runs(rows: dict[str, list[remedies.Measured]]) -> None:
    (first,), (second,) = rows.values()
    assert first.first == pytest.approx(2)
    assert math.isinf(second.first)
    assert first.lags[0] == (0, 1.0)
    assert first.lags[4][1] == pytest.approx(0.25)
    assert first.losses == [(100, 0.2), (200, 0.04)]


def test_the_table_has_the_first_step_at_which_the_task_is_solved(
    rows: dict[str, list[remedies.Measured]],
) -> None:
    lines = remedies.table(rows, 0.05).splitlines()
    assert lines[2:] == [
        "| elman | 0.0400 | 200 | 2 | 2 | 12 |",
        "| lstm | 0.1000 | not | does not fall | does not fall | 12 |",
    ]


def test_several_seeds_have_a_mean_and_steps_of_their_own(rows: dict[str, list[remedies.Measured]]) -> None:
    line = remedies.table({"both": [run for runs in rows.values() for run in runs]}, 0.05).splitlines()[2]
    assert line == "| both | 0.0700 ± 0.0424 | 200, not | does not fall | does not fall | 12 |"


def test_the_words_of_a_row_have_its_settings_and_those_of_the_command() -> None:
    options = remedies.parser().parse_args(["folder", "--length", "9", "--steps", "7"])
    words = remedies.words_of("lstm, init=chrono", 3, options)
    assert {"init=chrono", "init.longest=9", "data.length=9", "trainer.max_steps=7", "seed=3"} <= set(words)


def test_the_figure_is_drawn(rows: dict[str, list[remedies.Measured]], tmp_path: Path) -> None:
    remedies.draw(rows, tmp_path / "remedies.png", 0.05)
    assert (tmp_path / "remedies.png").stat().st_size > 10_000
