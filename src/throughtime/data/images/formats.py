"""File formats of images: pictures, IDX, .npz, and CSV files of pixels."""

import csv
import gzip
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughtime.errors import UserError

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
TABLES = (".csv", ".csv.gz")
NPZ = ".npz"
IDX = re.compile(r"idx[13]-ubyte(\.gz)?$|\.idx[13]?(-ubyte)?(\.gz)?$", re.IGNORECASE)

Row = tuple[np.ndarray, str | None, int, str | None]
"""Pixels from 0 to 1, label, row from 1, and split."""

_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_IMAGE_NAMES, _LABEL_NAMES = ("images", "x", "X", "data", "arr_0"), ("labels", "y", "Y", "targets", "arr_1")
_LABEL_COLUMNS = ("label", "class", "target", "digit", "y")


def read_picture(file: Path, colour: str, size: tuple[int, int] | None) -> np.ndarray:
    """The pixels [height, width, C] of a picture from 0 to 1.

    Args:
        file: in a format that Pillow reads.
        colour: `grey` or `rgb`.
        size: (height, width) to resize to; None to leave it.

    Raises:
        UserError: the file is empty, damaged, or no picture.
    """
    from PIL import Image as Picture

    _check_not_empty(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Picture.DecompressionBombWarning)
            with Picture.open(file) as opened:
                deep = opened.mode.startswith("I")
                picture = opened.convert("I" if deep else "RGB" if colour == "rgb" else "L")
                if size is not None and picture.size != size[::-1]:
                    picture = picture.resize(size[::-1], Picture.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError, Warning) as error:
        if isinstance(error, PermissionError):
            raise UserError(f"{file} cannot be read: {error.strerror}") from error
        raise UserError(
            f"{file} is no picture that can be read, or is damaged; replace it or leave it out"
        ) from error
    pixels = np.asarray(picture, dtype=np.float32) / (65535 if deep else 255)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def read_idx(file: Path, labelled: bool) -> Iterator[Row]:
    """The images of an IDX file (Y. LeCun's format of MNIST), with the labels of the file beside it.

    Raises:
        UserError: the file is no IDX file or is cut short; it names the offset. Or the labels are missing.
    """
    images = _idx_array(file)
    if images.ndim not in (3, 4):
        raise UserError(
            f"{file} holds an array of {images.ndim} axes, not images; name the file of the images"
        )
    beside = file.with_name(file.name.replace("images", "labels").replace("idx3", "idx1"))
    labels = _idx_array(beside) if beside != file and beside.exists() else None
    if labels is None and labelled:
        raise UserError(f"{file} has no labels beside it; {beside.name} must lie in the same folder")
    if labels is not None and len(labels) != len(images):
        raise UserError(f"{beside} has {len(labels)} labels, but {file} has {len(images)} images")
    split = "train" if file.name.startswith("train") else "test" if re.match("t10k|test", file.name) else None
    for row, pixels in enumerate(_unit(images)):
        yield pixels, None if labels is None else str(labels[row]), row + 1, split


def read_npz(file: Path, labelled: bool) -> Iterator[Row]:
    """The images of an .npz file: `images` and `labels`, `x` and `y`, or with a usual split `x_train`, `y_train`, ….

    Raises:
        UserError: the file is damaged, or has no such arrays.
    """
    _check_not_empty(file)
    try:
        with np.load(file, allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in opened.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
        raise UserError(f"{file} is no .npz file of plain arrays, or is damaged ({error})") from error
    parts = [
        (f"x_{split}", f"y_{split}", split) for split in ("train", "val", "test") if f"x_{split}" in arrays
    ]
    if not parts:
        images = next((name for name in _IMAGE_NAMES if name in arrays), None)
        if images is None:
            raise UserError(f"{file} has no array images or x; it has {', '.join(sorted(arrays)) or 'none'}")
        parts = [(images, next((name for name in _LABEL_NAMES if name in arrays), "labels"), None)]
    row = 0
    for images, names, split in parts:
        labels = arrays.get(names)
        if labels is None and labelled:
            raise UserError(f"{file} has no array {names} with the labels of {images}")
        if arrays[images].ndim < 2 or not np.issubdtype(arrays[images].dtype, np.number):
            raise UserError(
                f"{file}: the array {images} is of {arrays[images].dtype} {list(arrays[images].shape)}, no images"
            )
        if labels is not None and labels.shape[:1] != arrays[images].shape[:1]:
            raise UserError(f"{file} has {len(arrays[images])} {images}, but labels {list(labels.shape)}")
        for number, pixels in enumerate(_unit(arrays[images])):
            row += 1
            yield (
                pixels,
                None if labels is None else str(labels.reshape(len(labels), -1)[number, 0]),
                row,
                split,
            )


def read_table(
    file: Path, label_column: int | str | None, labelled: bool, pixels: int | None, brightest: float | int
) -> Iterator[Row]:
    """The images of a CSV file: a line an image, a column a pixel, and one column for the label.

    Args:
        file: CSV, also .gz.
        label_column: its number from 1 or from the end, or its name; None to find it in the header.
        labelled: whether there must be labels.
        pixels: of an image, where it is known: a line of as many values has no label.
        brightest: the value of white.

    Raises:
        UserError: a line has another number of columns, or a value that is no number; it names the line.
    """
    _check_not_empty(file)
    column: int | None = None
    width: int | None = None
    try:
        with _opened(file) as stream:
            reader = csv.reader(
                line.decode("utf-8-sig" if number == 0 else "utf-8") for number, line in enumerate(stream)
            )
            for cells in reader:
                if not cells:
                    continue
                place = f"{file}, line {reader.line_num}"
                if width is None:
                    width = len(cells)
                    column = _label_place(cells, label_column, labelled, pixels, place)
                    if not all(_is_number(cell) for at, cell in enumerate(cells) if at != column):
                        continue  # the header
                if len(cells) != width:
                    raise UserError(f"{place} has {len(cells)} columns, but the first line has {width}")
                label = None if column is None else cells.pop(column).strip()
                try:
                    values = np.array(cells, dtype=np.float32)
                except ValueError:
                    wrong = next(cell for cell in cells if not _is_number(cell))
                    raise UserError(f"{place}: {wrong!r} is no number; pixels are numbers") from None
                yield values / np.float32(brightest), label, reader.line_num, None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file} is no CSV file, or is damaged ({error})") from error


def _label_place(
    cells: Sequence[str], given: int | str | None, labelled: bool, pixels: int | None, place: str
) -> int | None:
    """The index of the column of labels; None where there is none."""
    if pixels is not None and len(cells) == pixels and not labelled:
        return None
    names = [cell.strip().lower() for cell in cells]
    if isinstance(given, str):
        if given.lower() not in names:
            raise UserError(
                f"{place} has no column {given}; data.source.label_column names it, or gives its number"
            )
        return names.index(given.lower())
    if given is not None:
        index = given - 1 if given > 0 else given + len(cells)
        if given == 0 or not 0 <= index < len(cells):
            raise UserError(
                f"{place} has {len(cells)} columns, but data.source.label_column={given}; count from 1"
            )
        return index
    found = next((names.index(name) for name in _LABEL_COLUMNS if name in names), None)
    if found is None and labelled:
        raise UserError(
            f"{place} does not say which column is the label; give data.source.label_column, 1 for the first, -1 for "
            "the last"
        )
    return found


def _idx_array(file: Path) -> np.ndarray:
    """The array of an IDX file: 0, 0, type, axes, each axis in 4 bytes, the numbers; most significant byte first."""
    _check_not_empty(file)
    try:
        with _opened(file) as stream:
            head = stream.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _IDX_TYPES or not 1 <= head[3] <= 4:
                raise UserError(f"{file} is no IDX file: its first bytes are {head.hex(' ')}")
            axes = stream.read(4 * head[3])
            if len(axes) < 4 * head[3]:
                raise UserError(f"{file} ends at offset {4 + len(axes)}, within its header")
            sizes = np.frombuffer(axes, dtype=">u4").astype(np.int64)
            kind = np.dtype(_IDX_TYPES[head[2]])
            needed = int(np.prod(sizes.astype(object))) * kind.itemsize
            content = _read_exactly(stream, needed)
            if len(content) < needed:
                start = 4 + 4 * head[3]
                raise UserError(
                    f"{file} ends at offset {start + len(content):,}, but its header says {start + needed:,} bytes"
                )
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{file} cannot be read, or is damaged ({error})") from error
    return np.frombuffer(content, dtype=kind).reshape(sizes).astype(kind.newbyteorder("="))


def _read_exactly(stream: Any, count: int) -> bytes:
    """Up to `count` bytes; memory grows with what is there, whatever a header says."""
    parts, left = [], count
    while left and (part := stream.read(min(left, 1 << 24))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _opened(file: Path) -> Any:
    return gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb")


def _check_not_empty(file: Path) -> None:
    try:
        size = file.stat().st_size
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    if size == 0:
        raise UserError(f"{file} is empty (0 bytes); replace it or leave it out")


def _unit(values: np.ndarray) -> Iterator[np.ndarray]:
    """Each image as float32: unsigned integers from 0 to 1 by the largest of their type, others as they are."""
    kind = values.dtype
    scale = np.iinfo(kind).max if kind.kind == "u" else 255 if kind.kind == "i" else 1
    return (image.astype(np.float32) / np.float32(scale) for image in values)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
