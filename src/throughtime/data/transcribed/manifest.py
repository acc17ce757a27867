"""Manifests: tables (CSV, TSV) or JSON lines that name files with their transcripts."""

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from throughtime.data.fractions import SPLIT_NAMES
from throughtime.data.labelled.tables import TableColumn, read_cells, read_text, suffix_of
from throughtime.errors import UserError

JSON_LINES = (".jsonl", ".ndjson")
TABLES = (".csv", ".tsv", ".tab")
FILE_NAMES = ("file", "path", "audio", "audio_filepath", "audio_file", "ink", "filename", "file_name", "wav")
TEXT_NAMES = ("text", "transcript", "transcription", "sentence", "truth", "label")
GROUP_NAMES = ("speaker", "writer", "speaker_id", "client_id", "group")
SPLIT_COLUMNS = ("split", "part", "subset")
PARTS = {"dev": "val", "valid": "val", "validation": "val", "training": "train", "testing": "test"}
"""Other names of the parts of data."""

NAMED = 200
"""Characters of a name that an error shows."""


class ManifestEntry(NamedTuple):
    """A file with its transcript.

    Attributes:
        file: its path.
        text: its transcript.
        place: the manifest and the line, for errors.
        group: the speaker or the writer; None where the manifest does not tell.
        split: `train`, `val` or `test`; None where the manifest does not tell.
    """

    file: Path
    text: str
    place: str
    group: str | None
    split: str | None


def is_manifest(file: Path, file_column: str | None = None) -> bool:
    """Whether a file is a manifest: JSON lines, or a table whose first line names a column of files."""
    suffix = suffix_of(file)
    if suffix in JSON_LINES:
        return file.is_file()
    if suffix not in TABLES or not file.is_file():
        return False
    first = read_text(file).strip().partition("\n")[0].lower()
    names = {cell.strip().strip('"') for separator in ",;\t" for cell in first.split(separator)}
    return bool(names & {file_column.lower()} if file_column else names & set(FILE_NAMES))


def read_manifest(
    file: Path, file_column: str | None = None, text_column: str | None = None, group: str | None = None
) -> list[ManifestEntry]:
    """The files and transcripts of a manifest; files are relative to the folder of the manifest.

    Args:
        file: a table (CSV, TSV) with a header, or a JSON object a line.
        file_column, text_column, group: the names of the columns; None for the usual ones.

    Raises:
        UserError: a column is missing, a file does not exist, a transcript is empty, or a part of the data is not
            known; it names the line.
    """
    columns = [
        TableColumn("data.file_column", file_column, FILE_NAMES),
        TableColumn("data.text_column", text_column, TEXT_NAMES),
        TableColumn("data.group", group, GROUP_NAMES, required=group is not None),
        TableColumn("data.path", None, SPLIT_COLUMNS, required=False),
    ]
    rows = (
        _json_rows(file, columns) if suffix_of(file) in JSON_LINES else read_cells(file, columns, header=True)
    )
    found = []
    for line, (name, text, own, part) in rows:
        place = f"{file}, line {line}"
        audio = _audio(file, name or "")
        if audio is None:
            given = file.parent / (name or "")[:NAMED]
            raise UserError(f"{place}: there is no file {given}; correct its name, or leave the line out")
        text = clean_text(text or "")
        if not text:
            raise UserError(f"{place}: the transcript of {name} is empty; write it, or leave the line out")
        found.append(ManifestEntry(audio, text, place, own or None, _part(part, place)))
    if not found:
        raise UserError(f"{file} names no file; give a line for each recording with its transcript")
    return found


def _audio(manifest: Path, name: str) -> Path | None:
    """The file of a line; None where there is none, or where no file can have such a name."""
    try:
        audio = manifest.parent / Path(name).expanduser()
        return audio if audio.is_file() else None
    except (OSError, RuntimeError, ValueError):  # too long, of an unknown user, with a zero byte
        return None


def clean_text(text: str) -> str:
    """A transcript in Unicode's composed form, with one space between words and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _part(name: str | None, place: str) -> str | None:
    if not name:
        return None
    part = PARTS.get(name.lower(), name.lower())
    if part not in SPLIT_NAMES:
        raise UserError(f"{place}: the part {name} is not known; give train, val or test")
    return part


def _json_rows(file: Path, columns: list[TableColumn]) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """The line and the values of the columns of each JSON object."""
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{file}, line {number}: this is no JSON ({error}); give an object a line"
            ) from None
        if not isinstance(row, dict):
            raise UserError(
                f'{file}, line {number}: this is no JSON object; give one such as {{"file": …, "text": …}}'
            )
        yield number, tuple(_value(row, column, f"{file}, line {number}") for column in columns)


def _value(row: dict[str, Any], column: TableColumn, place: str) -> str | None:
    names = column.usual if column.given is None else (str(column.given),)
    name = next((one for one in names if one in row), None)
    if name is None:
        if not column.required:
            return None
        raise UserError(
            f"{place}: the object has none of {', '.join(names[:3])}; set {column.key} to one of its names: "
            f"{', '.join(map(str, row))}"
        )
    return str(row[name])
