"""Pretrained word vectors in the text format of GloVe and fastText: a line a word, `the 0.418 0.250 ...`."""

import hashlib
import os
from collections.abc import Container
from pathlib import Path

import numpy as np

from throughtime.errors import UserError


def read_vectors(
    path: str | Path, wanted: Container[str] = (), further: int = 0, encoding: str = "utf-8"
) -> dict[str, np.ndarray]:
    """The vectors of the words that are wanted, and of the first `further` ones besides.

    A first line of two numbers (words and size), as fastText and word2vec write it, is passed over.

    Raises:
        UserError: there is no such file, it is empty, or a line of it is malformed; the line is named.
    """
    vectors: dict[str, np.ndarray] = {}
    size, number = 0, 0
    try:
        with Path(os.path.expanduser(path)).open(encoding=encoding, errors="replace", newline="\n") as file:
            for number, line in enumerate(file, 1):
                parts = line.rstrip("\r\n ").split(" ")
                if number == 1 and len(parts) == 2 and all(part.isdigit() for part in parts):
                    continue
                size = size or len(parts) - 1
                word = " ".join(parts[: len(parts) - size])
                if not size or len(parts) <= size or not word:
                    raise UserError(
                        f"{path}, line {number} has {len(parts) - 1} numbers after its word where {size} are "
                        "expected (is the file cut off here?)"
                    )
                if (number <= further or word in wanted) and word not in vectors:
                    vectors[word] = np.array(parts[-size:], dtype=np.float32)
    except OSError as error:
        raise UserError(f"data.vectors={path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{path}, line {number} has something that is no number after its word") from None
    if not vectors:
        raise UserError(f"data.vectors={path} has no vector for any word of the training text")
    return vectors


def checksum(path: str | Path) -> str:
    """The SHA-256 of a file of vectors."""
    with Path(os.path.expanduser(path)).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
