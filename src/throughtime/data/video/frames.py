"""Frames of a clip as the features of steps."""

import numpy as np
from jaxtyping import Float

COLOURS = {1: ("",), 3: ("red ", "green ", "blue ")}
"""What the names of the features of each colour begin with, by the number of colours."""


def frames_to_sequence(frames: Float[np.ndarray, "T height width C"]) -> Float[np.ndarray, "T F"]:
    """A step a frame; its features are ordered [C, height, width]."""
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2), dtype=np.float32).reshape(len(frames), -1)


def pixel_names(channels: int, height: int, width: int) -> tuple[str, ...]:
    """The names of the features of a frame."""
    return tuple(
        f"{colour}row {row + 1} column {column + 1}"
        for colour in COLOURS[channels]
        for row in range(height)
        for column in range(width)
    )
