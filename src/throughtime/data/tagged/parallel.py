"""Parallel files: the sentences in one, a line each, and their tags in another, with as many a line."""

from collections.abc import Sequence
from typing import Any

from throughtime.data.tagged.sentences import Format, Sentence, SentenceTags, lines_of
from throughtime.data.text.source import Document
from throughtime.errors import UserError


class Parallel(Format):
    """`show flights to boston` in `seq.in` and `O O O B-toloc` in `seq.out` beside it.

    The user names the file of tokens. Written are the tags alone, a line a sentence, as in the file of tags;
    with probabilities each as `tag:0.9876`.

    Args:
        tokens, tags: the file of tags has the name of the file of tokens with the last `tokens` in it
            replaced by `tags`.

    Raises:
        UserError: both files would have the same name.
    """

    def __init__(self, tokens: str = ".in", tags: str = ".out") -> None:
        if not tokens or tokens == tags:
            raise UserError(
                f"tokens={tokens!r} and tags={tags!r} must be different parts of the two files' names, such as "
                "'.in' and '.out'"
            )
        self.tokens = tokens
        self.tags = tags

    def state(self) -> dict[str, Any]:
        return {"tokens": self.tokens, "tags": self.tags}

    def fits(self, name: str) -> bool:
        """Whether a file of this name is one of tokens."""
        return self.tokens in name

    def read(self, document: Document, tagged: bool = True) -> list[Sentence]:
        tokens = _rows(document)
        if not tagged:
            return [Sentence(words, (), document.name, number) for number, words in enumerate(tokens, 1)]
        beside = self._beside(document)
        tags = _rows(beside)
        if len(tags) != len(tokens):
            raise UserError(
                f"{document.name} has {len(tokens)} lines, but {beside.name} has {len(tags)}; line "
                f"{min(len(tags), len(tokens)) + 1} of the longer one has no partner"
            )
        sentences = []
        for number, (words, labels) in enumerate(zip(tokens, tags, strict=True), 1):
            if len(words) != len(labels):
                raise UserError(
                    f"line {number} has {len(words)} tokens in {document.name}, but {len(labels)} tags in "
                    f"{beside.name}; each token needs one tag (is a file cut off here?)"
                )
            sentences.append(Sentence(words, labels, document.name, number))
        return sentences

    def write(self, sentences: Sequence[Sentence], predictions: Sequence[SentenceTags]) -> str:
        lines = []
        for prediction in predictions:
            rows = zip(*prediction.columns(), strict=True)
            lines.append(" ".join(":".join(row) for row in rows))
        return "\n".join(lines) + "\n"

    def _beside(self, document: Document) -> Document:
        """The file of tags.

        Raises:
            UserError: there is none.
        """
        path = document.path
        head, found, tail = path.name.rpartition(self.tokens)
        beside = path.with_name(head + self.tags + tail)
        if not found:
            raise UserError(
                f"{path}: its name must have {self.tokens!r} in it (data.format.tokens), which the file of "
                f"tags has as {self.tags!r} (data.format.tags)"
            )
        if not beside.is_file():
            raise UserError(
                f"{path}: there is no file of tags {beside} beside it; set data.format.tokens and "
                "data.format.tags to the parts in which their names differ"
            )
        return document._replace(path=beside)


def _rows(document: Document) -> list[tuple[str, ...]]:
    lines = lines_of(document)
    return [tuple(line.split()) for line in (lines[:-1] if lines[-1] == "" else lines)]
