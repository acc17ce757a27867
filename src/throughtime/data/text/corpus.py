"""A text with its splits, its tokenizer and its ids: what text data of every kind have in common."""

import os
from typing import Any

from throughtime.data.text.cache import Cache, Encoded
from throughtime.data.text.source import SHIPPED, Source
from throughtime.data.text.split import Part
from throughtime.errors import UserError
from throughtime.tokenizer.base import Tokenizer
from throughtime.tokenizer.stream import recut


class Corpus:
    """The encoded splits of a text. The tokenizer is fitted on the training split, unless it is fitted
    already.

    Args:
        sources: where the text comes from.
        parts: the splits, by name.
        tokenizer: fitted or not.
        cache_dir: the folder of encoded text, None for the default one.
        boundaries: whether the tokenizer needs `<start>` and `<end>`.

    Attributes:
        encoded: the ids of each split.

    Raises:
        UserError: a split is empty, there is no training split to fit the tokenizer on, or a fitted one lacks
            boundaries.
    """

    def __init__(
        self,
        sources: dict[str, Source],
        parts: dict[str, Part],
        tokenizer: Tokenizer,
        cache_dir: str | os.PathLike[str] | None,
        boundaries: bool,
    ) -> None:
        for name, part in parts.items():
            if part.characters == 0:
                raise UserError(
                    f"the {name} split is empty; give it a larger fraction in data.split, or more text"
                )
        _fit(tokenizer, parts, boundaries)
        self._sources = sources
        self._parts = parts
        # Kept, as a cache that had to fall back lives in a temporary folder of its own.
        self._cache = Cache(cache_dir)
        self.encoded: dict[str, Encoded] = {
            name: self._cache.encoded(part, tokenizer) for name, part in parts.items()
        }

    @property
    def characters(self) -> dict[str, int]:
        """The characters of each split."""
        return {name: part.characters for name, part in self._parts.items()}

    def fingerprint(self) -> dict[str, Any]:
        """What the text is, in plain values: its sources (path, bytes, SHA-256), the characters a split."""
        sources = {name: source.fingerprint() for name, source in self._sources.items()}
        return {"sources": sources, "characters": self.characters}

    def describe(self) -> str:
        """The names of the sources, in a few words."""
        return ", ".join(str(source.path or SHIPPED) for source in self._sources.values())


def text_artifacts(tokenizer: Tokenizer, characters_per_token: dict[str, float]) -> dict[str, Any]:
    """What a text task needs to be built again without the text, in plain containers."""
    sizes = {"vocabulary_size": tokenizer.vocabulary_size}
    return {
        "input_sizes": sizes,
        "output_sizes": sizes,
        "tokenizer": tokenizer.state(),
        "characters_per_token": characters_per_token,
    }


def _fit(tokenizer: Tokenizer, parts: dict[str, Part], boundaries: bool) -> None:
    if not tokenizer.fitted:
        if "train" not in parts:
            raise UserError(
                "there is no training text to make a vocabulary from; give data.path or data.train_path, "
                "or the tokenizer of a checkpoint"
            )
        tokenizer.fit((piece.text for piece in recut(parts["train"].pieces())), boundaries)
    if boundaries and tokenizer.vocabulary.start is None:
        raise UserError(
            "this tokenizer was made from running text and has no <start> and <end>; "
            "evaluate its checkpoint on running text (data=characters or data=text)"
        )


def check_connected(tokenizer: Tokenizer | None) -> Tokenizer:
    """The tokenizer, which must be there."""
    if tokenizer is None:
        raise UserError("text data need a tokenizer: call connect(tokenizer) before setup()")
    return tokenizer


def check_seed(seed: int) -> None:
    """Raise `UserError` for a seed that no random generator takes."""
    if seed < 0:
        raise UserError(f"seed must be at least 0, not {seed}")
