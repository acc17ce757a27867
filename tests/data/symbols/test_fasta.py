"""FASTA records read the same however their lines are wrapped."""

from pathlib import Path

import numpy as np
import pytest

from throughtime.data.symbols.fasta import read_fasta
from throughtime.errors import UserError

FILE = Path("genes.fa")


@pytest.mark.parametrize("width", [1, 3, 7, 60, 1000])
@pytest.mark.parametrize("end", ["\n", "\n\n", " \n"])
def test_a_record_wrapped_at_any_width_reads_the_same(width, end):
    generator = np.random.default_rng(0)
    genes = ["".join(generator.choice(list("ACGTN"), size)) for size in (1, 59, 60, 61, 200)]
    text = "; a comment\n"
    for number, gene in enumerate(genes):
        text += f">gene{number} class={number % 2}\n"
        text += "".join(gene[at : at + width] + end for at in range(0, len(gene), width))
    found = list(read_fasta(text, FILE))
    assert [record.letters for record in found] == genes
    assert [record.header for record in found] == [f"gene{number} class={number % 2}" for number in range(5)]
    assert [text.split("\n")[record.line - 1] for record in found] == [
        f">{record.header}" for record in found
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ACGT\n>a\nA\n", "genes.fa, line 1: there are letters before the first header"),
        (">a\nA\n>b\n\n>c\nC\n", "genes.fa, line 3: the record b has no letters"),
        (">a\nA\n>b", "genes.fa, line 3: the record b has no letters"),
        (">", "genes.fa, line 1: the record without a name has no letters"),
    ],
)
def test_what_is_no_record_is_told_with_its_line(text, message):
    with pytest.raises(UserError, match=message):
        list(read_fasta(text, FILE))
