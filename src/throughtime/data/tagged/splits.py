"""Which sentences are for training, validation and test."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from throughtime.data.tagged.python_roles import PythonRoles
from throughtime.data.tagged.sentences import Format, Sentence
from throughtime.data.text.source import Document, Source
from throughtime.data.text.split import SPLITS, bounds
from throughtime.errors import UserError

STANDARD_LIBRARY = "the source of Python's standard library"


def read_splits(
    format: Format, sources: dict[str, Source] | None, split: Sequence[float]
) -> dict[str, list[Sentence]]:
    """The sentences of each split: of ready sources whole, of a single one by fractions.

    The fractions are of the sentences as they stand, or of the files where a format keeps files whole.

    Raises:
        UserError: a line is malformed, or a split has no sentence with a token.
    """
    if sources is None:
        splits = _by_file(format, _standard_library(format), split)
    elif "all" not in sources:
        splits = {name: _read(format, source.documents) for name, source in sources.items()}
    elif format.whole_files:
        splits = _by_file(format, sources["all"].documents, split)
    else:
        sentences = [sentence for sentence in _read(format, sources["all"].documents) if sentence.tokens]
        splits = {
            name: sentences[start:stop] for name, (start, stop) in bounds(len(sentences), split).items()
        }
    for name, sentences in splits.items():
        if not any(sentence.tokens for sentence in sentences):
            raise UserError(
                f"the {name} split has no sentence; give it a larger fraction in data.split, or more text"
            )
    return splits


def _read(format: Format, documents: Sequence[Document]) -> list[Sentence]:
    return [sentence for document in documents for sentence in format.read(document)]


def _by_file(
    format: Format, documents: Sequence[Document], split: Sequence[float]
) -> dict[str, list[Sentence]]:
    """Whole files, dealt to the splits by their sizes, so that each split has its fraction of the tokens."""
    files = [_read(format, [document]) for document in documents]
    sizes = [sum(len(sentence.tokens) for sentence in sentences) for sentences in files]
    middles = (np.cumsum(sizes) - np.array(sizes) / 2) / max(sum(sizes), 1)
    place = np.searchsorted(np.cumsum(split)[:-1], middles, side="right")
    splits: dict[str, list[Sentence]] = {
        name: [] for name, share in zip(SPLITS, split, strict=True) if share > 0
    }
    for number, sentences in zip(place, files, strict=True):
        splits.setdefault(SPLITS[number], []).extend(sentences)
    empty = next((name for name, sentences in splits.items() if not sentences), None)
    if empty is not None:
        raise UserError(
            f"{len(files)} files are too few for the {empty} split, as splits are made of whole files; give more "
            "files, or data.train_path, data.val_path and data.test_path"
        )
    return splits


def _standard_library(format: Format) -> list[Document]:
    if not isinstance(format, PythonRoles):
        raise UserError(
            "there is nothing to read; give data.path to be split, or data.train_path, data.val_path and "
            "data.test_path as ready splits"
        )
    return format.shipped()


def fingerprints(format: Format, sources: dict[str, Source] | None) -> dict[str, Any]:
    """What was read, in plain values."""
    if sources is not None:
        return {name: source.fingerprint() for name, source in sources.items()}
    found = [Source(document.path).fingerprint() for document in _standard_library(format)]
    return {STANDARD_LIBRARY: [{"path": file["path"], "sha256": file["sha256"]} for file in found]}


def describe(sources: dict[str, Source] | None) -> str:
    """Where the sentences come from, in a few words."""
    return STANDARD_LIBRARY if sources is None else ", ".join(source.path for source in sources.values())
