"""Clips of every format."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def frames(count: int = 5, height: int = 16, width: int = 24, seed: int = 0) -> np.ndarray:
    """Frames [count, height, width, 3] in which a bright square moves to the right."""
    found = np.full((count, height, width, 3), 20 * (seed + 1), dtype=np.uint8)
    for number in range(count):
        found[number, 4:12, 2 * number : 2 * number + 8] = (200, 100, 50)
    return found


def write_folder(folder: Path, content: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for number, frame in enumerate(content, 1):
        Image.fromarray(frame).save(folder / f"{number}.png")
    return folder


def write_gif(file: Path, content: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    first, *others = [Image.fromarray(frame) for frame in content]
    first.save(file, save_all=True, append_images=others)
    return file


def write_film(file: Path, content: np.ndarray) -> Path:
    av = pytest.importorskip("av")
    file.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(file), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = content.shape[1:3]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for frame in content:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file
