"""Notation of entity tags: the text of a letter and a type, such as `B-LOC`, `B_LOC`, `LOC-B`, or brackets `(LOC*`.

Files in other notations are read as `B-LOC` and `O`, and written back in their own. Brackets are those of CoNLL-2005
and CoNLL-2012: `(LOC*` begins an entity, `*)` ends it, `(LOC*)` or `(LOC)` is one of a single token, and `*` is any
other token.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from throughtime.errors import UserError

OUTSIDE = "O"
LETTERS = "BIESLUMW"
SEPARATORS = "-_:/."
OUTSIDE_TEXTS = (OUTSIDE, "o", "_", "-", "0", "OTHER", "Other", "other", "NONE", "None", "none", "null")
"""Tags that may stand for a token outside of entities where all other tags are those of entities."""

BRACKETS = {"brackets (X)": "({})", "brackets (X*)": "({}*)"}
"""The schemes of brackets, and the tag of an entity of one token."""

_BRACKET = re.compile(r"\*|\*\)|\(([^()*\s]+)(?:\*|\*\)|\))")
_NESTED = re.compile(r"(?:\([^()*]*){2,}\*.*|.*\*\){2,}|.*\*\)\(.*")
_COREFERENCE = re.compile(r"(?:\(\d+\)?|\d+\))(?:\|(?:\(\d+\)?|\d+\)))*")
_SHOWN = re.compile(rf"([Bb])([{SEPARATORS}])([Xx])(?:\|(.+))?|([Xx])([{SEPARATORS}])([Bb])(?:\|(.+))?")


class TagNotation(NamedTuple):
    """The text of a tag.

    Attributes:
        separator: between the letter and the type.
        suffix: whether the letter stands behind the type (`LOC-B`).
        lower: whether letters are small (`b-loc`).
        outside: the tag of a token outside of entities.
    """

    separator: str = "-"
    suffix: bool = False
    lower: bool = False
    outside: str = OUTSIDE

    def read(self, tag: str) -> str:
        """A tag of this notation as `B-LOC`, `B` or `O`; any other text as it is."""
        if tag == self.outside:
            return OUTSIDE
        found = self._match(tag)
        return tag if found is None else f"{found[0]}-{found[1]}"

    def write(self, tag: str) -> str:
        """A tag `B-LOC` or `O` in this notation; any other text as it is."""
        if tag == OUTSIDE:
            return self.outside
        letter, mark, kind = tag.partition("-")
        if not mark:
            return tag
        letter = letter.lower() if self.lower else letter
        return f"{kind}{self.separator}{letter}" if self.suffix else f"{letter}{self.separator}{kind}"

    def __str__(self) -> str:
        """An example of a tag, and the tag outside of entities where that is not O."""
        example = self.write("B-X").lower() if self.lower else self.write("B-X")
        return example if self.outside == OUTSIDE else f"{example}|{self.outside}"

    def _match(self, tag: str) -> tuple[str, str] | None:
        letters, mark = LETTERS.lower() if self.lower else LETTERS, re.escape(self.separator)
        if self.suffix:
            found = re.fullmatch(rf"(?P<kind>.+){mark}(?P<letter>[{letters}])", tag, re.DOTALL)
        else:
            found = re.fullmatch(rf"(?P<letter>[{letters}]){mark}(?P<kind>.+)", tag, re.DOTALL)
        return None if found is None else (found["letter"].upper(), found["kind"])


STANDARD = TagNotation()


def find_notation(tags: Collection[str]) -> TagNotation:
    """The notation of some tags; the standard one where they are in no other."""
    for lower in (False, True):
        for suffix in (False, True):
            for separator in SEPARATORS:
                notation = TagNotation(separator, suffix, lower)
                read = {tag: notation._match(tag) for tag in tags}
                rest = [tag for tag, found in read.items() if found is None]
                letters = {found[0] for found in read.values() if found is not None}
                has_entities = "B" in letters and letters & set("IEML")
                if has_entities and len(rest) <= 1 and all(tag in OUTSIDE_TEXTS for tag in rest):
                    return notation._replace(outside=rest[0] if rest else "o" if lower else OUTSIDE)
    return STANDARD


def named_notation(name: str) -> TagNotation:
    """The notation that `str` gave as `name`."""
    found = _SHOWN.fullmatch(name)
    if found is None:
        return STANDARD
    if found[1]:
        return TagNotation(found[2], False, found[1] == "b", found[4] or OUTSIDE)
    return TagNotation(found[6], True, found[7] == "b", found[8] or OUTSIDE)


def find_brackets(sentences: Iterable[Sequence[str]]) -> str | None:
    """The scheme of `BRACKETS` in which some sentences are tagged; None where they are not.

    Raises:
        UserError: they are brackets that nest, or those of coreference, which give a token more than one tag.
    """
    sentences = list(sentences)
    tags = {tag for sentence in sentences for tag in sentence}
    marked = sorted(tags - {"-", "*"})
    nested = [tag for tag in marked if _NESTED.fullmatch(tag)]
    if marked and all(_COREFERENCE.fullmatch(tag) for tag in marked) and "-" in tags:
        raise UserError(
            f"the tags are those of coreference, such as {marked[0]!r}, which no tag of a single token says; set "
            "data.format.tag_column to a column of tags or of entities"
        )
    bracketed = [tag for tag in tags if _BRACKET.fullmatch(tag) or _NESTED.fullmatch(tag)]
    if len(bracketed) < len(tags - {"-"}) or not any(tag.startswith("(") for tag in bracketed):
        return None
    depth = max((max(_depths(sentence), default=0) for sentence in sentences), default=0)
    if nested or depth > 1:
        shown = f"such as {nested[0]!r}" if nested else "where one begins inside another"
        raise UserError(
            f"the tags are brackets that nest, {shown}, which no tag of a single token says; set "
            "data.format.tag_column to a column of tags, or of brackets that do not nest"
        )
    single = any(tag.startswith("(") and tag.endswith(")") and not tag.endswith("*)") for tag in tags)
    return "brackets (X)" if single else "brackets (X*)"


def _depths(sentence: Sequence[str]) -> list[int]:
    depths, depth = [], 0
    for tag in sentence:
        depth += tag.count("(")
        depths.append(depth)
        depth = max(depth - tag.count(")"), 0)
    return depths


def read_brackets(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags of a sentence in brackets as `B-LOC`, `I-LOC` and `O`."""
    read, kind = [], None
    for tag in tags:
        found = _BRACKET.fullmatch(tag)
        begins = found is not None and found[1] is not None
        if begins:
            kind = found[1]
        read.append(OUTSIDE if kind is None else f"{'B' if begins else 'I'}-{kind}")
        if tag.endswith(")"):
            kind = None
    return tuple(read)


def is_entity_tag(text: str, kinds: Collection[str]) -> bool:
    """Whether a text is, in any notation, the tag of an entity of one of these types, or of no entity."""
    if text in OUTSIDE_TEXTS or ((found := _BRACKET.fullmatch(text)) and found[1] in (None, *kinds)):
        return True
    notations = (
        TagNotation(separator, suffix, lower)
        for lower in (False, True)
        for suffix in (False, True)
        for separator in SEPARATORS
    )
    return any((match := notation._match(text)) is not None and match[1] in kinds for notation in notations)
