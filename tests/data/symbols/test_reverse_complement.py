"""The other strand, as augmentation."""

import numpy as np
import pytest
from toy_sequences import ToySource

from throughtime.data.labelled.code_points import code_points
from throughtime.data.labelled.sequences import SequenceSet
from throughtime.data.symbols.reverse_complement import ReverseComplement
from throughtime.data.symbols.symbol_files import SymbolFiles
from throughtime.errors import UserError

GENES = ["ACGTTN", "GGGA", "NACCCTTT"]
OTHERS = ["NAACGT", "TCCC", "AAAGGGTN"]


def encoded(source, strings):
    found = SequenceSet([code_points(string) for string in strings], ["a"] * 3, list("xyz"))
    return source.encoded(found, range(3)).sequences


@pytest.mark.parametrize("settings", [{}, {"letters": "masks"}, {"letters": "masks", "window": 5}])
def test_it_is_the_complement_from_the_end_and_twice_the_identity(settings):
    source = SymbolFiles(**settings)
    genes, others = encoded(source, GENES), encoded(source, OTHERS)
    augmentation = ReverseComplement(1)
    augmentation.connect(source)
    for gene, other in zip(genes, others, strict=True):
        found = augmentation(gene, np.random.default_rng(0))
        np.testing.assert_array_equal(found, other)
        np.testing.assert_array_equal(augmentation(found, np.random.default_rng(0)), gene)


def test_the_probability_is_that_of_a_change():
    source = SymbolFiles()
    gene = encoded(source, GENES)[0]
    augmentation = ReverseComplement(0.3)
    augmentation.connect(source)
    generator = np.random.default_rng(0)
    share = np.mean([(augmentation(gene, generator) != gene).any() for _ in range(2000)])
    assert share == pytest.approx(0.3, abs=0.04)
    with pytest.raises(UserError, match=r"probability=2 must be from 0 to 1"):
        ReverseComplement(2)


def test_it_needs_letters_with_a_complement():
    protein = SymbolFiles()
    encoded(protein, ["MEEPQ", "KLFI", "WY"])
    with pytest.raises(UserError, match="need letters of DNA or RNA"):
        ReverseComplement().connect(protein)
    ReverseComplement(0).connect(protein)
    with pytest.raises(UserError, match=r"an odd data\.source\.window"):
        ReverseComplement().connect(SymbolFiles(letters="masks", window=5, stride=5))
    with pytest.raises(UserError, match="need strings of symbols"):
        ReverseComplement().connect(ToySource())
