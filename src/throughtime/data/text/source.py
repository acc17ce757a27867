"""Text sources: files of the user's own, or the text that Python itself ships."""

import hashlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from throughtime.data.encoding import check_encoding, decode
from throughtime.data.paths import find_files
from throughtime.errors import UserError
from throughtime.tokenizer.stream import Origin, Piece

SHIPPED = "the text that Python ships (pydoc_data.topics)"

BLOCK_BYTES = 1 << 20
"""Bytes that are read at once."""


class Document(NamedTuple):
    """One file, or with `path=None` the text that Python ships."""

    path: Path | None
    encoding: str

    @property
    def name(self) -> str:
        """The name that messages use."""
        return SHIPPED if self.path is None else str(self.path)

    def blocks(self) -> Iterator[bytes]:
        """Its bytes as they are."""
        if self.path is None:
            # The help of Python's own language reference, in the order in which the module holds it.
            from pydoc_data.topics import topics

            yield "".join(topics.values()).encode()
            return
        try:
            with self.path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    yield block
        except OSError as error:
            raise UserError(
                f"{self.path} cannot be read: {error.strerror}; it must be a file that you may read"
            ) from None

    def pieces(self) -> Iterator[Piece]:
        """Its text, piece by piece."""
        offset = 0
        for text in decode(self.blocks(), self.encoding, self.name):
            if text:
                yield Piece(text, Origin(self.name, offset), begins=offset == 0)
                offset += len(text)


class TextSource:
    """The documents of one path, one after another.

    A path is a file, a folder or a glob. A folder stands for all files below it in the order of their paths,
    without those whose name, or a folder's on the way, begins with a dot. Every other file must be text: one
    that is not is an error and not left out in silence; a glob (`folder/**/*.txt`) says which files are
    meant. Empty files are left out.

    Args:
        path: None for the text that Python ships.
        encoding: the encoding of all files; UTF-8 with or without a byte order mark by default.
        key: the name of the setting, for errors.

    Attributes:
        documents: those that have any text.
        lengths: the characters of each.
        sha256: of the bytes of all documents in order (for a single file what `sha256sum` prints).
        bytes: how many there are.

    Raises:
        UserError: there is no such path, it matches no file, it holds no text, or bytes that are none.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, encoding: str = "utf-8", key: str = "data.path"
    ) -> None:
        check_encoding(encoding)
        self.path = None if path is None else str(path)
        found = [None] if self.path is None else find_files(self.path, key, "text file")
        encoding = "utf-8" if path is None else encoding
        digest = hashlib.sha256()
        self.bytes = 0
        self.documents: list[Document] = []
        self.lengths: list[int] = []
        for document in (Document(file, encoding) for file in found):
            characters = sum(
                len(text) for text in decode(self._hashed(document, digest), encoding, document.name)
            )
            if characters:
                self.documents.append(document)
                self.lengths.append(characters)
        self.sha256 = digest.hexdigest()
        if not self.documents:
            raise UserError(f"{key}={path} holds no text (it is empty); name a file with some text in it")

    def _hashed(self, document: Document, digest: Any) -> Iterator[bytes]:
        for block in document.blocks():
            digest.update(block)
            self.bytes += len(block)
            yield block

    @property
    def characters(self) -> int:
        """The characters of all documents."""
        return sum(self.lengths)

    def pieces(self) -> Iterator[Piece]:
        """The text of all documents; each begins with a piece that says so."""
        for document in self.documents:
            yield from document.pieces()

    def key(self) -> dict[str, Any]:
        """All that the text of this source depends on, in plain values."""
        return {"sha256": self.sha256, "encoding": self.documents[0].encoding, "lengths": self.lengths}

    def fingerprint(self) -> dict[str, Any]:
        """Path, size and SHA-256 of the text, in plain values."""
        known = {
            "path": self.path or SHIPPED,
            "documents": len(self.documents),
            "bytes": self.bytes,
            "sha256": self.sha256,
        }
        return known | ({"python": platform.python_version()} if self.path is None else {})


def find_sources(
    path: str | None, train_path: str | None, val_path: str | None, test_path: str | None, encoding: str
) -> dict[str, TextSource]:
    """The sources that a user's paths name: `{"all": ...}` to be split, or one for each ready split.

    Raises:
        UserError: both kinds of path are given, or a validation split without one for training.
    """
    ready = {"train": train_path, "val": val_path, "test": test_path}
    given = {name: value for name, value in ready.items() if value is not None}
    if path is not None and given:
        raise UserError(
            f"data.path and data.{next(iter(given))}_path exclude each other; give data.path to split, "
            "or data.train_path, data.val_path and data.test_path as ready splits"
        )
    if "val" in given and "train" not in given:
        raise UserError("data.val_path needs data.train_path beside it")
    if given:
        return {name: TextSource(value, encoding, f"data.{name}_path") for name, value in given.items()}
    return {"all": TextSource(path, encoding)}
