"""Event file with the figure of a sweep, which TensorBoard shows with the curves of its jobs."""

import os
import struct
import tempfile
import time
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

EVENTS = "events.out.tfevents.comparison"


def write_tensorboard_figure(folder: Path) -> None:
    """Write the sweep's comparison*.png into an event file, for the IMAGES page of `tensorboard --logdir`.

    The event file has a fixed name, and replaces that of an earlier summary of the sweep by rename.
    """
    figures = sorted(folder.glob("comparison*.png"))
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
