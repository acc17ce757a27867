"""Random shifts of images by some pixels, as augmentation."""

import numpy as np
from jaxtyping import Float

from throughtime.data.images.digits import Digits
from throughtime.data.images.image_files import ImageFiles
from throughtime.data.labelled.sequences import Augmentation, SequenceSource
from throughtime.errors import UserError


class Shifts(Augmentation):
    """Move an image by -n to n pixels down and to the right, independently and uniformly; what is laid open is `fill`.

    Args:
        pixels: n; 0 leaves the images as they are.
        fill: the value of pixels that come in from outside.
    """

    def __init__(self, pixels: int = 1, fill: float = 0.0) -> None:
        if pixels < 0:
            raise UserError(f"data.augmentation.pixels={pixels} must be at least 0")
        self.pixels = pixels
        self.fill = fill
        self._source: Digits | ImageFiles | None = None

    def connect(self, source: SequenceSource) -> None:
        """Take the layout of the images.

        Raises:
            UserError: the source has no images, or images that are not larger than the shifts.
        """
        if not isinstance(source, Digits | ImageFiles):
            raise UserError(
                "data.augmentation: shifts need images; leave data.augmentation out for these data"
            )
        if min(source.image_shape[:2]) <= self.pixels:
            raise UserError(
                f"data.augmentation.pixels={self.pixels} moves images of {source.image_shape[0]} x "
                f"{source.image_shape[1]} pixels out of sight; give a smaller number"
            )
        self._source = source

    def __call__(
        self, sequence: Float[np.ndarray, "T F"], generator: np.random.Generator
    ) -> Float[np.ndarray, "T F"]:
        layout, shape = self._source.layout, self._source.image_shape
        image = layout.image(sequence, shape)
        down, right = generator.integers(-self.pixels, self.pixels + 1, size=2)
        moved = np.full_like(image, self.fill)
        height, width, _ = shape
        moved[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = image[
            max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
        ]
        return layout.sequence(moved)
