"""Tokenizers: text to ids and back."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Tokenizer"],
        "bpe": ["BPE"],
        "bytes": ["Bytes"],
        "characters": ["Characters"],
        "words": ["Words"],
    },
)
