"""Files of strings as labelled sequences: FASTA, tables, or a file of lines for each class."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from throughtime.data.encoding import check_encoding
from throughtime.data.labelled.code_points import code_points
from throughtime.data.labelled.sequences import Label, SequenceSet, SequenceSource
from throughtime.data.labelled.tables import TableColumn, check_separator, read_cells, read_text, suffix_of
from throughtime.data.paths import find_files
from throughtime.data.symbols.fasta import SUFFIXES, read_fasta
from throughtime.data.symbols.letters import (
    BASES,
    COMPLEMENT,
    Alphabet,
    masks,
    unknown_share,
    windows,
)
from throughtime.errors import UserError, check_choice, check_positive

FORMATS = ("fasta", "table", "lines")
LETTERS = ("symbols", "masks")
TABLES = (".csv", ".tsv", ".tab")

LABELS = ("label", "class", "target", "family", "category")
STRINGS = ("sequence", "seq", "string", "symbols", "dna", "smiles")
GROUPS = ("group",)


class String(NamedTuple):
    """One string as it was read.

    Attributes:
        text: its letters.
        label: its class, or None.
        group: its group, or None.
        name: of its file and its line or record.
    """

    text: str
    label: Label
    group: str | None
    name: str


class SymbolFiles(SequenceSource):
    """Strings of symbols, a character each, from FASTA files, tables, or files of lines; all of them also .gz.

    Of a FASTA file, `label_pattern` finds the label in the header; without it, and of files with a string a line, a
    file's name without its suffix is the class of all strings in it.

    Args:
        format: one of `FORMATS`; None to find it by the suffix and the first line.
        label_pattern: a regular expression with the named group `label`, and perhaps `group`, in FASTA headers.
        label_column, sequence_column, group_column: of a table: a name in its header or a number from 1; None for the
            usual names.
        separator: of a table; None to find it in the first line.
        letters: `symbols` for an id a letter, `masks` for the shares of A, C, G and T in what a letter stands for.
        alphabet: the letters that have an id; None for those of training. All others are `<unk>`.
        window, stride: of masks: the letters that a step reads, and by how many letters a step is after the one before.
        uppercase: whether lower case is read as upper case.
        both_strands: of DNA or RNA, whether evaluation and prediction average the probabilities for both strands.
        encoding: of the files.

    Attributes:
        learned: the alphabet of training; None before it was made.

    Raises:
        UserError: an argument is not known.
    """

    def __init__(
        self,
        format: str | None = None,
        label_pattern: str | None = None,
        label_column: int | str | None = None,
        sequence_column: int | str | None = None,
        group_column: int | str | None = None,
        separator: str | None = None,
        letters: str = "symbols",
        alphabet: str | None = None,
        window: int = 1,
        stride: int = 1,
        uppercase: bool = True,
        encoding: str = "utf-8",
        both_strands: bool = False,
    ) -> None:
        if format is not None:
            check_choice(FORMATS, **{"data.source.format": format})
        check_choice(LETTERS, **{"data.source.letters": letters})
        check_encoding(encoding, "data.source.encoding")
        check_separator(separator)
        if alphabet is not None and (not alphabet or len(set(alphabet)) < len(alphabet)):
            raise UserError(f"data.source.alphabet={alphabet} must be different letters, such as ACGT")
        check_positive(**{"data.source.window": window, "data.source.stride": stride})
        if (window > 1 or stride > 1) and letters != "masks":
            raise UserError(
                f"data.source.window={window} and data.source.stride={stride} need data.source.letters=masks; an id "
                "is of one letter"
            )
        if stride > window:
            raise UserError(
                f"data.source.stride={stride} leaves letters out; it must be at most data.source.window={window}"
            )
        self.format = format
        self.label_pattern = label_pattern
        self.label_column = label_column
        self.sequence_column = sequence_column
        self.group_column = group_column
        self.separator = separator
        self.letters = letters
        self.alphabet = alphabet
        self.window = window
        self.stride = stride
        self.uppercase = uppercase
        self.encoding = encoding
        self.both_strands = both_strands
        self.learned: Alphabet | None = None if alphabet is None else Alphabet(alphabet)
        self._pattern = None if label_pattern is None else _compiled(label_pattern)

    def read(self, path: str) -> SequenceSet:
        files = find_files(path, noun="sequence file")
        several = len(files) > 1
        stems: dict[str, Path] = {}
        strings: list[String] = []
        for file in files:
            if several and self._names_class(file):
                stem = _stem(file)
                if stem in stems:
                    raise UserError(
                        f"{stems[stem]} and {file} are both named {stem}, which is the class of the strings in them; "
                        "join the two, or rename one"
                    )
                stems[stem] = file
            strings.extend(self._file(file, several, labelled=True))
        return self._set(strings, path)

    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        files = [file for path in paths for file in find_files(str(path), "FILE", "sequence file")]
        strings = [string for file in files for string in self._file(file, False, labelled=False)]
        return self.encoded(self._set(strings, ", ".join(map(str, paths))), ())

    def encoded(self, found: SequenceSet, train: Sequence[int]) -> SequenceSet:
        encoded = self._encoded(found, train)
        if self.both_strands and not self.has_strands():
            raise UserError(
                "data.source.both_strands needs letters of DNA or RNA, and of masks data.source.stride=1 and an odd "
                "data.source.window; or set data.source.both_strands=false"
            )
        return encoded

    def _encoded(self, found: SequenceSet, train: Sequence[int]) -> SequenceSet:
        if self.letters == "masks":
            sequences = [masks(string) for string in found.sequences]
            blank = sum(int((sequence.sum(1) == 0).sum()) for sequence in sequences)
            share = blank / sum(map(len, sequences))
            if share == 1:
                raise UserError(
                    "data.source.letters=masks: no letter is a code of bases; set data.source.letters=symbols"
                )
            described = f"{found.description}, masks of bases{_share(share, 'letters of no base')}"
            return replace(
                found,
                sequences=[windows(sequence, self.window, self.stride) for sequence in sequences],
                channels=tuple(
                    base if self.window == 1 else f"{base} {place + 1}"
                    for place in range(self.window)
                    for base in BASES
                ),
                description=described,
            )
        if self.learned is None:
            if not len(train):
                raise UserError(
                    "there are no training strings to make an alphabet from; give data.path or data.train_path, or "
                    "data.source.alphabet"
                )
            self.learned = Alphabet.of(found.sequences[number] for number in train)
        alphabet = self.learned
        sequences = [alphabet.ids(string) for string in found.sequences]
        share = unknown_share(sequences, len(alphabet.symbols))
        letters = "".join(alphabet.letters)
        shown = letters if len(letters) <= 30 else f"{len(letters)} letters"
        described = f"{found.description}, alphabet {shown}{_share(share, 'other letters')}"
        return replace(found, sequences=sequences, symbols=alphabet.symbols, description=described)

    def has_strands(self) -> bool:
        """Whether a sequence has a reverse complement: letters of DNA or RNA, in windows that are centred."""
        if self.letters == "masks":
            return self.stride == 1 and self.window % 2 == 1
        letters = {letter.upper() for letter in self.learned.letters}
        return letters <= set(COMPLEMENT) and bool(letters & set(BASES))

    def reverse_complement(self, sequence: np.ndarray) -> np.ndarray:
        """The other strand of an encoded sequence, read in its own direction."""
        order = self._complements()
        return sequence[::-1][:, order] if self.letters == "masks" else order[sequence[::-1]]

    def mirror(self) -> list[int] | None:
        return self._complements().tolist() if self.both_strands else None

    def _complements(self) -> np.ndarray:
        """The id of the complement of each id, or the feature of the complement of each feature in a window."""
        if self.letters == "masks":
            return np.arange(self.window * len(BASES))[::-1].copy()
        return self.learned.complements()

    def restore(self, state: dict[str, Any]) -> None:
        learned = state.get("learned")
        self.learned = None if learned is None else Alphabet(learned)

    def state(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "label_pattern": self.label_pattern,
            "label_column": self.label_column,
            "sequence_column": self.sequence_column,
            "group_column": self.group_column,
            "separator": self.separator,
            "letters": self.letters,
            "alphabet": self.alphabet,
            "window": self.window,
            "stride": self.stride,
            "uppercase": self.uppercase,
            "encoding": self.encoding,
            "both_strands": self.both_strands,
            "learned": None if self.learned is None else list(self.learned.letters),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "SymbolFiles":
        learned = {"learned": state.pop("learned", None)}
        source = cls(**state)
        source.restore(learned)
        return source

    def _format(self, file: Path) -> str:
        if self.format is not None:
            return self.format
        suffix = suffix_of(file)
        if suffix in SUFFIXES:
            return "fasta"
        if suffix in TABLES:
            return "table"
        line = next(line for line in read_text(file, self.encoding).split("\n") if line.strip())
        if line.startswith(">"):
            return "fasta"
        return "table" if re.search("[,;\t]", line) else "lines"

    def _names_class(self, file: Path) -> bool:
        kind = self._format(file)
        return kind == "lines" or (kind == "fasta" and self._pattern is None)

    def _file(self, file: Path, several: bool, labelled: bool) -> Iterator[String]:
        """The strings of one file.

        Args:
            file: in one of the formats.
            several: whether it is one of several files, so that its name may be a class.
            labelled: whether there must be labels.
        """
        kind = self._format(file)
        if kind == "table":
            yield from self._table(file, labelled)
            return
        text = read_text(file, self.encoding)
        own = _stem(file) if several and self._names_class(file) else None
        if labelled and own is None and (kind == "lines" or self._pattern is None):
            raise UserError(
                f"{file} does not say the labels of its records; give data.source.label_pattern=, a regular expression "
                "with the group (?P<label>...), or a folder with a file for each class"
                if kind == "fasta"
                else f"{file} has a string a line and no labels; give a folder with a file for each class, or a table"
            )
        if kind == "lines":
            for number, line in enumerate(text.split("\n"), start=1):
                if line.strip():
                    yield String(line.strip(), own, None, f"{file}:{number}")
            return
        seen: set[str] = set()
        for record in read_fasta(text, file):
            label, group = own, None
            if self._pattern is not None:
                label, group = self._header(record.header, f"{file}, line {record.line}", labelled)
            identity = record.header.split(maxsplit=1)[0] if record.header else str(record.line)
            name = f"{file}:{identity}" + (f" (line {record.line})" if identity in seen else "")
            seen.add(identity)
            yield String(record.letters, label, group, name)

    def _header(self, header: str, place: str, labelled: bool) -> tuple[str | None, str | None]:
        """The label and the group that a FASTA header has."""
        match = self._pattern.search(header)
        if match is None or not match["label"]:
            if labelled:
                raise UserError(
                    f"{place}: data.source.label_pattern={self.label_pattern} finds no label in the header {header}"
                )
            return None, None
        return match["label"], match.groupdict().get("group")

    def _table(self, file: Path, labelled: bool) -> Iterator[String]:
        columns = [
            TableColumn("data.source.sequence_column", self.sequence_column, STRINGS),
            TableColumn("data.source.label_column", self.label_column, LABELS, labelled),
            TableColumn("data.source.group_column", self.group_column, GROUPS, self.group_column is not None),
        ]
        if not labelled:
            columns[2] = columns[2]._replace(required=False)
        for line, (text, label, group) in read_cells(file, columns, self.encoding, self.separator):
            if not text:
                raise UserError(f"{file}, line {line}: the string is empty; give it letters, or leave it out")
            if labelled and not label:
                raise UserError(f"{file}, line {line}: the label is empty; give one, or leave the row out")
            yield String(text, label or None, group, f"{file}:{line}")

    def _set(self, strings: Sequence[String], path: str) -> SequenceSet:
        if not strings:
            raise UserError(f"{path} holds no string; name a file or a folder with strings in it")
        grouped = all(string.group is not None for string in strings)
        return SequenceSet(
            sequences=[
                code_points(string.text.upper() if self.uppercase else string.text) for string in strings
            ],
            labels=[string.label for string in strings],
            names=[string.name for string in strings],
            groups=[str(string.group) for string in strings] if grouped else None,
            description=f"strings of symbols ({path})",
        )


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"data.source.label_pattern={pattern} is no regular expression: {error}") from error
    if "label" not in compiled.groupindex:
        raise UserError(
            f"data.source.label_pattern={pattern} has no group named label; write (?P<label>...) around the label"
        )
    return compiled


def _stem(file: Path) -> str:
    """A file's name without .gz and its suffix."""
    return Path(file.name.removesuffix(".gz")).stem


def _share(share: float, noun: str) -> str:
    return f", {share:.2%} {noun}" if share else ""
