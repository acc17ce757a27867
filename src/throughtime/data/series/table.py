"""Table of numbers: CSV or Parquet, with errors that name file, line and column."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from throughtime.errors import UserError

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})
"""What stands for a missing value in any column, in lower case."""

SEPARATORS = (",", ";", "\t", "|")
NO_SEPARATOR = "\x1f"
"""A character that no table has, so that a line is read whole."""


class Table:
    """A CSV file (plain or packed: .gz, .bz2, .xz, .zip) or a Parquet file.

    Args:
        path: the file.
        separator: between two cells; None for that of `SEPARATORS` which the header has most of.
        decimal: the decimal mark, a point or a comma.
        missing: numbers that stand for a missing value.

    Raises:
        UserError: the file is absent, unreadable or has no rows.
    """

    def __init__(
        self,
        path: Path,
        separator: str | None = None,
        decimal: str = ".",
        missing: Sequence[float | int] = (),
    ) -> None:
        self.path = path
        self.decimal = decimal
        self.missing = tuple(missing)
        if not path.is_file():
            raise UserError(f"data.path={path}: there is no such file")
        self.is_parquet = path.suffix.lower() in (".parquet", ".pq")
        self.cells = self._read_parquet() if self.is_parquet else self._read_csv(separator)
        if self.cells.empty:
            raise UserError(f"{path} has no rows below its header")

    def _read_parquet(self) -> pd.DataFrame:
        try:
            return pd.read_parquet(self.path)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path} is not a Parquet file that can be read ({error})") from error

    def _read_csv(self, separator: str | None) -> pd.DataFrame:
        try:
            if separator is None:
                header = str(
                    pd.read_csv(self.path, sep=NO_SEPARATOR, nrows=0, encoding="utf-8-sig").columns[0]
                )
                separator = max(SEPARATORS, key=header.count)
            frame = pd.read_csv(
                self.path,
                sep=separator,
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
                encoding="utf-8-sig",
            )
        except pd.errors.EmptyDataError as error:
            raise UserError(f"{self.path} is empty") from error
        except (pd.errors.ParserError, UnicodeDecodeError, ValueError, OSError) as error:
            raise UserError(f"{self.path} cannot be read as a table ({str(error).strip()})") from error
        frame.columns = [str(name).strip() for name in frame.columns]
        return frame.fillna("")

    @property
    def columns(self) -> list[str]:
        """The names of all columns."""
        return [str(name) for name in self.cells.columns]

    def column(self, name: str, key: str) -> pd.Series:
        """One column as it stands; `key` is the setting that asked for it.

        Raises:
            UserError: there is no such column.
        """
        if name not in self.cells.columns:
            raise UserError(
                f"{self.path} has no column {name!r}, which {key} asks for; it has {', '.join(self.columns)}"
            )
        return self.cells[name]

    def numbers(self, name: str, key: str) -> Float[np.ndarray, " N"]:
        """One column as numbers, NaN where a value is missing.

        Raises:
            UserError: a cell is neither a number nor a missing value; the sentence names its line.
        """
        column = self.column(name, key)
        if self.is_parquet:
            text = None
            values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
            bad = np.isnan(values) & column.notna().to_numpy()
        else:
            text = column.str.strip()
            marked = text.str.replace(",", ".", regex=False) if self.decimal == "," else text
            values = pd.to_numeric(marked, errors="coerce").to_numpy(np.float64)
            bad = np.isnan(values) & ~text.str.lower().isin(MISSING_WORDS).to_numpy()
        bad = bad | np.isinf(values)
        if bad.any():
            raise UserError(self._bad_cell(name, key, int(bad.argmax()), bool(bad.mean() > 0.5)))
        return np.where(np.isin(values, self.missing), np.nan, values)

    def _bad_cell(self, name: str, key: str, row: int, mostly: bool) -> str:
        place = f"{self.path}, line {self.line(row)}, column {name}: {str(self.cells[name].iloc[row])!r} is no number"
        if mostly:
            return f"{place}; the column holds text, so leave it out of {key}"
        return f"{place}; put it right, or see data.decimal, data.separator and data.missing"

    @staticmethod
    def line(row: int) -> int:
        """The line of a row in the file; the header is line 1."""
        return row + 2
