"""Cache of arrays that take long to make from files, on disk: one for each file and each setting, of a bounded size."""

import hashlib
import json
import logging
import os
import re
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load, save

from throughtime.bounded_cache import BoundedCache, note_use
from throughtime.files import atomic_write, cache_folder, make_private, no_follow

logger = logging.getLogger(__name__)

FORMAT = 2
SUFFIX = ".safetensors"
LARGEST = 1 << 30  # bytes of an entry
ENTRY = re.compile(r"[0-9a-f]{40}\.safetensors")
UNFINISHED = re.compile(r"\.[0-9a-f]{40}\.safetensors\.[0-9a-f]{8}")
SHARE = 20
"""A twentieth of the size is made free at a time, as each look through the folder takes a while."""


class ArrayCache:
    """A folder of arrays, by the content of the file that each is made from and the settings.

    An entry is a safetensors file with the array `[n, M]` and its checksum, written whole or not at all. One that
    is another user's, is reached through a symbolic link, or is not whole counts as missing. Where the folder cannot
    be written to, or is full, nothing more is kept.

    Args:
        folder: its name in `$THROUGHTIME_CACHE`, or else in `~/.cache/throughtime`.
        size: the most bytes of all entries; above it, those that have not been used for longest are removed. Entries
            that this process has used stay, and where they fill the cache, no more are kept: data that are larger
            than it would else drive out in each epoch what the next one begins with. 0 for no cache.
        size_key: the configuration key of the size, for a message; None where it has none.
    """

    def __init__(self, folder: str, size: int, size_key: str | None = None) -> None:
        self.size = size
        self.size_key = size_key
        self.folder = cache_folder() / folder
        self._bounded = BoundedCache(self.folder, (SUFFIX,), ENTRY, UNFINISHED, size)
        self._started = time.time()
        self._keeps_more = True
        self._free = 0  # bytes that can be written before the folder is looked through again

    def key(self, file: Path, settings: Mapping[str, Any]) -> str:
        """The name of an entry: a hash of the bytes of the file and of the settings."""
        digest = hashlib.sha256(json.dumps({"format": FORMAT, **settings}, sort_keys=True).encode())
        with open(file, "rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()[:40]

    def get(self, key: str, width: int) -> Float[np.ndarray, "n M"] | None:
        """The array of an entry, with M = width; None where there is none that is whole."""
        path = self._path(key)
        if not self.size or not path.is_file():
            return None
        try:
            with open(path, "rb", opener=no_follow) as file:
                status = os.fstat(file.fileno())
                if status.st_uid != os.getuid() or status.st_size > LARGEST:
                    raise ValueError("it is too large, or another user has written it")
                entry = load(file.read())
                array, checksum = entry["array"], entry["checksum"]
                if array.dtype != np.float32 or array.ndim != 2 or array.shape[1] != width:
                    raise ValueError(f"an array of {array.dtype} {list(array.shape)}")
                if checksum.shape != (1,) or zlib.crc32(array) != checksum[0]:
                    raise ValueError("the checksum differs")
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            logger.warning("the cache entry %s is not whole (%s); it is made anew", path, error)
            return None
        note_use(path)
        return array

    def put(self, key: str, array: Float[np.ndarray, "n M"]) -> None:
        """Keep the array of a file."""
        if not self.size or not self._keeps_more:
            return
        entry = save({"array": array, "checksum": np.array([zlib.crc32(array)], dtype=np.int64)})
        try:
            make_private(self.folder)
            if len(entry) > self._free:
                self._free = self._bounded.make_room(len(entry) + self.size // SHARE, self._started)
            if len(entry) > self._free:
                self._keeps_more = False
                raised = "" if self.size_key is None else f", or raise {self.size_key}"
                logger.warning(
                    "the cache %s is full; no more is kept: remove its files%s", self.folder, raised
                )
                return
            with atomic_write(self._path(key)) as file:
                file.write(entry)
            self._free -= len(entry)
        except OSError as error:
            self._keeps_more = False
            logger.warning(
                "the cache %s cannot be written to (%s); nothing is kept", self.folder, error.strerror
            )

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"
