"""Time series with a class each, from files of the UCR and UEA archives or long tables, or from sets of sktime."""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from throughtime.data.labelled.sequences import SequenceSet, SequenceSource
from throughtime.data.paths import find_files
from throughtime.data.series.framing import Framing
from throughtime.data.series.labelled_formats import (
    FORMATS,
    Case,
    Columns,
    read_long_table,
    read_ts,
    read_tsv,
)
from throughtime.errors import UserError, check_choice

SETS = (
    "JapaneseVowels",
    "ItalyPowerDemand",
    "GunPoint",
    "ArrowHead",
    "OSULeaf",
    "ACSF1",
    "BasicMotions",
)
"""Sets of the UCR and UEA archives that sktime ships; the first is the default."""

PARTS = {"_train": "train", "_test": "test"}
"""The part that the end of a file's name means, in lower case."""


class LabelledSeries(SequenceSource):
    """Time series of one or several channels, each with a class.

    A file is .ts or .tsv of the UCR and UEA archives, or a long table (CSV, Parquet). Two files `X_TRAIN` and `X_TEST`
    of a folder or of a glob are a usual split. Missing values are interpolated linearly within their channel.

    Args:
        frame, hop, differences: how a series becomes a sequence (`Framing`).
        id, time, label, channels: the columns of long tables (`Columns`).
        missing: `interpolate`, or `error` to refuse missing values.

    Attributes:
        framing: how a series becomes a sequence.
    """

    def __init__(
        self,
        frame: int = 1,
        hop: int = 1,
        differences: bool = False,
        id: str | None = None,
        time: str | None = None,
        label: str | None = None,
        channels: Sequence[str] | None = None,
        missing: str = "interpolate",
    ) -> None:
        check_choice(("interpolate", "error"), **{"data.source.missing": missing})
        self.framing = Framing(frame, hop, differences)
        self.columns = Columns(id, time, label, None, None if channels is None else tuple(channels))
        self.missing = missing
        self.name = SETS[0]

    def choose(self, name: str) -> None:
        check_choice(SETS, **{"data.name": name})
        self.name = name

    def group_by(self, key: str) -> None:
        """Take a column of a long table as the group of each series."""
        self.columns = self.columns._replace(group=key)

    def shipped(self) -> SequenceSet:
        """The chosen set of those that sktime ships.

        Raises:
            UserError: sktime is not installed.
        """
        package = find_spec("sktime")  # the package itself takes seconds to import
        if package is None or not package.submodule_search_locations:
            raise UserError(
                f"data.name={self.name} is read from sktime, which is not installed; install sktime>=1.2,<1.3"
            )
        folder = Path(package.submodule_search_locations[0], "datasets", "data", self.name)
        files = [folder / f"{self.name}_{part}.ts" for part in ("TRAIN", "TEST")]
        return self._set(files, f"{self.name} (sktime)", labelled=True)

    def read(self, path: str) -> SequenceSet:
        return self._set(_series_files(path, "data.path"), path, labelled=True)

    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        files = [file for path in paths for file in _series_files(str(path), "FILE")]
        return self._set(list(dict.fromkeys(files)), ", ".join(map(str, paths)), labelled=False)

    def series(self, sequence: Float[np.ndarray, "T F"]) -> Float[np.ndarray, "n C"]:
        return self.framing.series(sequence)

    def state(self) -> dict[str, Any]:
        columns = self.columns
        return {
            "frame": self.framing.size,
            "hop": self.framing.hop,
            "differences": self.framing.differences,
            "id": columns.id,
            "time": columns.time,
            "label": columns.label,
            "channels": None if columns.channels is None else list(columns.channels),
            "missing": self.missing,
        }

    def _set(self, files: Sequence[Path], path: str, labelled: bool) -> SequenceSet:
        """The series of some files of one kind."""
        cases: list[Case] = []
        parts: list[str] = []
        names: tuple[str, ...] | None = None
        for file in files:
            named, found = self._read(file, labelled)
            for case in found:
                own = named or tuple(f"x{number + 1}" for number in range(case.values.shape[1]))
                names = names or own
                if own != names:
                    raise UserError(
                        f"{case.place} has {_channels(own)}, but {cases[0].place if cases else 'the first'} has "
                        f"{_channels(names)}"
                    )
                cases.append(case)
                parts.append(_part(file))
        filled = sum(int(np.isnan(case.values).sum()) for case in cases)
        values = [self._filled(case, names) for case in cases]
        groups = [case.group for case in cases]
        told = f", {filled:,} missing value{'s' * (filled != 1)} interpolated" if filled else ""
        return SequenceSet(
            sequences=[self.framing.sequence(series) for series in values],
            labels=[case.label for case in cases],
            names=[case.name for case in cases],
            groups=groups if all(group is not None for group in groups) else None,
            split=parts if set(parts) == {"train", "test"} else None,
            channels=self.framing.channels(names),
            description=f"time series ({path}{told})",
        )

    def _read(self, file: Path, labelled: bool) -> tuple[tuple[str, ...] | None, Iterable[Case]]:
        """The names of the channels, where the file has them, and the series of one file."""
        name = file.name.lower()
        if name.endswith(".ts"):
            return None, read_ts(file, labelled)
        if name.endswith(".tsv"):
            return None, read_tsv(file)
        if name.endswith(FORMATS):
            return read_long_table(file, self.columns, labelled)
        raise UserError(f"{file} is no file of series that is known; give {', '.join(FORMATS)}")

    def _filled(self, case: Case, names: tuple[str, ...]) -> Float[np.ndarray, "n C"]:
        """The values of a series, with the missing ones interpolated; at the ends, the nearest one."""
        absent = np.isnan(case.values)
        if not absent.any():
            return case.values
        if self.missing == "error":
            step, channel = np.argwhere(absent)[0]
            raise UserError(
                f"{case.place}: {names[channel]} at step {step + 1} is missing; give a number, or set "
                "data.source.missing=interpolate"
            )
        steps = np.arange(len(absent))
        values = case.values.copy()
        for channel, gaps in enumerate(absent.T):
            if gaps.all():
                raise UserError(
                    f"{case.place}: all values of {names[channel]} are missing; leave the series or the channel out"
                )
            values[gaps, channel] = np.interp(steps[gaps], steps[~gaps], values[~gaps, channel])
        return values


def _series_files(path: str, key: str) -> list[Path]:
    """The files of a path: one, or several of one format and of one set.

    Raises:
        UserError: there is none, or there are files of two sets.
    """
    files = find_files(path, key, "series file")
    if Path(path).expanduser().is_file():
        return files
    for kind in FORMATS:
        own = [file for file in files if file.name.lower().endswith(kind)]
        if own:
            break
    else:
        raise UserError(f"{key}={path} holds no file of series; give {', '.join(FORMATS)}")
    halves = [file for file in own if _part(file)]
    seen: dict[str, Path] = {}
    for file in halves:
        other = seen.setdefault(file.name.lower(), file)
        if other != file:
            raise UserError(
                f"{other} and {file} have one name, and both are the {_part(file)} part; name one of them"
            )
    sets = sorted({file.with_suffix("").name.rsplit("_", 1)[0] for file in halves})
    if len(sets) > 1 or (halves and len(halves) < len(own)):
        listed = ", ".join(sets + [file.name for file in own if not _part(file)][:3])
        raise UserError(f"{key}={path} holds several sets: {listed}; name one of them")
    return own


def _part(file: Path) -> str:
    """`train` or `test`, where the name of a file ends so; else ""."""
    stem = file.name.lower().split(".")[0]
    return next((part for end, part in PARTS.items() if stem.endswith(end)), "")


def _channels(names: tuple[str, ...]) -> str:
    return f"{len(names)} channel{'s' * (len(names) != 1)} ({', '.join(names[:6])}{', …' * (len(names) > 6)})"
