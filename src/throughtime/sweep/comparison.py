"""Comparison of a sweep's jobs in files: tables, a figure, and an event file that shows the figure in TensorBoard."""

import os
import struct
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from throughtime.files import write_text
from throughtime.report.figure import draw_comparison
from throughtime.report.grid import as_markdown, as_terminal_text
from throughtime.report.page import report
from throughtime.report.profile import draw_profiles, score_table
from throughtime.report.record import Record, read
from throughtime.report.summary import by_task
from throughtime.sweep.job import Outcome

EVENTS = "events.out.tfevents.comparison"


def write_comparison(folder: Path, outcomes: Sequence[Outcome]) -> str:
    """Write the files of the comparison into the sweep's folder; returns its table."""
    records = [read(outcome.folder) for outcome in outcomes]
    named = {record.task: record for record in records if record.steps}
    # A job that failed before its first step may not know yet what its task monitors here.
    records = [
        record
        if record.steps or record.task not in named
        else replace(record, monitor=named[record.task].monitor, mode=named[record.task].mode)
        for record in records
    ]
    table = write_report(folder, records)
    write_tensorboard_figure(folder)
    return table


def write_report(folder: Path, records: Sequence[Record]) -> str:
    """Write results.csv, summary.csv, summary.md and comparison.png; returns the table for the terminal.

    Where the runs left profiles, such as scores over lengths, there is a profile.png too, and of several data sets a
    table of their scores, profile.md.

    Args:
        folder: that of the sweep. A figure of a second task is comparison_2.png, and so on.
        records: of all its jobs, failed ones included.
    """
    texts = {
        "results.csv": report(records, "csv", single=True),
        "summary.csv": report(records, "csv"),
        "summary.md": report(records, "markdown"),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    shown = report(records)
    for number, group in enumerate(by_task(records).values(), 1):
        suffix = "" if number == 1 else f"_{number}"
        draw_comparison(group, folder / f"comparison{suffix}.png")
        draw_profiles(group, folder / f"profile{suffix}.png")
        scores = score_table(group)
        if scores is not None:
            write_text(folder / f"profile{suffix}.md", as_markdown(scores))
            shown += f"\n{as_terminal_text([scores])}"
    return shown


def write_tensorboard_figure(folder: Path) -> None:
    """Write the sweep's comparison*.png and profile*.png into an event file, for the IMAGES page of TensorBoard.

    The event file has a fixed name, and replaces that of an earlier summary of the sweep by rename.
    """
    figures = sorted([*folder.glob("comparison*.png"), *folder.glob("profile*.png")])
    if not figures:
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as unfinished:
        writer = EventFileWriter(unfinished)
        for path in figures:
            value = Summary.Value(tag=path.stem.replace("_", "/"), image=_image(path.read_bytes()))
            writer.add_event(Event(wall_time=time.time(), step=0, summary=Summary(value=[value])))
        writer.close()
        (written,) = Path(unfinished).iterdir()
        os.replace(written, folder / EVENTS)


def _image(png: bytes) -> Summary.Image:
    """A PNG file unchanged; its width and height are in its first chunk (PNG specification, IHDR)."""
    width, height = struct.unpack(">II", png[16:24])
    return Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=png)
