"""CoNLL-U: the format of Universal Dependencies (universaldependencies.org/format.html)."""

import re
from collections.abc import Sequence
from typing import Any

from throughtime.data.tagged.columns import replace_tags, sentence_lines
from throughtime.data.tagged.sentences import Format, Sentence, SentenceTags
from throughtime.data.text.source import Document
from throughtime.errors import UserError

CONLLU_COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
ID, FORM, FEATS, MISC = (CONLLU_COLUMNS.index(name) for name in ("ID", "FORM", "FEATS", "MISC"))
WHOLE_FIELDS = ("LEMMA", "UPOS", "XPOS", "DEPREL")
NONE = "_"
"""An empty cell; also the tag of a word that lacks the feature."""

WORD = re.compile(r"\d+")
RANGE_OR_EMPTY = re.compile(r"\d+-\d+|\d+\.\d+")


class ConllU(Format):
    """Ten columns between tabs; words have whole numbers, multiword ranges and empty nodes others.

    Only words are tokens; ranges (`2-3 du`), empty nodes (`8.1`), comments and the other columns are written
    back as they came. With probabilities, MISC gets `Probability=0.9876`.

    Args:
        field: UPOS, XPOS, LEMMA or DEPREL, or the name of a feature in FEATS, such as Number; a word without
            that feature has the tag `_`.

    Raises:
        UserError: the field is a column without tags.
    """

    def __init__(self, field: str = "UPOS") -> None:
        if not field or (field in CONLLU_COLUMNS and field not in WHOLE_FIELDS):
            raise UserError(
                f"field={field} holds no tags; choose one of {', '.join(WHOLE_FIELDS)}, or the name of a "
                "feature such as Number"
            )
        self.field = field

    def state(self) -> dict[str, Any]:
        return {"field": self.field}

    def read(self, document: Document, tagged: bool = True) -> list[Sentence]:
        def is_token(line: str, number: int, inside: bool) -> bool:
            return _is_word(line, number, document.name)

        sentences = []
        for block in sentence_lines(document, is_token):
            rows = [block.lines[row].split("\t") for row in block.rows]
            tags = tuple(self._tag(row[CONLLU_COLUMNS.index(self._column)]) for row in rows)
            if tagged and self._column in WHOLE_FIELDS and NONE in tags and set(tags) != {NONE}:
                number = block.number(block.rows[tags.index(NONE)])
                raise UserError(f"{document.name}, line {number} has no {self.field}, unlike its neighbours")
            if not tagged and set(tags) == {NONE}:
                tags = ()
            first = block.number(block.rows[0] if block.rows else 0)
            sentences.append(Sentence(tuple(row[FORM] for row in rows), tags, document.name, first, block))
        return sentences

    def write(self, sentences: Sequence[Sentence], predictions: Sequence[SentenceTags]) -> str:
        return replace_tags(sentences, predictions, self._row)

    @property
    def _column(self) -> str:
        return self.field if self.field in WHOLE_FIELDS else "FEATS"

    def _tag(self, cell: str) -> str:
        return cell if self._column != "FEATS" else _pairs(cell).get(self.field, NONE)

    def _row(self, line: str, tag: str, probability: str | None) -> str:
        cells = line.split("\t")
        if self._column == "FEATS":
            cells[FEATS] = _with(cells[FEATS], self.field, tag)
        else:
            cells[CONLLU_COLUMNS.index(self.field)] = tag
        if probability is not None:
            cells[MISC] = _with(cells[MISC], "Probability", probability)
        return "\t".join(cells)


def _is_word(line: str, number: int, name: str) -> bool:
    if line.startswith("#"):
        return False
    cells = line.split("\t")
    if len(cells) != len(CONLLU_COLUMNS):
        raise UserError(
            f"{name}, line {number} has {len(cells)} columns between tabs, but CoNLL-U has {len(CONLLU_COLUMNS)} "
            "(is the file cut off here?)"
        )
    if RANGE_OR_EMPTY.fullmatch(cells[ID]):
        return False
    if not WORD.fullmatch(cells[ID]):
        raise UserError(
            f"{name}, line {number} begins with {cells[ID]!r}, which is no number of a word (7), of a range "
            "(2-3) or of an empty node (8.1)"
        )
    if not cells[FORM]:
        raise UserError(f"{name}, line {number} has no word in its second column")
    return True


def _pairs(cell: str) -> dict[str, str]:
    return {} if cell == NONE else dict(pair.partition("=")[::2] for pair in cell.split("|"))


def _with(cell: str, key: str, value: str) -> str:
    """A cell of `key=value` pairs with one of them set, or left out for `_`; in the format's order of keys."""
    pairs = _pairs(cell)
    if pairs.get(key, NONE) == value:
        return cell
    pairs = {k: v for k, v in pairs.items() if k != key} | ({} if value == NONE else {key: value})
    joined = (f"{k}={v}" if v else k for k, v in sorted(pairs.items(), key=lambda pair: pair[0].lower()))
    return "|".join(joined) or NONE
