"""Entity tag schemes BIO, IOB1, BIOES, BILOU, BMES, BMEWO and brackets: spans to tags and back.

| scheme | `New York` as a place, `Rome` after it | source |
|---|---|---|
| IOB1 | I-LOC I-LOC B-LOC: B only where an entity follows another of its type | Ramshaw & Marcus 1995 |
| BIO | B-LOC I-LOC B-LOC: B at every beginning (also called IOB2) | Tjong Kim Sang & Veenstra 1999 |
| BIOES | B-LOC E-LOC S-LOC: also the end, and an entity of one token alone | |
| BILOU | B-LOC L-LOC U-LOC: the same with other letters | Ratinov & Roth 2009 |
| BMES | B-LOC E-LOC S-LOC: BIOES with M for I; of segmented words also without types and without O | Xue 2003 |
| BMEWO | B-LOC E-LOC W-LOC: BMES with W for S | |
| brackets | (LOC* *) (LOC*): one column of the files of CoNLL-2005 and CoNLL-2012 | Carreras & Màrquez 2005 |

A scheme is named as in this table; where its tags are not written `B-LOC` and `O`, an example follows the name
(`BIO B_X`, `BIOES X-B`, `BIO B-X|_`; `tag_notation`).
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from throughtime.data.tagged.tag_notation import (
    BRACKETS,
    OUTSIDE,
    STANDARD,
    find_brackets,
    find_notation,
    named_notation,
    read_brackets,
)

SCHEME_LETTERS = {
    "BIO": "BIIB",
    "IOB1": "IIII",
    "BIOES": "BIES",
    "BILOU": "BILU",
    "BMES": "BMES",
    "BMEWO": "BMEW",
}
"""The letters of the first, a middle and the last token of an entity, and of an entity of one token."""

_WITH_ENDS = ("BIOES", "BMES", "BMEWO")
_TAG = re.compile(r"([BIESLUMW])(?:-(.+))?", re.DOTALL)
_SAME = {"L": "E", "U": "S", "M": "I", "W": "S"}


class EntitySpan(NamedTuple):
    """An entity: its type, its first token, and the one after its last."""

    kind: str
    start: int
    stop: int


def split_tag(tag: str) -> tuple[str, str]:
    """The letter of a tag (B, I, E, S or O) and the type of its entity, which may be empty."""
    match = _TAG.fullmatch(tag)
    if match is None:
        return OUTSIDE, ""
    letter, kind = match.groups()
    return _SAME.get(letter, letter), kind or ""


def spans(tags: Sequence[str]) -> list[EntitySpan]:
    """The entities of a sentence, in any scheme, as conlleval finds them (Tjong Kim Sang 2000).

    An entity begins at B or S, after O, E or S, and where the type changes; so tags that break their scheme,
    such as an I after O, still make an entity.
    """
    found: list[EntitySpan] = []
    start, before, kind_before = 0, OUTSIDE, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        letter, kind = split_tag(tag)
        begins = letter in "BS" or before in "OES" or kind != kind_before
        if before != OUTSIDE and (letter == OUTSIDE or begins):
            found.append(EntitySpan(kind_before, start, place))
        if letter != OUTSIDE and begins:
            start = place
        before, kind_before = letter, kind
    return found


def recognise(sentences: Iterable[Sequence[str]]) -> str | None:
    """The scheme of some sentences' tags; None where they are tags of another sort.

    Raises:
        UserError: tags in brackets that nest (`find_brackets`).
    """
    sentences = [tuple(sentence) for sentence in sentences]
    if brackets := find_brackets(sentences):
        return brackets
    notation = find_notation({tag for sentence in sentences for tag in sentence})
    letters = _recognise_letters([tuple(map(notation.read, sentence)) for sentence in sentences])
    return letters if letters is None or notation == STANDARD else f"{letters} {notation}"


def _recognise_letters(sentences: list[tuple[str, ...]]) -> str | None:
    """The scheme of tags such as B-LOC and O; None where they are tags of another sort."""
    tags = {tag for sentence in sentences for tag in sentence}
    matches = {tag: _TAG.fullmatch(tag) for tag in tags - {OUTSIDE}}
    if not matches or not all(matches.values()):
        return None
    letters = {match[1] for match in matches.values()}
    typed = any(match[2] for match in matches.values())
    # Words of a segmented text are B M E S without a type; every token is in one, so that there may be no O.
    segmented = {"B", "E"} < letters and any(letters <= set(SCHEME_LETTERS[name]) for name in _WITH_ENDS)
    if not typed and not (OUTSIDE in tags and letters & {"B", "I"}) and not segmented:
        return None
    if "W" in letters:
        return "BMEWO"
    if "M" in letters:
        return "BMES"
    if letters & {"L", "U"}:
        return "BILOU"
    if letters & {"E", "S"}:
        return "BIOES"
    as_bio = all(encode(spans(sentence), len(sentence), "BIO") == tuple(sentence) for sentence in sentences)
    as_iob1 = all(encode(spans(sentence), len(sentence), "IOB1") == tuple(sentence) for sentence in sentences)
    return "IOB1" if as_iob1 and not as_bio else "BIO"


def recognise_like(sentences: Iterable[Sequence[str]], trained: str) -> str:
    """The scheme of some sentences' tags, or `trained` where they have none or could be in that one as well.

    Entities of up to two tokens are the same in BIOES and BMES.
    """
    sentences = [tuple(sentence) for sentence in sentences]
    found = recognise(sentences)
    if found is None:
        return trained
    found_letters, _, notation = found.partition(" ")
    trained_letters, _, trained_notation = trained.partition(" ")
    letters = {
        match[1]
        for sentence in sentences
        for tag in to_standard(sentence, found)
        if (match := _TAG.fullmatch(tag))
    }
    same = found_letters in _WITH_ENDS and trained_letters in _WITH_ENDS and notation == trained_notation
    return trained if same and letters <= set(SCHEME_LETTERS[trained_letters]) else found


def to_standard(tags: Sequence[str], scheme: str) -> tuple[str, ...]:
    """The tags of a sentence as `B-LOC` and `O`, with the letters of their scheme."""
    if scheme in BRACKETS:
        return read_brackets(tags)
    notation = scheme.partition(" ")[2]
    return tuple(map(named_notation(notation).read, tags)) if notation else tuple(tags)


def encode(entities: Iterable[EntitySpan], length: int, scheme: str) -> tuple[str, ...]:
    """The tags of a sentence of `length` tokens with these entities, in order and without overlap."""
    if scheme in BRACKETS:
        return _encode_brackets(entities, length, BRACKETS[scheme])
    scheme, _, notation = scheme.partition(" ")
    letters = SCHEME_LETTERS[scheme]
    tags = [OUTSIDE] * length
    before: EntitySpan | None = None
    for entity in entities:
        kind, start, stop = entity
        adjacent = before is not None and before.stop == start and before.kind == kind
        for place in range(start, stop):
            at = 3 if stop - start == 1 else 0 if place == start else 2 if place == stop - 1 else 1
            letter = "B" if scheme == "IOB1" and adjacent and place == start else letters[at]
            tags[place] = f"{letter}-{kind}" if kind else letter
        before = entity
    return tuple(map(named_notation(notation).write, tags) if notation else tags)


def _encode_brackets(entities: Iterable[EntitySpan], length: int, single: str) -> tuple[str, ...]:
    tags = ["*"] * length
    for kind, start, stop in entities:
        if stop - start == 1:
            tags[start] = single.format(kind)
        else:
            tags[start], tags[stop - 1] = f"({kind}*", "*)"
    return tuple(tags)


def convert(tags: Sequence[str], scheme: str, source: str = "BIO") -> tuple[str, ...]:
    """The same entities in another scheme than `source`."""
    return encode(spans(to_standard(tags, source)), len(tags), scheme)


def allowed(tags: Sequence[str]) -> tuple[Bool[np.ndarray, " K"], Bool[np.ndarray, "K K"]]:
    """Masks of the BIO tags that may begin a sentence `[K]`, and of those that may follow each other `[from, to]`.

    I-X may only follow B-X and I-X; everything else may follow everything.
    """
    cut = [split_tag(tag) for tag in tags]
    first = np.array([letter != "I" for letter, _ in cut], dtype=bool)
    pairs = np.array(
        [[b != "I" or (a in "BI" and kind_a == kind_b) for b, kind_b in cut] for a, kind_a in cut],
        dtype=bool,
    ).reshape(len(cut), len(cut))
    return first, pairs


def untyped_tag(tags: Collection[str]) -> str | None:
    """A tag that lost its type, such as the `B-` of a line that was cut off, where all others have one."""
    others = {tag for tag in tags if tag != OUTSIDE and not re.fullmatch("[BIESLUMW]-.+", tag, re.DOTALL)}
    if len(others) == len(set(tags) - {OUTSIDE}) or not all(
        re.fullmatch("[BIESLUMW]-?", tag) for tag in others
    ):
        return None
    return min(others, default=None)
