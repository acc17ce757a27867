"""Image files as labelled sequences: a folder for each class, IDX, .npz, or a CSV file of pixels."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from throughtime.data.images.formats import (
    IDX,
    NPZ,
    PICTURES,
    TABLES,
    read_idx,
    read_npz,
    read_picture,
    read_table,
)
from throughtime.data.images.layout import ImageLayout
from throughtime.data.labelled.sequences import Label, SequenceSet, SequenceSource
from throughtime.data.paths import find_files
from throughtime.errors import UserError, check_choice, check_positive

COLOURS = {"grey": 1, "rgb": 3}

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in a grey value (ITU-R BT.601)."""


class Image(NamedTuple):
    """One image as it was read.

    Attributes:
        pixels: [height, width, C] from 0 to 1.
        label: its class, or None.
        name: of its file, or of its file and row.
        split: `train` or `test`, where the file says so.
    """

    pixels: np.ndarray
    label: Label
    name: str
    split: str | None = None


class ImageFiles(SequenceSource):
    """Images of files, each read as a sequence.

    A folder has a folder for each class, or IDX files. A file is IDX (`train-images-idx3-ubyte`, whose labels lie
    beside it in `train-labels-idx1-ubyte`; also .gz), NumPy's .npz (`images` and `labels`, `x` and `y`, or `x_train`,
    `y_train`, `x_test`, `y_test`), or a CSV file with a row of pixels and a label for each image.

    Args:
        read, patch, order, order_seed: how an image becomes a sequence (`ImageLayout`).
        colour: `grey` or `rgb`; images are converted.
        size: [height, width] to resize to; None where all images have one size.
        label_column: of CSV files: its number from 1, or from the end (-1 is the last), or its name; None to find it in
            the header.
        brightest: the value of white in CSV files.

    Attributes:
        layout: how an image becomes a sequence.
        image_shape: (height, width, C) of the images; None before any was read.

    Raises:
        UserError: an argument is not known.
    """

    def __init__(
        self,
        read: str = "rows",
        patch: int = 4,
        order: str = "raster",
        order_seed: int = 1,
        colour: str = "grey",
        size: Sequence[int] | None = None,
        label_column: int | str | None = None,
        brightest: float | int = 255,
    ) -> None:
        check_choice(COLOURS, **{"data.source.colour": colour})
        check_positive(**{"data.source.brightest": brightest})
        if size is not None and (len(size) != 2 or min(size) < 1):
            raise UserError(
                f"data.source.size={list(size)} must be [height, width] in pixels, such as [28, 28]"
            )
        self.layout = ImageLayout(read, patch, order, order_seed)
        self.colour = colour
        self.size = None if size is None else (int(size[0]), int(size[1]))
        self.label_column = label_column
        self.brightest = brightest
        self.image_shape: tuple[int, int, int] | None = None

    def read(self, path: str) -> SequenceSet:
        place = Path(path).expanduser()
        if place.is_dir() and not any(IDX.search(file.name) for file in place.iterdir()):
            images = self._folders(place, path)
        else:
            files = find_files(path, noun="image file")
            if place.is_dir():
                files = [file for file in files if IDX.search(file.name)]
            files = [file for file in files if not _is_labels_of(file, files)]
            images = (image for file in files for image in self._file(file, labelled=True))
        return self._set(list(images), path)

    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        files = [file for path in paths for file in find_files(str(path), "FILE", "image file")]
        files = [file for file in files if not _is_labels_of(file, files)]
        images = [image for file in files for image in self._file(file, labelled=False)]
        return self._set(images, ", ".join(map(str, paths)))

    def state(self) -> dict[str, Any]:
        return {
            **self.layout.state(),
            "colour": self.colour,
            "size": None if self.size is None else list(self.size),
            "label_column": self.label_column,
            "brightest": self.brightest,
            "image_shape": None if self.image_shape is None else list(self.image_shape),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "ImageFiles":
        shape = state.pop("image_shape", None)
        source = cls(**state)
        source.image_shape = None if shape is None else tuple(shape)
        return source

    def _folders(self, folder: Path, path: str) -> Iterator[Image]:
        """The images of a folder that has a folder for each class."""
        classes = sorted(place for place in folder.iterdir() if place.is_dir() and place.name[0] != ".")
        if not classes:
            raise UserError(
                f"data.path={path} has no folder in it; give a folder with a folder of images for each class"
            )
        for place in classes:
            files = [file for file in sorted(place.rglob("*")) if file.is_file() and file.name[0] != "."]
            if not files:
                raise UserError(f"{place} is empty; a class needs images, or leave its folder out")
            for file in files:
                yield Image(self._picture(file), place.name, str(file))

    def _file(self, file: Path, labelled: bool) -> Iterator[Image]:
        """The images of one file."""
        name = file.name.lower()
        if name.endswith(PICTURES):
            if labelled:
                raise UserError(
                    f"{file} has no label; give a folder with a folder of images for each class in data.path"
                )
            yield Image(self._picture(file), None, str(file))
            return
        if name.endswith(NPZ):
            found = read_npz(file, labelled)
        elif name.endswith(TABLES):
            known = None if self.image_shape is None else int(np.prod(self.image_shape))
            found = read_table(file, self.label_column, labelled, known, self.brightest)
        elif IDX.search(name):
            found = read_idx(file, labelled)
        else:
            raise UserError(
                f"{file} is no file of images that is known; give {', '.join(PICTURES)}, IDX, {NPZ} or "
                f"{', '.join(TABLES)}"
            )
        for pixels, label, row, split in found:
            name = f"{file}:{row}"
            yield Image(self._fitted(self._shaped(pixels, name), name), label, name, split)

    def _picture(self, file: Path) -> np.ndarray:
        return self._fitted(read_picture(file, self.colour, self.size), str(file))

    def _shaped(self, pixels: np.ndarray, name: str) -> np.ndarray:
        """A flat row of pixels as a square, or as an image of the size that was asked for."""
        if pixels.ndim > 1:
            return pixels[..., None] if pixels.ndim == 2 else pixels
        for channels in sorted(COLOURS.values(), key=lambda count: count != COLOURS[self.colour]):
            height, width = self.image_shape[:2] if self.image_shape else self.size or (0, 0)
            side = round((len(pixels) / channels) ** 0.5)
            if height * width * channels != len(pixels):
                height = width = side
            if height * width * channels == len(pixels):
                return pixels.reshape(height, width, channels)
        raise UserError(
            f"{name} has {len(pixels)} pixels, which are no square; give data.source.size=[height,width]"
        )

    def _fitted(self, pixels: np.ndarray, name: str) -> np.ndarray:
        """An image in the colour and the size that all have."""
        channels = pixels.shape[-1]
        if channels not in (1, 3, 4):
            raise UserError(f"{name} has {channels} channels; an image has 1 (grey), 3 (RGB) or 4 (RGBA)")
        if channels > 1:
            pixels = pixels[..., :3] @ LUMA[:, None] if self.colour == "grey" else pixels[..., :3]
        elif self.colour == "rgb":
            pixels = pixels.repeat(3, -1)
        if self.size is not None and pixels.shape[:2] != self.size:
            pixels = _resized(pixels, self.size)
        if self.image_shape is None:
            self.image_shape = pixels.shape
            self.layout.frame_shape(pixels.shape)
        if pixels.shape != self.image_shape:
            (height, width, _), own = self.image_shape, pixels.shape
            raise UserError(
                f"{name} has {own[0]} x {own[1]} pixels, but the others have {height} x {width}; "
                f"data.source.size=[{height},{width}] makes all alike"
            )
        return np.ascontiguousarray(pixels, dtype=np.float32)

    def _set(self, images: list[Image], path: str) -> SequenceSet:
        if not images:
            raise UserError(f"{path} holds no image; name a folder or a file with images in it")
        splits = [image.split for image in images]
        return SequenceSet(
            sequences=[self.layout.sequence(image.pixels) for image in images],
            labels=[image.label for image in images],
            names=[image.name for image in images],
            split=splits if all(splits) else None,
            channels=self.layout.channels(self.image_shape),
            frame_shape=self.layout.frame_shape(self.image_shape),
            description=f"images of {self.image_shape[0]} x {self.image_shape[1]} pixels ({path})",
        )


def _is_labels_of(file: Path, files: Sequence[Path]) -> bool:
    """Whether a file of labels lies beside its images, with which it is read."""
    return (
        bool(IDX.search(file.name)) and "labels" in file.name and any("images" in one.name for one in files)
    )


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image as Picture

    def resize(channel: np.ndarray) -> np.ndarray:
        return np.asarray(Picture.fromarray(channel).resize(size[::-1], Picture.Resampling.BILINEAR))

    return np.stack([resize(np.ascontiguousarray(pixels[..., c])) for c in range(pixels.shape[-1])], axis=-1)
