"""Random shifts and mirror images of clips, as augmentation."""

import numpy as np
from jaxtyping import Float

from throughtime.data.labelled.sequences import Augmentation, SequenceSource
from throughtime.data.video.moving_digits import MovingDigits
from throughtime.data.video.video_files import VideoFiles
from throughtime.errors import UserError


class ClipShifts(Augmentation):
    """Move all frames of a clip by one vector of -n to n pixels, and exchange left and right with a probability.

    Mirror images are for classes that left and right do not tell apart: neither directions nor written characters.

    Args:
        pixels: n, down and to the right independently and uniformly; 0 leaves the places as they are.
        flip: the probability of a mirror image, from 0 (none) to 1.
        fill: the value of pixels that come in from outside.
    """

    def __init__(self, pixels: int = 0, flip: float | int = 0.0, fill: float | int = 0.0) -> None:
        if pixels < 0:
            raise UserError(f"data.augmentation.pixels={pixels} must be at least 0")
        if not 0 <= flip <= 1:
            raise UserError(f"data.augmentation.flip={flip} must be from 0 to 1")
        self.pixels = pixels
        self.flip = flip
        self.fill = fill
        self._shape: tuple[int, int, int] | None = None

    def connect(self, source: SequenceSource) -> None:
        """Take the shape of the frames.

        Raises:
            UserError: the steps of the source are no frames, the frames are not larger than the shifts, or mirror
                images would be of other classes.
        """
        if not (self.pixels or self.flip):
            return
        shape = source.frame_shape if isinstance(source, VideoFiles | MovingDigits) else None
        if shape is None:
            raise UserError(
                "data.augmentation: shifts and mirror images need clips of frames; set data.augmentation=null for "
                "these data"
            )
        if self.flip and isinstance(source, MovingDigits):
            raise UserError(
                f"data.augmentation.flip={self.flip}: the mirror image of a digit is no digit, and moves in another "
                "direction; set data.augmentation.flip=0"
            )
        if min(shape[1:]) <= self.pixels:
            raise UserError(
                f"data.augmentation.pixels={self.pixels} moves frames of {shape[1]} x {shape[2]} pixels out of sight; "
                "give a smaller number"
            )
        self._shape = shape

    def __call__(
        self, sequence: Float[np.ndarray, "T F"], generator: np.random.Generator
    ) -> Float[np.ndarray, "T F"]:
        if self._shape is None:
            return sequence
        down, right = generator.integers(-self.pixels, self.pixels + 1, size=2)
        mirrored = generator.random() < self.flip
        frames = sequence.reshape(len(sequence), *self._shape)
        _, height, width = self._shape
        moved = np.full_like(frames, self.fill)
        moved[..., max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = frames[
            ..., max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
        ]
        return (moved[..., ::-1] if mirrored else moved).reshape(len(sequence), -1)
