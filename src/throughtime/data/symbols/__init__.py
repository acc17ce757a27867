"""Strings of symbols, such as genes and proteins, as labelled sequences."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "reverse_complement": ["ReverseComplement"],
        "symbol_files": ["SymbolFiles"],
    },
)
