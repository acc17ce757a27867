"""Piano rolls from files: MATLAB's .mat of Boulanger-Lewandowski et al. (2012), and JSON with pitches."""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from throughtime.data.music.piano_roll import KEYS, MusicPiece, Note, Roll, roll_of
from throughtime.data.music.source import WHOLE, MusicSource, Parts
from throughtime.data.paths import find_files
from throughtime.errors import UserError, first_line

MAT_PARTS = {"train": "traindata", "val": "validdata", "test": "testdata"}
LARGEST = 512 << 20
"""Bytes of the largest MATLAB file that is read, before and after decompression."""

PIECE = 1 << 20
"""Bytes that are decompressed at once."""

HEADER, COMPRESSED = 128, 15
"""Of MATLAB's format 5: the bytes before the first element, and the type of an element that is compressed."""

JSON_PARTS = {"train": ("train",), "val": ("valid", "val", "validation"), "test": ("test",)}


class PianoRollFiles(MusicSource):
    """Pieces of music as arrays, with the split that their file gives them.

    A `.mat` has `traindata`, `validdata` and `testdata`, each a cell array of piano rolls `[n, 88]` of zeros and ones
    (Boulanger-Lewandowski, Bengio & Vincent 2012). A `.json` has lists of pieces under `train`, `valid` and `test`; a
    piece is a list of steps, and a step a list of MIDI pitches, -1 or null for a voice that rests. A list alone,
    without these names, has no split.

    Args:
        steps_per_beat: the steps of the files in a quarter note; the files do not say it.
    """

    def __init__(self, steps_per_beat: int = 1) -> None:
        super().__init__(steps_per_beat)

    def read(self, path: str, key: str = "data.path") -> Parts:
        parts: Parts = {}
        for file in find_files(path, key, "piano-roll file"):
            for name, pieces in _read(file).items():
                parts.setdefault(name, []).extend(pieces)
        if WHOLE in parts and len(parts) > 1:
            raise UserError(
                f"{key}={path}: some files have a split and some have none; give files of one kind"
            )
        return parts


def _read(file: Path) -> Parts:
    readers = {".mat": _read_mat, ".json": _read_json}
    if file.suffix.lower() not in readers:
        raise UserError(
            f"{file} is no piano-roll file; give a .mat or a .json (MIDI files have data of their own)"
        )
    return readers[file.suffix.lower()](file)


def _read_mat(file: Path) -> Parts:
    from scipy.io import loadmat, whosmat

    try:
        size = file.stat().st_size
        stored = file.read_bytes() if size <= LARGEST else b""
        if max(size, _decompressed_size(stored)) > LARGEST:
            raise UserError(
                f"{file} has more than {LARGEST:,} bytes when it is decompressed; it is damaged or hostile, or must be "
                "cut into several files"
            )
        content = loadmat(io.BytesIO(stored), variable_names=list(MAT_PARTS.values()))
        lacks_all = not {*content} & {*MAT_PARTS.values()}
        others = [name for name, *_ in whosmat(io.BytesIO(stored))] if lacks_all else []
    except UserError:
        raise
    except NotImplementedError:  # of MATLAB 7.3, which is HDF5
        raise UserError(f"{file} is of MATLAB 7.3; save it by save(..., '-v7')") from None
    except (
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        TypeError,
        ValueError,
    ) as error:
        raise UserError(f"{file} is not a whole MATLAB file ({first_line(error)})") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise UserError(f"{file} is not a whole MATLAB file ({first_line(error)})") from None
    except Exception as error:  # of its own reader, and of zlib
        if type(error).__module__.split(".")[0] not in ("scipy", "zlib"):
            raise
        raise UserError(f"{file} is not a whole MATLAB file ({first_line(error)})") from None
    found = {part: content[name] for part, name in MAT_PARTS.items() if name in content}
    if not found:
        raise UserError(
            f"{file} has {', '.join(others) or 'nothing'}, but none of {', '.join(MAT_PARTS.values())}, the cell "
            "arrays of piano rolls"
        )
    return {
        part: [
            MusicPiece(name := f"{file}: {MAT_PARTS[part]}[{number}]", _checked(roll, name))
            for number, roll in enumerate(_cells(cells, f"{file}: {MAT_PARTS[part]}"), 1)
        ]
        for part, cells in found.items()
    }


def _decompressed_size(stored: bytes) -> int:
    """The bytes of all elements of a MATLAB file of format 5, decompressed piece by piece; it stops above `LARGEST`."""
    order = {b"IM": "<", b"MI": ">"}.get(stored[HEADER - 2 : HEADER])
    total, place = 0, HEADER
    while order is not None and place + 8 <= len(stored) and total <= LARGEST:
        kind, size = struct.unpack_from(f"{order}II", stored, place)
        if kind == COMPRESSED:
            reader = zlib.decompressobj()
            for start in range(place + 8, min(place + 8 + size, len(stored)), PIECE):
                rest = stored[start : min(start + PIECE, place + 8 + size)]
                while rest and total <= LARGEST:
                    total += len(reader.decompress(rest, PIECE))
                    rest = reader.unconsumed_tail
        else:
            total += min(size, len(stored) - place - 8)
        place += 8 + size
    return total


def _cells(cells: np.ndarray, name: str) -> list[Any]:
    if cells.dtype != object:
        raise UserError(
            f"{name} is an array of numbers; it must be a cell array with a piano roll in each cell"
        )
    return list(cells.ravel())


def _checked(values: Any, name: str) -> Roll:
    """A piano roll of zeros and ones.

    Raises:
        UserError: it has another shape or other numbers, or no step.
    """
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] != KEYS:
        raise UserError(
            f"{name} is {list(values.shape)}; it must have a row a step and a column for each of {KEYS} keys"
        )
    if not len(values):
        raise UserError(f"{name} has no step; leave it out")
    if values.dtype.kind not in "biuf" or not ((values == 0) | (values == 1)).all():
        wrong = "text" if values.dtype.kind not in "biuf" else values[(values != 0) & (values != 1)][0]
        raise UserError(f"{name} has {wrong}; a piano roll has 0 and 1 only")
    return values.astype(np.uint8)


def _read_json(file: Path) -> Parts:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is no JSON ({first_line(error)})") from None
    if isinstance(content, list):
        return {WHOLE: _pieces(content, str(file))}
    names = content if isinstance(content, dict) else {}
    found = {part: name for part, choices in JSON_PARTS.items() for name in choices if name in names}
    if not found:
        raise UserError(
            f"{file} has none of train, valid and test; it must have lists of pieces under these names"
        )
    return {part: _pieces(content[name], f"{file}: {name}") for part, name in found.items()}


def _pieces(content: Any, place: str) -> list[MusicPiece]:
    if not isinstance(content, list):
        raise UserError(f"{place} is no list of pieces")
    return [
        MusicPiece(name := f"{place}[{number}]", _roll(piece, name))
        for number, piece in enumerate(content, 1)
    ]


def _roll(piece: Any, name: str) -> Roll:
    """The piano roll of a list of steps, each a list of pitches."""
    if not isinstance(piece, list) or not all(isinstance(step, list) for step in piece):
        raise UserError(f"{name} must be a list of steps, and each step a list of MIDI pitches")
    notes = []
    for step, pitches in enumerate(piece):
        for pitch in pitches:
            if pitch is None or pitch == -1:
                continue
            if isinstance(pitch, bool) or not isinstance(pitch, int | float) or pitch != pitch // 1:
                raise UserError(f"{name}, step {step + 1}: {json.dumps(pitch)[:40]} is no MIDI pitch")
            notes.append(Note(step, step + 1, int(pitch)))
    roll = roll_of(notes, name)
    rests = np.zeros((len(piece) - len(roll), KEYS), dtype=np.uint8)  # at its end
    return np.concatenate((roll, rests))
