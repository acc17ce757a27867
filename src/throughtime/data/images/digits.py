"""Handwritten digits of 8 x 8 pixels, which scikit-learn ships."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughtime.data.images.image_files import ImageFiles
from throughtime.data.images.layout import ImageLayout
from throughtime.data.labelled.sequences import SequenceSet, SequenceSource
from throughtime.errors import UserError

SIDE, BRIGHTEST = 8, 16


class Digits(SequenceSource):
    """1,797 handwritten digits of 8 x 8 pixels with values from 0 to 1, read as sequences.

    Source: E. Alpaydin & C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository;
    its test part, of 13 writers, as scikit-learn ships it.

    Args:
        read, patch, order, order_seed: how an image becomes a sequence (`ImageLayout`).

    Attributes:
        layout: the same as an object.
        image_shape: (height, width, C).
    """

    def __init__(
        self, read: str = "rows", patch: int = 4, order: str = "raster", order_seed: int = 1
    ) -> None:
        self.layout = ImageLayout(read, patch, order, order_seed)
        self.image_shape = (SIDE, SIDE, 1)
        self.layout.frame_shape(self.image_shape)

    def shipped(self) -> SequenceSet:
        from sklearn.datasets import load_digits  # only now: scikit-learn takes a second

        found = load_digits()
        images = (found.images / BRIGHTEST).astype(np.float32)[..., None]
        return SequenceSet(
            sequences=[self.layout.sequence(image) for image in images],
            labels=[str(target) for target in found.target],
            names=[f"digits:{number + 1}" for number in range(len(images))],
            channels=self.layout.channels(self.image_shape),
            frame_shape=self.layout.frame_shape(self.image_shape),
            description="handwritten digits of 8 x 8 pixels (scikit-learn)",
        )

    def read(self, path: str) -> SequenceSet:
        raise UserError(
            f"data.path={path}: these digits come with scikit-learn and are read from no file; leave data.path out, "
            "or choose the data that read image files"
        )

    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        """Image files of any size, made 8 x 8; or rows of 64 values from 0 to 16, as scikit-learn's digits have."""
        files = ImageFiles(**self.layout.state(), size=[SIDE, SIDE], brightest=BRIGHTEST)
        files.image_shape = self.image_shape
        return files.read_for_prediction(paths)

    def state(self) -> dict[str, Any]:
        return self.layout.state()
