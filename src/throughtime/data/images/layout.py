"""Layout of an image as a sequence: which pixels a step reads, and in which order the steps come."""

from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from throughtime.errors import UserError, check_choice, check_positive, check_seed

STEPS = ("rows", "columns", "patches", "pixels")
ORDERS = ("raster", "snake", "permuted")
COLOURS = ["grey", "red", "green", "blue"]


class ImageLayout:
    """A bijection between an image [height, width, C] and a sequence [T, F].

    A step is a row, a column, a patch of p x p pixels, or one pixel; its features are ordered [C, height, width]. The
    steps come line by line (`raster`), line by line with every second line from its end (`snake`), or in a random order
    that is the same for all images (`permuted`).

    Args:
        read: one of `STEPS`.
        patch: p.
        order: one of `ORDERS`.
        order_seed: of the permutation.
    """

    def __init__(
        self, read: str = "rows", patch: int = 4, order: str = "raster", order_seed: int = 1
    ) -> None:
        check_choice(STEPS, **{"data.source.read": read})
        check_choice(ORDERS, **{"data.source.order": order})
        check_positive(**{"data.source.patch": patch})
        check_seed(order_seed)
        self.read = read
        self.patch = patch
        self.order = order
        self.order_seed = order_seed

    def state(self) -> dict[str, Any]:
        """The arguments that make this layout again, in plain values."""
        return {
            "read": self.read,
            "patch": self.patch,
            "order": self.order,
            "order_seed": self.order_seed,
        }

    def frame_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """(C, height, width) of a step, for images of a shape [height, width, C].

        Raises:
            UserError: patches do not cover the image.
        """
        height, width, channels = shape
        if self.read == "patches" and (height % self.patch or width % self.patch):
            raise UserError(
                f"data.source.patch={self.patch} does not divide images of {height} x {width} pixels; give a number "
                "that divides both, or data.source.size to resize"
            )
        sides = {
            "rows": (1, width),
            "columns": (height, 1),
            "patches": (self.patch, self.patch),
            "pixels": (1, 1),
        }
        return (channels, *sides[self.read])

    def places(self, shape: tuple[int, int, int]) -> Integer[np.ndarray, "T F"]:
        """The index of each feature of each step in a flattened image [height, width, C]."""
        return _places(self.read, self.patch, self.order, self.order_seed, self.frame_shape(shape), shape)

    def sequence(self, image: Float[np.ndarray, "height width C"]) -> Float[np.ndarray, "T F"]:
        """An image as a sequence."""
        return image.ravel()[self.places(image.shape)]

    def image(
        self, sequence: Float[np.ndarray, "T F"], shape: tuple[int, int, int]
    ) -> Float[np.ndarray, "height width C"]:
        """The inverse of `sequence`, for an image of a known shape."""
        image = np.empty(np.prod(shape), dtype=sequence.dtype)
        image[self.places(shape)] = sequence
        return image.reshape(shape)

    def channels(self, shape: tuple[int, int, int]) -> tuple[str, ...]:
        """The names of the features of a step."""
        channels, height, width = self.frame_shape(shape)
        colours = ("",) if channels == 1 else tuple(f"{name} " for name in COLOURS[1 : channels + 1])
        if height > 1 and width > 1:
            cells = [f"row {row + 1} column {column + 1}" for row in range(height) for column in range(width)]
        else:
            cells = [f"pixel {place + 1}" for place in range(height * width)]
        return tuple(f"{colour}{cell}" for colour in colours for cell in cells)


@lru_cache(maxsize=16)
def _places(
    read: str, patch: int, order: str, seed: int, frame: tuple[int, int, int], shape: tuple[int, int, int]
) -> np.ndarray:
    channels, height, width = frame
    lines, cells = shape[0] // height, shape[1] // width
    index = np.arange(np.prod(shape)).reshape(lines, height, cells, width, channels)
    steps = index.transpose(0, 2, 4, 1, 3).reshape(lines, cells, -1)
    if order == "snake":
        steps[1::2] = steps[1::2, ::-1].copy()
    steps = steps.reshape(lines * cells, -1)
    return np.random.default_rng(seed).permutation(steps) if order == "permuted" else steps
