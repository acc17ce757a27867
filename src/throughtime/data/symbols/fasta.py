"""FASTA: records of a header line, which begins with `>`, and lines of letters."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from throughtime.errors import UserError

SUFFIXES = (".fa", ".fasta", ".fas", ".fna", ".ffn", ".faa", ".frn")


class FastaRecord(NamedTuple):
    """One record.

    Attributes:
        header: its header line without the `>`.
        letters: those of all its lines, without white space.
        line: of the header, from 1.
    """

    header: str
    letters: str
    line: int


def read_fasta(text: str, file: Path) -> Iterator[FastaRecord]:
    """The records of a FASTA text, wrapped at any width; lines that begin with a semicolon are comments.

    Args:
        text: of the whole file.
        file: its name, for errors.

    Raises:
        UserError: letters come before the first header, or a record has none; it names the line.
    """
    header: str | None = None
    start = 0
    parts: list[str] = []
    for number, line in enumerate([*text.split("\n"), ">"], start=1):
        if line.startswith(">"):
            if header is not None:
                yield _record(header, parts, start, file)
            header, start, parts = line[1:].strip(), number, []
        elif line.startswith(";") or not line.strip():
            continue
        elif header is None:
            raise UserError(
                f"{file}, line {number}: there are letters before the first header; a FASTA record begins with a "
                "line that starts with >"
            )
        else:
            parts.append("".join(line.split()))


def _record(header: str, parts: list[str], line: int, file: Path) -> FastaRecord:
    letters = "".join(parts)
    if not letters:
        raise UserError(
            f"{file}, line {line}: the record {header or 'without a name'} has no letters; give it some, or leave "
            "it out"
        )
    return FastaRecord(header, letters, line)
