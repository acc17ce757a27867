"""The other strand of DNA, as augmentation."""

import numpy as np

from throughtime.data.labelled.sequences import Augmentation, SequenceSource
from throughtime.data.symbols.symbol_files import SymbolFiles
from throughtime.errors import UserError


class ReverseComplement(Augmentation):
    """Read a training sequence as its reverse complement with a probability: from its end, A for T and C for G.

    For classes that a gene keeps on either strand; where the direction matters, as at splice junctions, leave it out.

    Args:
        probability: from 0 (the sequences stay as they are) to 1.
    """

    def __init__(self, probability: float | int = 0.5) -> None:
        if not 0 <= probability <= 1:
            raise UserError(f"data.augmentation.probability={probability} must be from 0 to 1")
        self.probability = probability
        self._source: SymbolFiles | None = None

    def connect(self, source: SequenceSource) -> None:
        """Take the source, which knows its letters.

        Raises:
            UserError: the source reads no strings of symbols, or symbols that are not of DNA or RNA.
        """
        if not isinstance(source, SymbolFiles):
            raise UserError(
                "data.augmentation: reverse complements need strings of symbols; leave data.augmentation out for "
                "these data"
            )
        if self.probability and not source.has_strands():
            raise UserError(
                "data.augmentation: reverse complements need letters of DNA or RNA, and of masks data.source.stride=1 "
                "and an odd data.source.window; or set data.augmentation.probability=0"
            )
        self._source = source

    def __call__(self, sequence: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        if generator.random() >= self.probability:
            return sequence
        return self._source.reverse_complement(sequence)
