"""Table of numbers: CSV or Parquet, with errors that name file, line and column."""

import codecs
import csv
import io
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from throughtime.data.encoding import wide_encoding
from throughtime.data.series.number_format import (
    GROUP_MARKS,
    NumberFormat,
    find_group_mark,
    find_number_format,
    has_groups,
    to_numbers,
    with_minus,
    without_symbol,
)
from throughtime.errors import UserError

MISSING_WORDS = frozenset(
    {
        "",
        ".",
        "-",
        "--",
        "?",
        "na",
        "n/a",
        "n.a.",
        "#na",
        "#n/a",
        "#n/a n/a",
        "<na>",
        "nan",
        "-nan",
        "nat",
        "null",
    }
    | {
        "none",
        "missing",
        "#null!",
        "#value!",
        "#div/0!",
        "#ref!",
        "#num!",
        "1.#ind",
        "1.#qnan",
        "-1.#ind",
        "-1.#qnan",
    }
)
"""Cells that stand for a missing value in any column, in lower case."""

SENTINELS = (-99, -999, -9999, -99999)
"""Numbers that often stand for a missing value; they are reported, not replaced."""

LARGEST = 1e30
"""The largest magnitude of a value: its square must not overflow single precision by far."""

SEPARATORS = (",", ";", "\t", "|")
WHITESPACE = r"\s+"
NO_SEPARATOR = "\x1f"
"""A character that no table has, so that a line is read whole."""

_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp][Mm])?")
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)  # of a packed file
_PACKED = (".gz", ".bz2", ".xz", ".zip", ".zst", ".tar")
_SEARCHED_BYTES = 4096
_EXTRA_CELLS = 32  # cells of a line beyond those of the header that are still read, to name what they hold
_SEARCHED_LINES = (
    60  # lines at the beginning of a file that are searched for the header that a setting expects
)


class Table:
    """A CSV file (plain or packed: .gz, .bz2, .xz, .zip) or a Parquet file.

    The rows are labelled by their lines in the file, which error messages name. Lines without any cell at the end of
    the file, columns without name and value, and a column without name that counts the rows are left out.

    Args:
        path: the file.
        separator: between two cells, `\\s+` for blanks; None for that of `SEPARATORS` which the header has most of.
        decimal: the decimal mark, a point or a comma; None to find out.
        missing: numbers and words that stand for a missing value, besides `MISSING_WORDS`.
        thousands: the mark between groups of three digits; None to find out.
        encoding: of the text; None for UTF-8, or UTF-16 or UTF-32 where the file begins with its byte order mark.
        skip_rows: lines above the header that are passed over.
        units_rows: lines below the header that are passed over.
        skip_footer: lines at the end that are passed over, not counting blank ones.
        comment: lines that begin with this text are passed over; None for none.
        header: whether the first line holds the names of the columns, which are else 1, 2, …; None to find out.
        hint: the number format that decides where the numbers of the file do not.

    Attributes:
        notes: what was found out or left out, for the start message.
        form: the number format.

    Raises:
        UserError: the file is absent, unreadable or has no rows.
    """

    def __init__(
        self,
        path: Path,
        separator: str | None = None,
        decimal: str | None = None,
        missing: Sequence[float | int | str] = (),
        thousands: str | None = None,
        encoding: str | None = None,
        skip_rows: int = 0,
        units_rows: int = 0,
        skip_footer: int = 0,
        comment: str | None = None,
        header: bool | None = None,
        hint: NumberFormat | None = None,
    ) -> None:
        self.path = path
        self.decimal, self.thousands, self.hint = decimal, thousands, hint
        numbers = pd.to_numeric(pd.Series([str(value) for value in missing], dtype=str), errors="coerce")
        self.missing = tuple(
            numbers.dropna().tolist()
        )  # "-200" too: the grammar wants quotes beside words like #N/A
        self.missing_words = MISSING_WORDS | {str(word).strip().lower() for word in missing}
        self.notes: list[str] = []
        self.form = NumberFormat(decimal or ".", thousands or "")
        self._above: list[str] = []  # raw lines at the beginning, to find a header that is further down
        if not path.is_file():
            raise UserError(f"data.path={path}: there is no such file")
        if path.suffix.lower() in (".xlsx", ".xls", ".xlsm", ".ods"):
            raise UserError(f"{path} is a spreadsheet, which is not read; save it as CSV")
        self.is_parquet = path.suffix.lower() in (".parquet", ".pq")
        if self.is_parquet:
            self.separator, self.cells = "", self._read_parquet()
        else:
            lines = self._lines(_known_encoding(encoding))
            kept = _kept_lines(lines, skip_rows, units_rows, skip_footer, comment)
            self.separator, kept = self._separator(lines, kept, separator)
            self.cells = self._read_csv(lines, kept, header)
        self._check_names()
        if self.cells.empty:
            raise UserError(f"{path} has no rows below its header")

    def _read_parquet(self) -> pd.DataFrame:
        try:
            frame = pd.read_parquet(self.path)
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{self.path} is not a Parquet file that can be read ({error})") from error
        index = frame.index
        if index.nlevels > 1 or index.name is not None or isinstance(index, pd.DatetimeIndex):
            frame = frame.reset_index()
        elif not isinstance(index, pd.RangeIndex):
            self.notes.append("an index without a name left out")
        frame.columns = [str(name).strip() for name in frame.columns]
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
        return frame

    def _raw(self, encoding: str, count: int | None = None) -> list[str]:
        raw = pd.read_csv(
            self.path,
            sep=NO_SEPARATOR,
            header=None,
            names=["line"],
            nrows=count,
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            quoting=csv.QUOTE_NONE,
            encoding=encoding,
        )
        return raw["line"].tolist()

    def _lines(self, encoding: str | None) -> list[str]:
        """All lines of the file."""
        try:
            if encoding is None:
                encoding = "utf-8-sig"
                marked = wide_encoding(self._start())
                if marked in ("utf-16", "utf-32"):
                    encoding = marked
                    self.notes.append(f"encoding {marked}")
            lines = self._raw(encoding)
        except pd.errors.EmptyDataError as error:
            raise UserError(f"{self.path} is empty; give a table with rows") from error
        except UnicodeError as error:
            raise UserError(
                f"{self.path} is not text in {encoding.removesuffix('-sig')} ({error}); set data.encoding, such as "
                "cp1252, latin-1 or utf-16"
            ) from error
        except (pd.errors.ParserError, ValueError, OSError, *_DAMAGED) as error:
            raise UserError(f"{self.path} cannot be read as a table ({str(error).strip()})") from error
        self._above = lines[:_SEARCHED_LINES]
        if (self._above and "\0" in self._above[0]) or self._begins_with_zeros(encoding):
            raise UserError(
                f"{self.path} is not text in {encoding.removesuffix('-sig')}; set data.encoding, such as "
                f"{wide_encoding(self._start()) or 'utf-16-le'}"
            )
        if not any(line.strip() for line in self._above) and not any(line.strip() for line in lines):
            raise UserError(f"{self.path} is empty; give a table with rows")
        return lines

    def _start(self) -> bytes:
        """The first bytes of the text, of a packed file those of its first line up to a zero byte."""
        if self.path.suffix in _PACKED:
            return "".join(self._raw("latin-1", 1))[:_SEARCHED_BYTES].encode("latin-1")
        with self.path.open("rb") as file:
            return file.read(_SEARCHED_BYTES)

    def _begins_with_zeros(self, encoding: str) -> bool:
        """Whether a plain file has zero bytes where text in its encoding has none; pandas cuts a line at them."""
        if self.path.suffix in _PACKED or codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
            return False
        with self.path.open("rb") as file:
            return b"\0" in file.readline(_SEARCHED_BYTES)

    def _separator(self, lines: list[str], kept: list[int], separator: str | None) -> tuple[str, list[int]]:
        """The separator, and the lines without one that only declares it (`sep=;`)."""
        declared = (
            re.fullmatch(r"\ufeff?\"?sep=(.)\"?", lines[kept[0]].strip("\r\n"), re.IGNORECASE)
            if kept
            else None
        )
        if declared:
            kept = kept[1:]
        if separator is not None:
            if len(separator) != 1 and separator != WHITESPACE:
                raise UserError(
                    f"data.separator={separator} is not a single character; write , ; | or a tab, {WHITESPACE} for "
                    "blanks, or null to find out"
                )
            return separator, kept
        if declared:
            found = declared.group(1)
        else:
            first = [lines[place] for place in kept[:8] if lines[place].strip()]
            common = {mark: min((line.count(mark) for line in first[:4]), default=0) for mark in SEPARATORS}
            header = {mark: first[0].count(mark) if first else 0 for mark in SEPARATORS}
            found = max(SEPARATORS, key=lambda mark: (common[mark], header[mark]))
        if found != ",":
            self.notes.append("separator tab" if found == "\t" else f'separator "{found}"')
        return found, kept

    def _read_csv(self, lines: list[str], kept: list[int], header: bool | None) -> pd.DataFrame:
        if not kept:
            raise UserError(
                f"{self.path} has no line left; see data.skip_rows, data.skip_footer and data.comment"
            )
        chosen = [lines[place] for place in kept]
        if self.separator == WHITESPACE:
            chosen = [line.strip() for line in chosen]
            widths = [len(line.split()) for line in chosen]
        else:
            widths = [line.count(self.separator) + 1 for line in chosen]
        try:
            frame = pd.read_csv(
                io.StringIO("\n".join(chosen)),
                sep=self.separator,
                header=None,
                names=range(min(max(widths), widths[0] + _EXTRA_CELLS)),
                index_col=False,
                dtype=str,
                na_filter=False,
                skip_blank_lines=False,
                skipinitialspace=True,
            ).fillna("")
        except (pd.errors.ParserError, ValueError) as error:
            raise UserError(
                f"{self.path} cannot be read as a table ({str(error).strip()}); see data.separator, data.skip_rows and "
                "data.skip_footer"
            ) from error
        places = kept if len(frame) == len(kept) else range(kept[0], kept[0] + len(frame))
        frame.index = pd.Index([place + 1 for place in places], name="line")
        first = [str(cell).strip() for cell in frame.iloc[0]]
        if header is None:
            header = True
            self._check_header(first[: widths[0]], int(frame.index[0]))
        if header:
            frame = frame.iloc[1:]
        else:
            first = [str(place + 1) for place in range(widths[0])]
        return self._named(frame, first, widths[0])

    def _check_header(self, cells: list[str], line: int) -> None:
        """Refuse a first line that holds values, unless they count on by one, as columns are numbered."""
        named = [cell for cell in cells if cell]
        numbers = pd.to_numeric(pd.Series(named, dtype=str), errors="coerce")
        dated = [_DATE.match(cell) is not None for cell in named]
        counted = len(named) > 1 and not any(dated) and bool((numbers.diff().dropna() == 1).all())
        if named and all(numbers.notna() | np.array(dated)) and not counted and named not in (["0"], ["1"]):
            raise UserError(
                f"{self.path}, line {line}: {', '.join(named[:4])} are values where the names of the columns are "
                "expected; set data.header=false to call the columns 1, 2, …, or data.header=true if they are names"
            )

    def _named(self, frame: pd.DataFrame, names: list[str], width: int) -> pd.DataFrame:
        """The cells under the names of their columns, without empty rows at the end and unnamed empty columns."""
        filled = frame.apply(lambda column: column.str.strip() != "").to_numpy(bool).reshape(frame.shape)
        rows = filled.any(1)
        last = int(np.flatnonzero(rows)[-1]) + 1 if rows.any() else 0
        frame, filled = frame.iloc[:last], filled[:last]
        beyond = filled[:, width:].any(1)
        if beyond.any():
            row = int(beyond.argmax())
            cells = int(np.flatnonzero(filled[row])[-1]) + 1
            raise UserError(
                f"{self.path}, line {frame.index[row]} has {cells} cells where the header has {width}; see "
                "data.separator and data.decimal, data.skip_rows and data.comment for lines above the header, and "
                f"data.skip_footer for lines at the end{self._comment_hint()}"
            )
        frame, filled = frame.iloc[:, :width], filled[:, :width]
        used, shown = [], []
        for place, name in enumerate(names[:width]):
            if name or filled[:, place].any():
                used.append(place)
                shown.append(name or f"unnamed_{place + 1}")
        frame = frame.iloc[:, used]
        frame.columns = shown
        for name in [name for name, place in zip(shown, used, strict=True) if not names[place]]:
            if _counts_rows(frame[name]):
                self.notes.append("a column without a name that counts the rows left out")
                frame = frame.drop(columns=name)
        return frame

    def _check_names(self) -> None:
        twice = [name for name, count in Counter(self.columns).items() if count > 1]
        if twice:
            places = [str(place + 1) for place, name in enumerate(self.columns) if name == twice[0]]
            raise UserError(
                f"{self.path} has {len(places)} columns that are called {twice[0]!r} (columns {', '.join(places)}); "
                "give each a name of its own, or set data.header=false and pass the header over with data.skip_rows"
            )

    @property
    def columns(self) -> list[str]:
        """The names of all columns."""
        return [str(name) for name in self.cells.columns]

    def select(self, rows: np.ndarray) -> None:
        """Keep these rows only, a mask."""
        self.cells = self.cells[rows]

    def is_blank(self) -> np.ndarray:
        """Rows in which every cell is blank."""
        if self.is_parquet:
            return self.cells.isna().all(axis=1).to_numpy()
        return np.logical_and.reduce([(self.cells[name].str.strip() == "").to_numpy() for name in self.cells])

    def column(self, name: str, key: str) -> pd.Series:
        """One column as it stands; `key` is the setting that asked for it.

        Raises:
            UserError: there is no such column.
        """
        if name.strip() not in self.cells.columns:
            raise UserError(
                f"{self.path} has no column {name!r}, which {key} asks for; it has {', '.join(self.columns)}"
                + self._header_hint(name.strip())
            )
        return self.cells[name.strip()]

    def _header_hint(self, name: str) -> str:
        """The setting that would find a column: a header further down, or another separator."""
        for place, line in enumerate(self._above[1:], 1):
            cells = re.split(r"[,;\t|]", line)
            if name in [cell.strip(" \"'\r\n") for cell in cells]:
                return f"; line {place + 1} of the file names it: set data.skip_rows={place}"
        if len(self.columns) == 1 and not self.is_parquet:
            return "; see data.separator, which is '\\s+' for blanks"
        return ""

    def _comment_hint(self) -> str:
        mark = self._above[0][:1]
        return (
            f"; line 1 begins with {mark}: set 'data.comment=\"{mark}\"'" if mark in ("#", "%", "!") else ""
        )

    def text(self, name: str, key: str) -> pd.Series:
        """One column as text without blanks around it; "" where a cell of a Parquet file is missing."""
        column = self.column(name, key)
        if self.is_parquet:
            column = column.astype(object).where(column.notna(), "").astype(str)
        return column.str.strip()

    def is_text(self, name: str, key: str) -> bool:
        """Whether a column holds text, as all columns of a CSV file do."""
        column = self.column(name, key)
        return not self.is_parquet or not (
            pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
        )

    def counts_rows(self, name: str) -> bool:
        """Whether a column holds 0, 1, 2, … or 1, 2, 3, …"""
        return self.cells[name].dtype != bool and _counts_rows(self.cells[name])

    def has_values(self, name: str, key: str) -> bool:
        """Whether any cell of a column is not missing."""
        return bool(self._present(self.text(name, key)).any())

    def _present(self, text: pd.Series) -> pd.Series:
        return ~text.str.lower().isin(self.missing_words)

    def find_format(self, names: Sequence[tuple[str, str]]) -> NumberFormat:
        """Find the number format from these columns (names, each with the setting that asked for it).

        Raises:
            UserError: the numbers do not decide.
        """
        columns = []
        for name, key in names:
            if self.is_text(name, key):
                text = with_minus(self.text(name, key))
                present = self._present(text)
                columns.append(without_symbol(text, present)[0][present])
        if self.thousands is None and (mark := find_group_mark(columns)):
            self.notes.append(f'thousands mark "{mark}"')
            self.form = NumberFormat(self.decimal or self._format_with_groups(columns, mark).decimal, mark)
            return self.form
        if self.decimal is None and self.thousands is None:
            self.form = find_number_format(columns, self.separator, str(self.path), self.hint)
            if self.form != NumberFormat():
                grouped = f', thousands mark "{self.form.thousands}"' if self.form.thousands else ""
                self.notes.append(f'decimal mark "{self.form.decimal}"{grouped}')
        elif self.decimal is None:
            self.form = self._format_with_groups(columns, self.thousands)
        elif self.thousands is None and has_groups(columns, self.decimal):
            self.form = NumberFormat(self.decimal, "," if self.decimal == "." else ".")
            self.notes.append(f'thousands mark "{self.form.thousands}"')
        return self.form

    def _format_with_groups(self, columns: Sequence[pd.Series], thousands: str) -> NumberFormat:
        """The format where the mark of thousands is known."""
        if thousands in (".", ","):
            return NumberFormat("," if thousands == "." else ".", thousands)
        marks = GROUP_MARKS.get(thousands, thousands)
        plain = [column.str.replace(f"[{marks}]", "", regex=True) for column in columns]
        return NumberFormat(
            find_number_format(plain, self.separator, str(self.path), self.hint).decimal, thousands
        )

    def numbers(self, name: str, key: str) -> Float[np.ndarray, " N"]:
        """One column as numbers, NaN where a value is missing.

        Raises:
            UserError: a cell is neither a number nor a missing value; the sentence names its line.
        """
        column = self.column(name, key)
        if self.is_text(name, key):
            text = with_minus(self.text(name, key))
            present = self._present(text)
            plain, symbol = without_symbol(text, present)
            if symbol:
                self.notes.append(f"{name} in {symbol}")
            values = to_numbers(plain, self.form).to_numpy(np.float64, copy=True)
            bad = np.isnan(values) & present.to_numpy()
            values[~present.to_numpy()] = np.nan
        elif pd.api.types.is_datetime64_any_dtype(column):
            values, bad = np.full(len(column), np.nan), np.ones(len(column), bool)
        else:
            values = column.to_numpy(np.float64, na_value=np.nan)
            bad = np.zeros(len(column), bool)
        bad = bad | np.isinf(values)
        if bad.any():
            raise UserError(self._bad_cell(name, key, int(bad.argmax()), bad))
        values = np.where(np.isin(values, self.missing), np.nan, values)
        large = np.abs(values) > LARGEST
        if large.any():
            row = int(large.argmax())
            raise UserError(
                f"{self.path}, {self.line(row)}, column {name}: {values[row]:g} is beyond {LARGEST:g}, too large to "
                "train on; give it in another unit, or list it in data.missing if it stands for a missing value"
            )
        self._note_sentinel(name, values)
        return values

    def _note_sentinel(self, name: str, values: np.ndarray) -> None:
        present = np.unique(values[~np.isnan(values)])
        if (
            len(present) > 2
            and present[0] in SENTINELS
            and present[1] - present[0] > present[-1] - present[1]
        ):
            count = int((values == present[0]).sum())
            self.notes.append(
                f"{name} is {present[0]:g} in {count} rows (set data.missing={present[0]:g} if that stands for a "
                "missing value)"
            )

    def _bad_cell(self, name: str, key: str, row: int, bad: np.ndarray) -> str:
        shown = str(self.cells[name].iloc[row])
        place = f"{self.path}, {self.line(row)}, column {name}: {shown!r} is no number"
        if bad.mean() > 0.5 and (times := self._time_columns(name)):
            return f"{place}; if the column holds times, set data.time={times}, or else leave it out of {key}"
        if re.fullmatch(r"[+-]?(inf|infinity|\d[\d.]*[eE][+]?\d+)", shown.strip(), re.IGNORECASE):
            return f"{place} that is finite; list it in data.missing if it stands for a missing value"
        if re.fullmatch(r"[+-]?\d[\d.,' \u00a0\u202f]*\d", shown):
            return f"{place} with the decimal mark {self.form.decimal}; set data.decimal and data.thousands"
        if bad.mean() > 0.5 and re.search(r"\d", shown):
            return (
                f"{place}; write numbers alone, with a minus sign before them and without a unit, or leave the column "
                f"out of {key}"
            )
        if bad.mean() > 0.5:
            series = (
                f"set data.id={name} if it names the series of a row, or else "
                if key == "data.values"
                else ""
            )
            return f"{place}; the column holds text: {series}leave it out of {key}"
        return f"{place}; put it right, or see {self.place_hint(row, bad)}data.decimal, data.separator and data.missing"

    def _time_columns(self, name: str) -> str:
        """The value of `data.time` for a column of dates or of times of day; "" where it looks like neither.

        A date without a time of day and a time of day are one time together, where the table has one of each.
        """
        first = {column: str(self.cells[column].iloc[0]).strip() for column in self.columns}
        dates = [column for column, cell in first.items() if _DATE.fullmatch(cell)]
        clocks = [column for column, cell in first.items() if _TIME_OF_DAY.fullmatch(cell)]
        if name in (*dates, *clocks) and dates and clocks:
            return f"[{dates[0]},{clocks[0]}]"
        return name if _DATE.match(first[name]) else ""

    def place_hint(self, row: int, bad: np.ndarray) -> str:
        """The settings that pass over the lines at the beginning or the end, where only those are wrong."""
        if self.is_parquet or len(bad) < 4:
            return ""
        if row < 3 and not bad[3:].any():
            return f"data.units_rows={int(np.flatnonzero(bad)[-1]) + 1} if the lines below the header hold units, "
        if row >= len(bad) - 3:
            return f"data.skip_footer={len(bad) - row} if the last lines are a footer, "
        return ""

    def line(self, row: int) -> str:
        """The place of a row in the file, such as `line 5`."""
        return row_label(self.cells.index, row)


def row_label(index: pd.Index, row: int) -> str:
    """The place of a row in its file: `line 5` of a CSV file, `row 4` of a Parquet file."""
    return f"{index.name or 'row'} {index[row]}"


def _known_encoding(encoding: str | None) -> str | None:
    """The encoding, if Python knows it as one of text."""
    if encoding is None:
        return None
    try:
        if not codecs.lookup(encoding)._is_text_encoding:
            raise LookupError
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"data.encoding={encoding} is not known; write for example utf-8, cp1252, latin-1 or utf-16"
        ) from error
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _kept_lines(
    lines: list[str], skip_rows: int, units_rows: int, skip_footer: int, comment: str | None
) -> list[int]:
    """The places of the lines that hold the header and the rows."""
    kept = range(skip_rows, len(lines))
    if comment:
        kept = [place for place in kept if not lines[place].startswith(comment)]
    kept = list(kept)
    while kept and not lines[kept[0]].strip():
        kept = kept[1:]
    if skip_footer:
        for _ in range(skip_footer):
            while kept and not lines[kept[-1]].strip():
                kept.pop()
            if kept:
                kept.pop()
    return kept[:1] + kept[1 + units_rows :]


def _counts_rows(column: pd.Series) -> bool:
    """Whether a column holds 0, 1, 2, … or 1, 2, 3, …"""
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    return bool(
        len(values) > 2 and values[0] in (0, 1) and (values == np.arange(len(values)) + values[0]).all()
    )
