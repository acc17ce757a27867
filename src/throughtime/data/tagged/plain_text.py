"""Plain text to be tagged: words and signs found in running text."""

import re
from collections.abc import Sequence
from typing import Any

from throughtime.data.tagged.sentences import Format, Sentence, SentenceTags, lines_of
from throughtime.data.text.source import Document
from throughtime.errors import UserError

TOKEN = re.compile(
    r"\w+(?:[.,:]\d+)+"  # 3.14, 10:30, 1,000
    r"|\w+(?:['’-]\w+)*"  # words, don't, well-known
    r"|[^\w\s]"  # every other sign alone
)


class PlainText(Format):
    """A line is a sentence; words and signs are tokens. Written as `word/TAG` (`word/TAG/0.9876`).

    The format can be read and written but says nothing about tags, so that no one can train on it.
    """

    def state(self) -> dict[str, Any]:
        return {}

    def read(self, document: Document, tagged: bool = True) -> list[Sentence]:
        if tagged:
            raise UserError(f"{document.name} is plain text without tags, which cannot be learned from")
        lines = lines_of(document)
        lines = lines[:-1] if lines[-1] == "" else lines
        rows = enumerate(lines, 1)
        return [Sentence(tuple(TOKEN.findall(line)), (), document.name, number) for number, line in rows]

    def write(self, sentences: Sequence[Sentence], predictions: Sequence[SentenceTags]) -> str:
        lines = []
        for sentence, prediction in zip(sentences, predictions, strict=True):
            rows = zip(sentence.tokens, *prediction.columns(), strict=True)
            lines.append(" ".join("/".join(row) for row in rows))
        return "\n".join(lines) + "\n"
