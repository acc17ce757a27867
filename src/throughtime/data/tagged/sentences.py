"""Sentences with a tag for every token, and what a file format must do to read and write them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from throughtime.data.base import DataPart
from throughtime.data.text.source import Document


class Sentence(NamedTuple):
    """Tokens that are read together.

    Attributes:
        tokens: the words and signs; there may be none.
        tags: one a token, or empty where the file has none.
        name, line: the file and the line of the first token, for messages.
        kept: what its format needs to write it back as it came.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    name: str
    line: int
    kept: Any = None


class Tagged(NamedTuple):
    """What a model says about one sentence.

    Attributes:
        tags: one a token.
        probabilities: that of each tag, or None where they are not asked for.
    """

    tags: tuple[str, ...]
    probabilities: tuple[float, ...] | None = None

    def shares(self) -> Iterator[str]:
        """The probabilities as texts with four digits; none where they are not asked for."""
        return (f"{probability:.4f}" for probability in self.probabilities or ())


class Format(DataPart, ABC):
    """A way in which files hold sentences and tags.

    Attributes:
        whole_files: whether splits are made of whole files, as the sentences of one file belong together.
        signs: the tags of tokens that tell theirs by themselves, such as an operator; where there are some, the
            accuracy on all others is a measure of its own (`accuracy_names`).
    """

    whole_files: ClassVar[bool] = False
    signs: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def read(self, document: Document, tagged: bool = True) -> list[Sentence]:
        """The sentences of one file; where `tagged` is false, tags may be missing.

        Raises:
            UserError: a line is malformed; it names the file and the line.
        """

    @abstractmethod
    def write(self, sentences: Sequence[Sentence], answers: Sequence[Tagged]) -> str:
        """The text of a file with these sentences and the tags in `answers` instead of their own."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """The arguments that make this format again, in plain values."""


def lines_of(document: Document) -> list[str]:
    """The lines of a file without their ends. An end after the last one shows as an empty line."""
    return "".join(piece.text for piece in document.pieces()).split("\n")


def document_at(path: str | Path, encoding: str = "utf-8") -> Document:
    """One file as a document."""
    return Document(Path(path), encoding)
