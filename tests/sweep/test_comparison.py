"""The files that compare a sweep's jobs: every job is in them, and they are the same however often they are written."""

import csv
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import IMAGES, EventAccumulator

from throughtime.report.record import find
from throughtime.sweep.comparison import EVENTS, write_report, write_tensorboard_figure


def test_a_sweep_leaves_its_tables_and_its_figure(swept, tmp_path: Path) -> None:
    shown = write_report(
        tmp_path, [record for record in find([swept.folder]) if record.status == "completed"]
    )
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


def test_the_tables_do_not_depend_on_the_order_of_the_jobs(swept, tmp_path: Path) -> None:
    records = find([swept.folder])
    assert {record.status for record in records} == {"completed", "failed"}
    other_task = replace(records[0], task="tagging", monitor="val/f1", mode="max", path=Path("runs/tagging"))
    runs = [*records, other_task]
    shown, tables = [], []
    for order in (runs, runs[::-1]):
        shown.append(write_report(tmp_path, order))
        tables.append((tmp_path / "summary.csv").read_text())
    assert shown[0] == shown[1] and "tagging" in shown[0]
    assert tables[0] == tables[1]
    # The first task by name, tagging, has logged no curve.
    assert {path.name for path in tmp_path.glob("*.png")} == {"comparison_2.png"}


def test_a_figure_is_shown_with_its_size_and_an_earlier_one_no_more(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.other").write_bytes(b"")
    for size in ((2, 1), (3, 2)):
        Figure(figsize=size).savefig(tmp_path / "comparison.png", dpi=100)
        write_tensorboard_figure(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"events.out.tfevents.1.other", EVENTS, "comparison.png"}
    file = tmp_path / EVENTS
    events = EventAccumulator(str(file), size_guidance={IMAGES: 0})
    events.Reload()
    (image,) = events.Images("comparison")
    assert (image.width, image.height) == (300, 200)
    assert image.encoded_image_string == (tmp_path / "comparison.png").read_bytes()


def test_without_a_figure_there_is_nothing_to_show(tmp_path: Path) -> None:
    write_tensorboard_figure(tmp_path)
    assert list(tmp_path.iterdir()) == []
