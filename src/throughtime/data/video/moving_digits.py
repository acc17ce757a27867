"""Clips of handwritten digits that move, made from the digits that scikit-learn ships."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from throughtime.data.images.digits import BRIGHTEST, SIDE
from throughtime.data.labelled.sequences import SequenceSet, SequenceSource
from throughtime.data.video.frames import frames_to_sequence, pixel_names
from throughtime.data.video.video_files import VideoFiles
from throughtime.errors import UserError, check_choice, check_positive, check_seed

DIRECTIONS = {
    "right": (0, 1),
    "down right": (1, 1),
    "down": (1, 0),
    "down left": (1, -1),
    "left": (0, -1),
    "up left": (-1, -1),
    "up": (-1, 0),
    "up right": (-1, 1),
}
"""Rows down and columns to the right of a step in each direction."""


class MovingDigits(SequenceSource):
    """Clips of a handwritten digit of 8 x 8 pixels that crosses a larger frame in one of eight directions.

    The digit moves by the same number of pixels from frame to frame and stays whole: where it starts is drawn uniformly
    from the places from which it does. All clips of one source digit are a group, so that with `data.group=true` no
    digit is in two parts.

    Args:
        label: `digit` (0 to 9) or `direction` (the eight of `DIRECTIONS`).
        side: height and width of a frame in pixels.
        frames: T, of a clip.
        step: pixels along an axis from one frame to the next.
        clips: of each source digit.
        noise: deviation of the normal noise on every pixel of every frame, whose values are from 0 to 1.
        clip_seed: of directions, places and noise; it is not the seed of the run.

    Raises:
        UserError: an argument is out of its range, or the digit would leave the frame.
    """

    def __init__(
        self,
        label: str = "digit",
        side: int = 20,
        frames: int = 8,
        step: int = 1,
        clips: int = 1,
        noise: float | int = 0.0,
        clip_seed: int = 1,
    ) -> None:
        check_choice(("digit", "direction"), **{"data.source.label": label})
        sizes = {"side": side, "frames": frames, "step": step, "clips": clips}
        check_positive(**{f"data.source.{name}": value for name, value in sizes.items()})
        if noise < 0:
            raise UserError(f"data.source.noise={noise} must be at least 0")
        if SIDE + (frames - 1) * step > side:
            raise UserError(
                f"data.source.side={side} is too small: a digit of {SIDE} pixels that moves by {step} in each of "
                f"{frames} frames needs {SIDE + (frames - 1) * step}"
            )
        self.label = label
        self.side = side
        self.frames = frames
        self.step = step
        self.clips = clips
        self.noise = noise
        self.clip_seed = check_seed(clip_seed)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, height, width)."""
        return (1, self.side, self.side)

    def shipped(self) -> SequenceSet:
        from sklearn.datasets import load_digits  # only now: scikit-learn takes a second

        found = load_digits()
        sequences, labels, names, groups = [], [], [], []
        for number, (image, target) in enumerate(zip(found.images, found.target, strict=True), 1):
            digit = (image / BRIGHTEST).astype(np.float32)
            for clip in range(1, self.clips + 1):
                generator = np.random.default_rng((self.clip_seed, number, clip))
                direction, frames = self._clip(digit, generator)
                sequences.append(frames_to_sequence(frames[..., None]))
                labels.append(str(target) if self.label == "digit" else direction)
                names.append(f"digits:{number}, clip {clip}")
                groups.append(str(number))
        return SequenceSet(
            sequences=sequences,
            labels=labels,
            names=names,
            groups=groups,
            channels=pixel_names(1, self.side, self.side),
            frame_shape=self.frame_shape,
            description=f"digits of {SIDE} x {SIDE} pixels that cross frames of {self.side} x {self.side}",
        )

    def read(self, path: str) -> SequenceSet:
        raise UserError(
            f"data.path={path}: these clips are made of digits that come with scikit-learn and are read from no file; "
            "leave data.path out, or choose the data that read clips"
        )

    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        """Clips of files, in grey and with frames of the size of those of training."""
        return VideoFiles(size=[self.side, self.side]).read_for_prediction(paths)

    def state(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "side": self.side,
            "frames": self.frames,
            "step": self.step,
            "clips": self.clips,
            "noise": self.noise,
            "clip_seed": self.clip_seed,
        }

    def _clip(
        self, digit: Float[np.ndarray, "8 8"], generator: np.random.Generator
    ) -> tuple[str, Float[np.ndarray, "T side side"]]:
        """A direction, and the frames of the digit that moves in it."""
        direction = generator.choice(list(DIRECTIONS))
        moves = np.array(DIRECTIONS[direction]) * self.step
        travel = (self.frames - 1) * moves
        lowest = np.maximum(0, -travel)
        highest = self.side - SIDE - np.maximum(0, travel)
        row, column = generator.integers(lowest, highest + 1)
        frames = np.zeros((self.frames, self.side, self.side), dtype=np.float32)
        for frame in frames:
            frame[row : row + SIDE, column : column + SIDE] = digit
            row, column = row + moves[0], column + moves[1]
        if self.noise:
            frames += generator.normal(scale=self.noise, size=frames.shape).astype(np.float32)
        return str(direction), frames
