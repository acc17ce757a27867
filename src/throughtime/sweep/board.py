"""The figure of a sweep in TensorBoard, beside the curves of its jobs."""

import struct
import time
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter


def show_in_tensorboard(folder: Path) -> None:
    """Put the sweep's comparison*.png on the IMAGES page of `tensorboard --logdir` at the sweep's folder.

    What an earlier conclusion of the sweep put there is taken away.
    """
    figures = sorted(folder.glob("comparison*.png"))
    for earlier in folder.glob("events.out.tfevents.*"):
        earlier.unlink()
    if not figures:
        return
    writer = EventFileWriter(str(folder))
    for path in figures:
        value = Summary.Value(tag=path.stem.replace("_", "/"), image=_image(path.read_bytes()))
        writer.add_event(Event(wall_time=time.time(), step=0, summary=Summary(value=[value])))
    writer.close()


def _image(png: bytes) -> Summary.Image:
    """A PNG file as it is; its width and height stand in its first chunk (PNG specification, IHDR)."""
    width, height = struct.unpack(">II", png[16:24])
    return Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=png)
