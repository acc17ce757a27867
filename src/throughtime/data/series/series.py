"""Series in memory: values with gaps, times and covariates."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from throughtime.data.base import DataPart
from throughtime.errors import UserError


@dataclass(frozen=True)
class Series:
    """One series of C channels at N equally spaced times.

    Attributes:
        name: by which users know it.
        values: what is forecast, `[N, C]`; NaN where it was not observed.
        times: `[N]`, datetime64, or whole numbers where the source has no times.
        past: covariates that are known up to the present only, `[N, P]`.
        known: covariates that are known for the future too, `[N, K]`; static ones are constant columns.
    """

    name: str
    values: Float[np.ndarray, "N C"]
    times: Shaped[np.ndarray, " N"]
    past: Float[np.ndarray, "N P"]
    known: Float[np.ndarray, "N K"]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class SeriesSet:
    """Series of the same channels and covariates, of any lengths.

    Attributes:
        series: the series themselves.
        channels, past_names, known_names: what the columns are called.
        frequency: the step between two times, as pandas writes it; None where there are no times.
        description: where they come from, in a few words.
        source: what identifies them, in plain values.
        time_zone: in which times are shown, which are then in UTC; None where they are as they were written.
        notes: how they were read, for the start message.
    """

    series: tuple[Series, ...]
    channels: tuple[str, ...]
    past_names: tuple[str, ...] = ()
    known_names: tuple[str, ...] = ()
    frequency: str | None = None
    description: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    time_zone: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.series:
            raise UserError(f"{self.description or 'the data'}: there is no series")

    def __iter__(self) -> Iterator[Series]:
        return iter(self.series)

    def __len__(self) -> int:
        return len(self.series)

    def separate(self) -> "SeriesSet":
        """Each channel as a series of its own, so that one model serves them all, channel by channel."""
        if len(self.channels) == 1:
            return self
        parts = []
        for series in self.series:
            for place, channel in enumerate(self.channels):
                name = channel if len(self.series) == 1 else f"{series.name}/{channel}"
                parts.append(replace(series, name=name, values=series.values[:, place : place + 1]))
        return replace(self, series=tuple(parts), channels=("value",))

    def identified(self, names: Sequence[str]) -> "SeriesSet":
        """The only series of data without names of their own, as the only series that a model was trained on.

        Such a series is named after its file, which says nothing about what it is.

        Args:
            names: the series of training, in their order.
        """
        if len(self.series) != 1 or len(names) != 1:
            return self
        return replace(self, series=(replace(self.series[0], name=names[0]),))


def make_series(
    name: str,
    values: Float[np.ndarray, "N C"] | Float[np.ndarray, " N"],
    times: Shaped[np.ndarray, " N"] | None = None,
    known: Float[np.ndarray, "N K"] | None = None,
) -> Series:
    """A series without past covariates; without times it counts its steps from 0."""
    values = (values[:, None] if values.ndim == 1 else values).astype(np.float64)
    times = np.arange(len(values)) if times is None else times
    nothing = np.zeros((len(values), 0))
    return Series(name, values, times, past=nothing, known=nothing if known is None else known)


class SeriesSource(DataPart, ABC):
    """A source of series: reads or generates them when it is called."""

    @abstractmethod
    def __call__(self) -> SeriesSet:
        """Read or generate all series."""
