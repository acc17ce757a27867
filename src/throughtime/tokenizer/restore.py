"""Tokenizers restored from the state in a checkpoint."""

from typing import Any

from throughtime.errors import UserError
from throughtime.tokenizer.base import Tokenizer
from throughtime.tokenizer.bpe import BPE
from throughtime.tokenizer.bytes import Bytes
from throughtime.tokenizer.characters import Characters
from throughtime.tokenizer.words import Words

TOKENIZERS: dict[str, type[Tokenizer]] = {
    "characters": Characters,
    "bytes": Bytes,
    "words": Words,
    "bpe": BPE,
}
"""The classes that a state may name, and no other: reading a checkpoint runs no foreign code."""


def tokenizer_from_state(state: dict[str, Any]) -> Tokenizer:
    """The fitted tokenizer whose `state()` this is.

    Raises:
        UserError: the state names a tokenizer that is not known.
    """
    if state.get("name") not in TOKENIZERS:
        raise UserError(
            f"the checkpoint's tokenizer {state.get('name')!r} is none of {', '.join(TOKENIZERS)}"
        )
    return TOKENIZERS[state["name"]].from_state(state)
