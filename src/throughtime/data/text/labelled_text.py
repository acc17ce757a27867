"""Text files as labelled sequences of tokens: tables, JSON lines, lines that begin with a label, folders of classes."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from throughtime.data.encoding import check_encoding
from throughtime.data.labelled.code_points import code_points, text_of
from throughtime.data.labelled.sequences import Label, SequenceSet, SequenceSource
from throughtime.data.labelled.splits import label_names
from throughtime.data.labelled.tables import TableColumn, check_separator, read_cells, read_text, suffix_of
from throughtime.data.paths import find_files
from throughtime.errors import UserError, check_choice, check_positive
from throughtime.tokenizer.base import Tokenizer
from throughtime.tokenizer.restore import tokenizer_from_state
from throughtime.tokenizer.stream import Origin
from throughtime.tokenizer.words import Words

FORMATS = ("table", "json", "lines", "document")
TABLES = (".csv", ".tsv", ".tab")
JSON = (".jsonl", ".ndjson", ".json")

LABELS = ("label", "labels", "class", "target", "category", "sentiment", "intent")
TEXTS = ("text", "sentence", "document", "review", "content", "message", "comment", "question")
GROUPS = ("group",)

FEW = 8
"""Keys of a JSON object that a message lists."""


class Text(NamedTuple):
    """One text as it was read.

    Attributes:
        text: the whole of it.
        label: its class, all of its labels, or None.
        group: its group, or None.
        name: of its file, or of its file and line.
    """

    text: str
    label: Label
    group: str | None
    name: str


class LabelledText(SequenceSource):
    """Texts with a class each, or with several labels at once, as the ids of a tokenizer.

    A folder with folders in it has a folder for each class, and a file is a document. Else a file is a table, JSON
    lines, or lines that begin with a label (`label text`, or fastText's `__label__a __label__b text`); all also .gz.
    Without `connect`, the tokenizer is `Words`.

    Args:
        format: one of `FORMATS` (`document`: a file a text, without a label); None to find it by the suffix and the
            first line.
        text_column, label_column, group_column: of a table or of JSON lines: a name, or of a table a number from 1;
            None for the usual names.
        separator: between the columns of a table; None to find it in the first line.
        label_separator: between the labels of one cell, where several hold at once; None for one class a text.
        label_prefix: of the labels of lines; lines that do not begin with it have their first word as the label.
        threshold: turns labels that are numbers into the classes `threshold_names`; None to leave them.
        threshold_names: the class of numbers up to the threshold, and of those above it.
        lowercase: whether texts are read in lower case.
        most_tokens: the tokens of a text that are read, from its beginning; None for all.
        encoding: of the files.

    Attributes:
        tokenizer: fitted on the training texts.
        labels: those of training, which tell whether lines begin with a label; empty before they are known.

    Raises:
        UserError: an argument is not known.
    """

    def __init__(
        self,
        format: str | None = None,
        text_column: int | str | None = None,
        label_column: int | str | None = None,
        group_column: int | str | None = None,
        separator: str | None = None,
        label_separator: str | None = None,
        label_prefix: str = "__label__",
        threshold: float | int | None = None,
        threshold_names: Sequence[str] = ("negative", "positive"),
        lowercase: bool = False,
        most_tokens: int | None = None,
        encoding: str = "utf-8",
    ) -> None:
        if format is not None:
            check_choice(FORMATS, **{"data.source.format": format})
        if most_tokens is not None:
            check_positive(**{"data.source.most_tokens": most_tokens})
        if len(threshold_names) != 2 or threshold_names[0] == threshold_names[1]:
            raise UserError(
                f"data.source.threshold_names={list(threshold_names)} must be two names, such as [negative,positive]"
            )
        if label_separator == "":
            raise UserError("data.source.label_separator= is empty; give it a character, or null")
        check_encoding(encoding, "data.source.encoding")
        check_separator(separator)
        self.format = format
        self.text_column = text_column
        self.label_column = label_column
        self.group_column = group_column
        self.separator = separator
        self.label_separator = label_separator
        self.label_prefix = label_prefix
        self.threshold = threshold
        self.threshold_names = tuple(map(str, threshold_names))
        self.lowercase = lowercase
        self.most_tokens = most_tokens
        self.encoding = encoding
        self.tokenizer: Tokenizer | None = None
        self.labels: tuple[str, ...] = ()

    def connect(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def read(self, path: str) -> SequenceSet:
        place = Path(path).expanduser()
        classes = []
        if place.is_dir():
            classes = sorted(one for one in place.iterdir() if one.is_dir() and one.name[0] != ".")
        if classes:
            texts = [text for folder in classes for text in self._documents(folder)]
        else:
            files = find_files(path, noun="text file")
            texts = [text for file in files for text in self._file(file, labelled=True)]
        return self._set(texts, path)

    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        files = [file for path in paths for file in find_files(str(path), "FILE", "text file")]
        texts = [text for file in files for text in self._file(file, labelled=False)]
        return self.encoded(self._set(texts, ", ".join(map(str, paths))), ())

    def encoded(self, found: SequenceSet, train: Sequence[int]) -> SequenceSet:
        self.tokenizer = self.tokenizer or Words()
        if not self.tokenizer.fitted:
            if not len(train):
                raise UserError(
                    "there is no training text to make a vocabulary from; give data.path or data.train_path"
                )
            self.tokenizer.fit(text_of(found.sequences[number]) for number in train)
        if not self.labels:
            self.labels = tuple(
                sorted({name for number in train for name in label_names(found.labels[number])})
            )
        sequences = [
            self.tokenizer.encode(text_of(points), Origin(name))[: self.most_tokens]
            for points, name in zip(found.sequences, found.names, strict=True)
        ]
        description = f"{found.description}, {self.tokenizer.vocabulary_size:,} tokens"
        unknown = self.tokenizer.vocabulary.unknown
        if unknown is not None:
            share = sum(int((ids == unknown).sum()) for ids in sequences) / sum(map(len, sequences))
            description += f", {share:.2%} unknown" if share else ""
        return replace(
            found, sequences=sequences, symbols=tuple(self.tokenizer.symbols), description=description
        )

    def restore(self, state: dict[str, Any]) -> None:
        learned = state.get("tokenizer")
        self.tokenizer = None if learned is None else tokenizer_from_state(learned)
        self.labels = tuple(state.get("labels", ()))

    def state(self) -> dict[str, Any]:
        fitted = self.tokenizer is not None and self.tokenizer.fitted
        return {
            "format": self.format,
            "text_column": self.text_column,
            "label_column": self.label_column,
            "group_column": self.group_column,
            "separator": self.separator,
            "label_separator": self.label_separator,
            "label_prefix": self.label_prefix,
            "threshold": self.threshold,
            "threshold_names": list(self.threshold_names),
            "lowercase": self.lowercase,
            "most_tokens": self.most_tokens,
            "encoding": self.encoding,
            "tokenizer": self.tokenizer.state() if fitted else None,
            "labels": list(self.labels),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "LabelledText":
        learned = {"tokenizer": state.pop("tokenizer", None), "labels": state.pop("labels", ())}
        source = cls(**state)
        source.restore(learned)
        return source

    def _documents(self, folder: Path) -> Iterator[Text]:
        """The files of a class, each a text."""
        files = [
            file
            for file in sorted(folder.rglob("*"))
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        ]
        if not files:
            raise UserError(f"{folder} is empty; a class needs texts, or leave its folder out")
        self.format = "document"
        for file in files:
            yield Text(read_text(file, self.encoding), folder.name, None, str(file))

    def _file(self, file: Path, labelled: bool) -> Iterator[Text]:
        """The texts of one file.

        Args:
            file: in one of the formats.
            labelled: whether there must be labels.
        """
        kind = self._format(file)
        if kind == "document":
            if labelled:
                raise UserError(
                    f"{file} is a text without a label; data.path must be a folder with a folder for each class"
                )
            yield Text(read_text(file, self.encoding), None, None, str(file))
        elif kind == "lines":
            yield from self._lines(file, labelled)
        else:
            rows = self._objects(file, labelled) if kind == "json" else self._table(file, labelled)
            for line, text, label, group in rows:
                place = f"{file}, line {line}"
                if not text.strip():
                    raise UserError(f"{place}: the text is empty; give it words, or leave it out")
                if labelled and label is None and self.label_separator is None:
                    raise UserError(f"{place}: the label is empty; give one, or leave the row out")
                yield Text(text, self._label(label, place), group, f"{file}:{line}")

    def _format(self, file: Path) -> str:
        suffix = suffix_of(file)
        if suffix in TABLES and self.format != "lines":
            return "table"
        if suffix in JSON:
            return "json"
        if self.format is not None:
            return self.format
        line = next(line for line in read_text(file, self.encoding).split("\n") if line.strip())
        if line.lstrip().startswith("{"):
            return "json"
        numbered = isinstance(self.text_column, int) or isinstance(self.label_column, int)
        return "table" if "\t" in line or numbered else "lines"

    def _table(
        self, file: Path, labelled: bool
    ) -> Iterator[tuple[int, str, str | tuple[str, ...] | None, str | None]]:
        grouped = labelled and self.group_column is not None
        columns = [
            TableColumn("data.source.text_column", self.text_column, TEXTS),
            TableColumn("data.source.label_column", self.label_column, LABELS, labelled),
            TableColumn("data.source.group_column", self.group_column, GROUPS, grouped),
        ]
        for line, (text, label, group) in read_cells(file, columns, self.encoding, self.separator):
            yield line, text, label or None, group

    def _objects(
        self, file: Path, labelled: bool
    ) -> Iterator[tuple[int, str, str | tuple[str, ...] | None, str | None]]:
        """Line, text, label or labels, and group of each object of JSON lines."""
        wanted = (
            ("text_column", self.text_column, TEXTS, True),
            ("label_column", self.label_column, LABELS, labelled),
            ("group_column", self.group_column, GROUPS, labelled and self.group_column is not None),
        )
        for number, line in enumerate(read_text(file, self.encoding).split("\n"), start=1):
            if not line.strip():
                continue
            place = f"{file}, line {number}"
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{place}: this is no JSON ({error}); give an object a line") from None
            if not isinstance(found, dict):
                raise UserError(f'{place}: this is no object; give {{"text": ..., "label": ...}}')
            values = []
            for key, given, usual, required in wanted:
                names = usual if given is None else (str(given),)
                name = next((name for name in names if name in found), None)
                if name is None and required:
                    listed = ", ".join(list(found)[:FEW]) or "none"
                    raise UserError(
                        f"{place}: the object has no {' or '.join(names[:3])}; name the key by data.source.{key}, its "
                        f"keys are {listed}"
                    )
                values.append(None if name is None else found[name])
            text, label, group = values
            if not isinstance(text, str):
                raise UserError(f"{place}: the text is {json.dumps(text)[:40]}; it must be a string")
            yield number, text, _plain_label(label, place), None if group is None else str(group)

    def _lines(self, file: Path, labelled: bool) -> Iterator[Text]:
        """The texts of lines that begin with a label, or with several labels that have the prefix."""
        lines = [
            (number, line.strip())
            for number, line in enumerate(read_text(file, self.encoding).split("\n"), start=1)
            if line.strip()
        ]
        prefixed = bool(self.label_prefix) and any(line.startswith(self.label_prefix) for _, line in lines)
        found: list[tuple[int, tuple[str, ...], str]] = []
        # Of prediction: a file like those of training, or texts without labels.
        begin = labelled or all(line.split(maxsplit=1)[0] in self.labels for _, line in lines)
        for number, line in lines:
            names: tuple[str, ...] = ()
            if prefixed:
                words = line.split(" ")
                count = next(
                    (at for at, word in enumerate(words) if not word.startswith(self.label_prefix)),
                    len(words),
                )
                names = tuple(word.removeprefix(self.label_prefix) for word in words[:count])
                line = " ".join(words[count:]).strip()
            elif begin:
                name, _, line = line.replace("\t", " ", 1).partition(" ")
                names = (name,)
            place = f"{file}, line {number}"
            if labelled and (not names or "" in names):
                raise UserError(f"{place}: the line does not begin with {self.label_prefix} and a label")
            if not line.strip():
                raise UserError(
                    f"{place}: there is no text after the label; give some, or leave the line out"
                )
            found.append((number, names, line.strip()))
        several = any(len(names) > 1 for _, names, _ in found)
        for number, names, line in found:
            label = names if several else names[0] if names else None
            yield Text(line, self._label(label, f"{file}, line {number}"), None, f"{file}:{number}")

    def _label(self, label: str | tuple[str, ...] | None, place: str) -> Label:
        """A label as one class, as all labels of a cell, or as the side of the threshold on which its number is."""
        if self.label_separator is not None and not isinstance(label, tuple):
            parts = () if label is None else label.split(self.label_separator)
            return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
        if self.threshold is None or label is None:
            return label
        try:
            value = float(label)  # a tuple is no number either
        except (ValueError, TypeError):
            value = float("nan")
        if value != value:
            raise UserError(
                f"{place}: the label {label} is no number, so data.source.threshold={self.threshold} cannot turn it "
                "into a class"
            )
        return self.threshold_names[int(value > self.threshold)]

    def _set(self, texts: Sequence[Text], path: str) -> SequenceSet:
        if not texts:
            raise UserError(f"{path} holds no text; name a file or a folder with texts in it")
        labels: list[Label] = [text.label for text in texts]
        if any(isinstance(label, tuple) for label in labels):
            labels = [(label,) if isinstance(label, str) else label for label in labels]
        grouped = all(text.group is not None for text in texts)
        return SequenceSet(
            sequences=[code_points(text.text.lower() if self.lowercase else text.text) for text in texts],
            labels=labels,
            names=[text.name for text in texts],
            groups=[str(text.group) for text in texts] if grouped else None,
            description=f"texts ({path})",
        )


def _plain_label(label: Any, place: str) -> str | tuple[str, ...] | None:
    """A label of JSON as a string; of a list, all of them."""
    if isinstance(label, list):
        return tuple(dict.fromkeys(str(_plain_label(one, place)) for one in label))
    if isinstance(label, dict):
        raise UserError(f"{place}: the label is an object; it must be a string, a number or a list of them")
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float) and not math.isfinite(label):
        raise UserError(f"{place}: the label is {label}; give a class, or leave the object out")
    return None if label is None or label == "" else str(label)
