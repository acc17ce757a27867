"""What a sweep leaves is whole, tells every job, and is the same however often it is written."""

import csv
from collections.abc import Callable
from pathlib import Path

from throughtime.report.files import write_report
from throughtime.report.record import Record, find


def test_a_real_sweep_leaves_its_tables_and_its_figure(swept: Path, tmp_path: Path) -> None:
    shown = write_report(tmp_path, find([swept]))
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"results.csv", "summary.csv", "summary.md", "comparison.png"}
    with (tmp_path / "results.csv").open() as file:
        jobs = list(csv.DictReader(file))
    with (tmp_path / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(job["cell"], job["seed"]) for job in jobs] == [
        ("elman", "1"),
        ("elman", "2"),
        ("gru", "1"),
        ("gru", "2"),
    ]
    for row in rows:
        bests = [float(job["best"]) for job in jobs if job["cell"] == row["cell"]]
        assert float(row["mean"]) == sum(bests) / 2 and row["n"] == "2"
    assert "elman" in shown and "gru" in shown and "±" in shown


def test_the_tables_do_not_depend_on_the_order_of_the_jobs(
    record: Callable[..., Record], tmp_path: Path
) -> None:
    runs = [record(cell, seed=seed, best=seed / 7) for cell in ("gru", "lstm") for seed in (1, 2, 3)]
    runs += [
        record("elman", best=None, status="failed"),
        record(task="tagging", monitor="val/f1", mode="max"),
    ]
    shown = [write_report(tmp_path, order) for order in (runs, runs[::-1])]
    assert shown[0] == shown[1] and "tagging" in shown[0]
