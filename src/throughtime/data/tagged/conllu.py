"""CoNLL-U: the format of Universal Dependencies (universaldependencies.org/format.html)."""

import difflib
import re
from collections.abc import Collection, Sequence
from typing import Any

from throughtime.data.tagged.columns import replace_tags, sentence_lines
from throughtime.data.tagged.sentences import Format, Sentence, SentenceTags
from throughtime.data.text.source import Document
from throughtime.errors import UserError

CONLLU_COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
ID, FORM, FEATS, MISC = (CONLLU_COLUMNS.index(name) for name in ("ID", "FORM", "FEATS", "MISC"))
WHOLE_FIELDS = ("LEMMA", "UPOS", "XPOS", "DEPREL")
MAY_LACK = "LEMMA"
"""The whole field that words may lack; their tag is then `_`, as is that of the word `_`."""

IN_MISC = "MISC."
"""The beginning of a field's name that is a key in MISC, such as `MISC.Entity`."""

NONE = "_"
"""An empty cell; also the tag of a word that lacks the feature."""

WORD = re.compile(r"\d+")
RANGE_OR_EMPTY = re.compile(r"\d+-\d+|\d+\.\d+")


class ConllU(Format):
    """Ten columns between tabs; words have whole numbers, multiword ranges and empty nodes others.

    Only words are tokens; ranges (`2-3 du`), empty nodes (`8.1`), comments and the other columns are written
    back as they came. With probabilities, MISC gets `Probability=0.9876`.

    Args:
        field: UPOS, XPOS, LEMMA or DEPREL, or the name of a feature in FEATS, such as Number, or a key in MISC,
            such as MISC.Entity; a word without that feature or key has the tag `_`.

    Raises:
        UserError: the field is a column without tags, or one that is written otherwise.
    """

    def __init__(self, field: str = "UPOS") -> None:
        if field not in WHOLE_FIELDS and field.upper() in WHOLE_FIELDS:
            raise UserError(f"field={field} is not known; did you mean {field.upper()}?")
        if not field.removeprefix(IN_MISC) or field.upper() in set(CONLLU_COLUMNS) - set(WHOLE_FIELDS):
            raise UserError(
                f"field={field} holds no tags; choose one of {', '.join(WHOLE_FIELDS)}, or the name of a "
                f"feature such as Number, or of a key in MISC such as {IN_MISC}Entity"
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
            whole = self.field in WHOLE_FIELDS and self.field != MAY_LACK
            if tagged and whole and NONE in tags and set(tags) != {NONE}:
                number = block.number(block.rows[tags.index(NONE)])
                raise UserError(f"{document.name}, line {number} has no {self.field}, unlike its neighbours")
            if not tagged and set(tags) == {NONE}:
                tags = ()
            first = block.number(block.rows[0] if block.rows else 0)
            sentences.append(Sentence(tuple(row[FORM] for row in rows), tags, document.name, first, block))
        return sentences

    def check(self, sentences: Sequence[Sentence]) -> None:
        if any(tag != NONE for sentence in sentences for tag in sentence.tags):
            return
        columns = {"FEATS": "", "MISC": IN_MISC}
        known = {name for name in WHOLE_FIELDS if self._filled(sentences, name)}
        for column, prefix in columns.items():
            known |= {prefix + key for cell in self._filled(sentences, column) for key in _pairs(cell)}
        raise UserError(
            f"data.format.field={self.field} is on no word of {sentences[0].name if sentences else 'these files'}; "
            + nearest(self.field, known)
        )

    @staticmethod
    def _filled(sentences: Sequence[Sentence], column: str) -> set[str]:
        """The cells of one column that are not empty."""
        place = CONLLU_COLUMNS.index(column)
        blocks = (sentence.kept for sentence in sentences)
        return {block.lines[row].split("\t")[place] for block in blocks for row in block.rows} - {NONE}

    def write(self, sentences: Sequence[Sentence], predictions: Sequence[SentenceTags]) -> str:
        return replace_tags(sentences, predictions, self._row)

    @property
    def _column(self) -> str:
        if self.field.startswith(IN_MISC):
            return "MISC"
        return self.field if self.field in WHOLE_FIELDS else "FEATS"

    @property
    def _key(self) -> str:
        return self.field.removeprefix(IN_MISC)

    def _tag(self, cell: str) -> str:
        return cell if self._column in WHOLE_FIELDS else _pairs(cell).get(self._key, NONE)

    def _row(self, line: str, tag: str, probability: str | None) -> str:
        cells = line.split("\t")
        if self._column == "FEATS":
            cells[FEATS] = with_feature(cells[FEATS], self._key, tag)
        elif self._column == "MISC":
            cells[MISC] = with_misc(cells[MISC], self._key, tag)
        else:
            cells[CONLLU_COLUMNS.index(self.field)] = tag
        if probability is not None:
            cells[MISC] = with_misc(cells[MISC], "Probability", probability)
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


def nearest(field: str, known: Collection[str]) -> str:
    """The known field whose name is the most like another, as advice."""
    if not known:
        return "they hold no tags at all"
    lower = {name.lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(field.lower(), lower, n=1)
    return f"did you mean {lower[close[0]]}?" if close else f"choose one of: {', '.join(sorted(known))}"


def with_misc(cell: str, key: str, value: str) -> str:
    """A cell of MISC with one key set, or left out for `_`; all else keeps its place."""
    parts = [] if cell == NONE else cell.split("|")
    kept = [part for part in parts if part.partition("=")[0] != key]
    if value == NONE:
        return "|".join(kept) or NONE
    places = [place for place, part in enumerate(parts) if part.partition("=")[0] == key]
    kept.insert(places[0] if places else len(kept), f"{key}={value}")
    return "|".join(kept)


def with_feature(cell: str, key: str, value: str) -> str:
    """A cell of `key=value` pairs with one of them set, or left out for `_`; in the format's order of keys."""
    pairs = _pairs(cell)
    if pairs.get(key, NONE) == value:
        return cell
    pairs = {k: v for k, v in pairs.items() if k != key} | ({} if value == NONE else {key: value})
    joined = (f"{k}={v}" if v else k for k, v in sorted(pairs.items(), key=lambda pair: pair[0].lower()))
    return "|".join(joined) or NONE
