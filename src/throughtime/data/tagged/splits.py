"""Split of tagged sentences: training, validation and test."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from throughtime.data.fractions import SPLIT_NAMES
from throughtime.data.tagged.sentences import Format, Sentence
from throughtime.data.text.source import Document, TextSource
from throughtime.data.text.split import split_bounds
from throughtime.errors import UserError


def read_splits(
    format: Format, sources: dict[str, TextSource] | None, split: Sequence[float]
) -> dict[str, list[Sentence]]:
    """The sentences of each split: of ready sources whole, of a single one by fractions.

    The fractions are of the sentences as they stand, or of the files where a format keeps files whole.

    Raises:
        UserError: a line is malformed, or a split has no sentence with a token.
    """
    if sources is None:
        splits = _by_file(format, _shipped(format), split)
    elif "all" not in sources:
        splits = {name: _read(format, source.documents) for name, source in sources.items()}
    elif format.whole_files:
        splits = _by_file(format, sources["all"].documents, split)
    else:
        sentences = [sentence for sentence in _read(format, sources["all"].documents) if sentence.tokens]
        splits = {
            name: sentences[start:stop] for name, (start, stop) in split_bounds(len(sentences), split).items()
        }
    for name, sentences in splits.items():
        if not any(sentence.tokens for sentence in sentences):
            raise UserError(
                f"the {name} split has no sentence; give it a larger fraction in data.split, or more text"
            )
    format.check([sentence for sentences in splits.values() for sentence in sentences])
    return splits


def _read(format: Format, documents: Sequence[Document]) -> list[Sentence]:
    return [sentence for document in documents for sentence in format.read(document)]


def _by_file(
    format: Format, documents: Sequence[Document], split: Sequence[float]
) -> dict[str, list[Sentence]]:
    """Whole files, assigned to the splits by their sizes, so that each split has its fraction of the tokens."""
    files = [_read(format, [document]) for document in documents]
    sizes = [sum(len(sentence.tokens) for sentence in sentences) for sentences in files]
    middles = (np.cumsum(sizes) - np.array(sizes) / 2) / max(sum(sizes), 1)
    place = np.searchsorted(np.cumsum(split)[:-1], middles, side="right")
    splits: dict[str, list[Sentence]] = {
        name: [] for name, fraction in zip(SPLIT_NAMES, split, strict=True) if fraction > 0
    }
    for number, sentences in zip(place, files, strict=True):
        splits.setdefault(SPLIT_NAMES[number], []).extend(sentences)
    empty = next((name for name, sentences in splits.items() if not sentences), None)
    if empty is not None:
        raise UserError(
            f"{len(files)} files are too few for the {empty} split, as splits are made of whole files; give more "
            "files, or data.train_path, data.val_path and data.test_path"
        )
    return splits


def _shipped(format: Format) -> list[Document]:
    documents = format.shipped()
    if documents is None:
        raise UserError(
            "there is nothing to read; give data.path to be split, or data.train_path, data.val_path and "
            "data.test_path as ready splits"
        )
    return documents


def fingerprints(format: Format, sources: dict[str, TextSource] | None) -> dict[str, Any]:
    """The fingerprints of the files that were read, in plain values."""
    if sources is not None:
        return {name: source.fingerprint() for name, source in sources.items()}
    found = [TextSource(document.path).fingerprint() for document in _shipped(format)]
    return {format.shipped_name: [{"path": file["path"], "sha256": file["sha256"]} for file in found]}


def describe(format: Format, sources: dict[str, TextSource] | None) -> str:
    """The names of the sources."""
    return format.shipped_name if sources is None else ", ".join(source.path for source in sources.values())
