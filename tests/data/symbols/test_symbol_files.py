"""FASTA, tables and a file for each class give the same strings, and what does not fit is named with its place."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from throughtime.data.labelled.data import LabelledData
from throughtime.data.labelled.sources import source_from_state, source_state
from throughtime.data.symbols.symbol_files import SymbolFiles
from throughtime.errors import UserError

GENES = {"EI": ["ACGT", "GGT"], "IE": ["TTTAN", "C", "GAT"]}
STRINGS = [(label, gene) for label, genes in GENES.items() for gene in genes]
PATTERN = r"class=(?P<label>\w+)(?: patient=(?P<group>\w+))?"


def save(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    packed = content.encode()
    file.write_bytes(gzip.compress(packed) if file.name.endswith(".gz") else packed)
    return file


def fasta(width=60):
    return "".join(
        f">g{number} class={label} patient=p{number % 2}\n"
        + "".join(gene[at : at + width].lower() + "\n" for at in range(0, len(gene), width))
        for number, (label, gene) in enumerate(STRINGS)
    )


def write(kind, folder):
    """The path, and the settings of the source, of the same strings in a format."""
    if kind.startswith("fasta for each class"):
        for label, genes in GENES.items():
            save(folder / "genes" / f"{label}.fa", "".join(f">x{n}\n{g}\n" for n, g in enumerate(genes)))
        return folder / "genes", {}
    if kind.startswith("fasta"):
        name = "genes.fa.gz" if kind.endswith("gz") else "genes.txt"
        return save(folder / name, fasta(2)), {"label_pattern": PATTERN}
    if kind == "lines":
        for label, genes in GENES.items():
            save(folder / "genes" / f"{label}.txt", "\n".join(genes) + "\n\n")
        return folder / "genes", {}
    if kind == "names":
        rows = "".join(f"{gene},{label}\n" for label, gene in STRINGS)
        return save(folder / "genes.csv", "sequence,class\n" + rows), {}
    rows = "".join(f"{label},    NAME-{n},      {gene}\n" for n, (label, gene) in enumerate(STRINGS))
    return save(folder / "genes.data", rows), {"label_column": 1, "sequence_column": 3}


KINDS = ["fasta", "fasta.gz", "fasta for each class", "lines", "names", "numbers"]


def texts(found, source):
    encoded = source.encoded(found, range(len(found)))
    return ["".join(encoded.symbols[number] for number in ids) for ids in encoded.sequences]


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_the_same_strings(kind, tmp_path):
    path, settings = write(kind, tmp_path)
    source = SymbolFiles(**settings)
    found = source.read(str(path))
    found.check()
    assert list(zip(found.labels, texts(found, source), strict=True)) == STRINGS
    assert len(set(found.names)) == len(STRINGS)
    if kind in ("fasta", "fasta.gz"):
        assert found.groups == ["p0", "p1", "p0", "p1", "p0"]


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_read_for_prediction_as_those_of_training(kind, tmp_path):
    path, settings = write(kind, tmp_path)
    source = SymbolFiles(**settings)
    trained = source.encoded(source.read(str(path)), range(2))
    again = source_from_state(source_state(source)).read_for_prediction([Path(path)])
    assert again.symbols == trained.symbols and again.names == trained.names
    for one, other in zip(again.sequences, trained.sequences, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_alphabet_is_that_of_training_and_the_share_of_other_letters_is_told(tmp_path):
    path, settings = write("lines", tmp_path)
    source = SymbolFiles(**settings)
    encoded = source.encoded(source.read(str(path)), [0, 1])
    assert encoded.symbols == ("A", "C", "G", "T", "<unk>")
    assert encoded.sequences[2].tolist() == [3, 3, 3, 0, 4]
    assert "alphabet ACGT, 6.25% other letters" in encoded.description
    given = SymbolFiles(alphabet="ACG")
    assert given.encoded(given.read(str(path)), ()).sequences[0].tolist() == [0, 1, 2, 3]


def test_lower_case_may_differ(tmp_path):
    file = save(tmp_path / "a.csv", "smiles,label\nCc1Cl,x\n")
    source = SymbolFiles(uppercase=False)
    assert source.encoded(source.read(str(file)), [0]).symbols == ("1", "C", "c", "l", "<unk>")


def test_masks_and_windows_are_features(tmp_path):
    path, settings = write("numbers", tmp_path)
    source = SymbolFiles(letters="masks", window=3, stride=2, **settings)
    encoded = source.encoded(source.read(str(path)), ())
    assert encoded.symbols is None and len(encoded.channels) == 12
    assert [len(sequence) for sequence in encoded.sequences] == [2, 2, 3, 1, 2]
    protein = SymbolFiles(letters="masks")
    found = protein.read(str(save(tmp_path / "p.csv", "sequence,label\nEFIL,x\n")))
    with pytest.raises(UserError, match="no letter is a code of bases"):
        protein.encoded(found, ())


def test_a_checkpoint_brings_the_alphabet_to_the_evaluation(tmp_path):
    rows = "".join(f"{'ACGT' * 3},{label}\n" for label in "ab" * 10)
    file = save(tmp_path / "train.csv", "sequence,label\n" + rows)
    data = LabelledData(SymbolFiles(), path=str(file))
    data.setup()
    other = save(tmp_path / "test.csv", "sequence,label\nTTT,a\nGNG,b\n")
    again = LabelledData(SymbolFiles(), test_path=str(other))
    again.restore(data.artifacts())
    again.setup()
    assert [ids.tolist() for ids in again.part("test").sequences] == [[3, 3, 3], [2, 4, 2]]
    assert again.artifacts()["symbols"] == data.artifacts()["symbols"]


@pytest.mark.parametrize(
    ("files", "settings", "message"),
    [
        ({}, {}, "matches no file"),
        ({"a.fa": ""}, {}, r"a\.fa is empty"),
        ({"a.fa": ">x\nA\n"}, {}, r"a\.fa does not say the labels .*label_pattern="),
        ({"a.txt": "ACGT\n"}, {}, r"a\.txt has a string a line and no labels"),
        (
            {"a.fa": ">x class=1\nA\n>y\nC\n"},
            {"label_pattern": PATTERN},
            r"a\.fa, line 3: data\.source\.label_pattern=.* finds no label in the header y",
        ),
        ({"one/EI.txt": "A\n", "two/EI.fa": ">x\nA\n"}, {}, r"EI\.fa are both named EI, which is the class"),
        ({"a.csv": "sequence,label\nA,x\n,y\n"}, {}, r"a\.csv, line 3: the string is empty"),
        ({"a.csv": "sequence,label\nA,x\nC,\n"}, {}, r"a\.csv, line 3: the label is empty"),
        (
            {"a.csv": "sequence,label\nA,x\n"},
            {"label_column": "family"},
            "label_column=family: .* no such column",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(files, settings, message, tmp_path):
    place = tmp_path / "strings"
    place.mkdir()
    for name, content in files.items():
        save(place / name, content)
    with pytest.raises(UserError, match=message):
        SymbolFiles(**settings).read(str(place))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "genbank"}, "data.source.format=genbank is not known"),
        ({"letters": "words"}, "data.source.letters=words is not known"),
        ({"alphabet": "ACCA"}, "data.source.alphabet=ACCA must be different letters"),
        ({"label_pattern": "("}, "is no regular expression"),
        ({"label_pattern": r"(\w+)"}, "has no group named label"),
        ({"separator": "::"}, "data.source.separator='::' must be one character"),
        ({"encoding": "utf-9"}, "data.source.encoding=utf-9 is no text encoding"),
        ({"window": 0}, "data.source.window must be above 0"),
        ({"window": 3}, "need data.source.letters=masks"),
        ({"letters": "masks", "window": 3, "stride": 4}, "data.source.stride=4 leaves letters out"),
    ],
)
def test_settings_that_are_not_known_are_named(settings, message):
    with pytest.raises(UserError, match=message):
        SymbolFiles(**settings)


def test_splice_junctions():
    file = Path(os.environ.get("THROUGHTIME_DATA", "no folder"), "dna", "splice.data")
    if not file.exists():
        pytest.skip("dna/splice.data is not in $THROUGHTIME_DATA")
    data = LabelledData(SymbolFiles(label_column=1, sequence_column=3), path=str(file), folds=10)
    data.setup()
    assert sum(data.sizes.values()) == 3190 and data.sizes["test"] == 319
    assert data.labels == ["EI", "IE", "N"] and data._longest == 60
    counts = data.artifacts()["output_sizes"]["class_counts"]
    assert sum(counts) == data.sizes["train"] and counts[2] > counts[0] > 0
