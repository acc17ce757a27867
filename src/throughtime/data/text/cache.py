"""Cache of encoded text: ids on disk, memory-mapped."""

import hashlib
import json
import logging
import os
import re
import tempfile
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Integer

from throughtime.bounded_cache import BoundedCache, note_use, size_limit
from throughtime.data.text.split import TextPart
from throughtime.errors import UserError
from throughtime.files import cache_folder, make_private, no_follow
from throughtime.tokenizer.base import Tokenizer
from throughtime.tokenizer.stream import recut

logger = logging.getLogger(__name__)

FORMAT = 1
SIZE = 10 * 10**9  # bytes
SUFFIX = ".ids"
ENTRY = re.compile(r"[0-9a-f]{32}\.ids")
UNFINISHED = re.compile(r"[0-9a-f]{32}\w{8}\.tmp")
_BLOCK = 1 << 20
_LENGTH_BYTES = 8
_TYPES = ("uint8", "uint16", "uint32", "uint64")
_LONGEST = 1 << 12  # bytes of a description


class Encoded(NamedTuple):
    """The ids of a part of a text, `[N]`, and where in them its documents (or lines) begin, `[n]`."""

    ids: Integer[np.ndarray, " N"]
    starts: Integer[np.ndarray, " n"]


class Cache:
    """A folder of encoded text, by what the ids depend on: the text's key and the tokenizer's fingerprint.

    An entry is one file: the ids in the smallest unsigned type that holds V of them, the starts (int64), a
    description as JSON with a checksum, and the length of that. It is written to a temporary file in the same
    folder, flushed to disk and renamed, so that two processes that write one entry at once both read a whole
    one. An entry that is not whole, or has other than ids below V and starts in order, is written anew. Where
    the folder cannot be written to, a temporary one takes its place.

    Above `$THROUGHTIME_CACHE_SIZE` bytes, or else `SIZE`, the entries that have not been used for longest are removed,
    but none that this process has used.

    Args:
        folder: None for `$THROUGHTIME_CACHE`, or else `~/.cache/throughtime`.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = cache_folder() if folder is None else Path(folder).expanduser()
        self._size = size_limit(SIZE)
        self._started = time.time()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def encoded(self, part: TextPart, tokenizer: Tokenizer) -> Encoded:
        """The ids of a part of a text, from the cache or put there now."""
        key = {"format": FORMAT, "text": part.key(), "tokenizer": tokenizer.fingerprint()}
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32] + SUFFIX
        size = tokenizer.vocabulary_size
        entry = _open(self.folder / name, size)
        if entry is None:
            try:
                _write(self.folder / name, part, tokenizer)
            except OSError as error:
                self._fall_back(error)
                _write(self.folder / name, part, tokenizer)
            with suppress(OSError):
                BoundedCache(self.folder, (SUFFIX,), ENTRY, UNFINISHED, self._size).make_room(
                    used_since=self._started
                )
            entry = _open(self.folder / name, size)
        if entry is None:
            raise OSError(f"{self.folder / name} was changed while it was written")
        note_use(self.folder / name)
        return entry

    def _fall_back(self, error: OSError) -> None:
        if self._temporary is not None:
            raise error
        self._temporary = tempfile.TemporaryDirectory(prefix="throughtime-")
        message = "the cache %s cannot be written to (%s); a temporary folder takes its place for this run"
        logger.warning(message, self.folder, error.strerror)
        self.folder = Path(self._temporary.name)


def _write(path: Path, part: TextPart, tokenizer: Tokenizer) -> None:
    make_private(path.parent)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.stem, suffix=".tmp", delete=False) as file:
        try:
            _write_entry(file, part, tokenizer)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _write_entry(file: Any, part: TextPart, tokenizer: Tokenizer) -> None:
    dtype = np.min_scalar_type(tokenizer.vocabulary_size - 1)
    starts: list[int] = []
    count = checksum = characters = 0
    for piece in recut(part.pieces()):
        ids = tokenizer.encode(piece.text, piece.origin).astype(dtype)
        if piece.begins:
            starts.append(count)
        count += len(ids)
        characters += len(piece.text)
        checksum = zlib.crc32(ids, checksum)
        file.write(ids)
    if characters != part.characters:
        raise UserError("the text changed while it was read; start again when nothing writes to data.path")
    data = np.array(starts, dtype=np.int64)
    checksum = zlib.crc32(data, checksum)
    file.write(data)
    description = {"ids": count, "dtype": dtype.name, "starts": len(starts), "checksum": checksum}
    footer = json.dumps(description).encode()
    file.write(footer + len(footer).to_bytes(_LENGTH_BYTES, "little"))


def _open(path: Path, vocabulary_size: int) -> Encoded | None:
    """The entry of a file of this user's own; None where there is none, or none that is whole."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb", opener=no_follow) as file:
            if os.fstat(file.fileno()).st_uid != os.getuid():
                raise ValueError("another user has written it")
            description, length = _description(file)
            count, begun = (_count(description, name) for name in ("ids", "starts"))
            if description["dtype"] not in _TYPES:
                raise ValueError(f"ids of type {description['dtype']!r}")
            dtype = np.dtype(description["dtype"])
            size = count * dtype.itemsize + begun * 8
            if size + length + _LENGTH_BYTES != os.fstat(file.fileno()).st_size:
                raise ValueError("its size is not that of its ids and starts")
            if description["checksum"] != _checksum(file, size):
                raise ValueError("the checksum differs")
            ids = np.memmap(file, dtype, "r", shape=(count,))
            file.seek(count * dtype.itemsize)
            starts = np.fromfile(file, np.int64, begun)
        _check(ids, starts, vocabulary_size)
        return Encoded(ids, starts)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        logger.warning("the cache entry %s is not whole (%s); it is made anew", path, error)
        return None


def _description(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """The description at the end of an entry, and how many bytes it takes."""
    file.seek(-_LENGTH_BYTES, os.SEEK_END)
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if length > _LONGEST:
        raise ValueError("it has no description")
    file.seek(-_LENGTH_BYTES - length, os.SEEK_END)
    return json.loads(file.read(length)), length


def _count(description: dict[str, Any], name: str) -> int:
    value = description[name]
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} {name}")
    return value


def _check(ids: Integer[np.ndarray, " N"], starts: Integer[np.ndarray, " n"], vocabulary_size: int) -> None:
    """Raise `ValueError` unless all ids are symbols of the vocabulary, and starts are places in order."""
    block = _BLOCK // ids.itemsize
    for first in range(0, len(ids), block):
        if (largest := int(ids[first : first + block].max())) >= vocabulary_size:
            raise ValueError(f"the id {largest} of {vocabulary_size} symbols")
    if len(starts) and (starts[0] < 0 or starts[-1] > len(ids) or (np.diff(starts) < 0).any()):
        raise ValueError("its starts are not places in order")


def _checksum(file: BinaryIO, size: int) -> int:
    file.seek(0)
    checksum = 0
    while size > 0 and (block := file.read(min(size, _BLOCK))):
        checksum = zlib.crc32(block, checksum)
        size -= len(block)
    return checksum
