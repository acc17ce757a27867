"""Tagged sentences, and the base class of file formats that read and write them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from throughtime.data.base import DataPart
from throughtime.data.tagged.entity_schemes import EntitySpan
from throughtime.data.text.source import Document

LONGEST_SENTENCE = 2_000
"""The tokens that a model reads together at most; a file without empty lines is one sentence, of any length."""


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


def cut_sentence(
    sentence: Sentence, longest: int = LONGEST_SENTENCE, entities: Sequence[EntitySpan] = ()
) -> list[Sentence]:
    """A sentence in pieces of at most `longest` tokens, which a model reads one by one; itself where it is shorter.

    Args:
        sentence: of any length.
        longest: the tokens of a piece at most.
        entities: of the sentence, in order; a piece ends before one that it does not hold whole, unless the entity is
            longer than a piece.
    """
    count = len(sentence.tokens)
    if count <= longest:
        return [sentence]
    inside = {place for one in entities for place in range(one.start + 1, one.stop)}
    pieces, start = [], 0
    while start < count:
        stop = start + longest
        if stop < count:
            stop = next((place for place in range(stop, start, -1) if place not in inside), stop)
        tokens, tags = sentence.tokens[start:stop], sentence.tags[start:stop]
        pieces.append(sentence._replace(tokens=tokens, tags=tags, kept=None))
        start = stop
    return pieces


class SentenceTags(NamedTuple):
    """Predictions of a model for one sentence.

    Attributes:
        tags: one a token.
        probabilities: that of each tag, or None where they are not asked for.
    """

    tags: tuple[str, ...]
    probabilities: tuple[float, ...] | None = None

    def probability_texts(self) -> Iterator[str]:
        """The probabilities as texts with four digits; none where they are not asked for."""
        return (f"{probability:.4f}" for probability in self.probabilities or ())

    def columns(self) -> list[tuple[str, ...]]:
        """The tags, and after them the probabilities as texts where they are asked for."""
        return [self.tags, *([tuple(self.probability_texts())] if self.probabilities else [])]


class Format(DataPart, ABC):
    """Base class of file formats: how sentences and tags are read and written.

    Attributes:
        whole_files: whether splits are made of whole files, as the sentences of one file belong together.
        signs: the tags that follow from the token alone, such as operator; where there are some, the accuracy on all
            other tokens is a metric of its own (`accuracy_names`).
        shipped_name: the name of the files of `shipped`.
    """

    whole_files: ClassVar[bool] = False
    signs: ClassVar[frozenset[str]] = frozenset()
    shipped_name: ClassVar[str] = ""

    def shipped(self) -> list[Document] | None:
        """The files that are read where the user names none; None where there must be a path."""
        return None

    @abstractmethod
    def read(self, document: Document, tagged: bool = True) -> list[Sentence]:
        """The sentences of one file; where `tagged` is false, tags may be missing.

        Raises:
            UserError: a line is malformed; it names the file and the line.
        """

    def check(self, sentences: Sequence[Sentence]) -> None:
        """Raise `UserError` where all tags together show that the format's settings do not fit the files."""

    def remarks(self, sentences: Sequence[Sentence]) -> list[str]:
        """Statements on lines that were not read as tokens, for the line that describes the data."""
        return []

    @abstractmethod
    def write(self, sentences: Sequence[Sentence], predictions: Sequence[SentenceTags]) -> str:
        """The text of a file with these sentences and the tags in `predictions` instead of their own."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """The arguments that make this format again, in plain values."""


def lines_of(document: Document) -> list[str]:
    """The lines of a file without their ends. An end after the last one shows as an empty line."""
    return "".join(piece.text for piece in document.pieces()).split("\n")


def document_at(path: str | Path, encoding: str = "utf-8") -> Document:
    """One file as a document."""
    return Document(Path(path), encoding)
