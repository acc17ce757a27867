"""Calendar features: covariates of the time of day, week and year, known for any future."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from throughtime.data.series.series import SeriesSet
from throughtime.errors import UserError, check_choice

CYCLES: dict[str, Callable[[pd.DatetimeIndex], np.ndarray]] = {
    "minute_of_hour": lambda times: times.minute / 60,
    "time_of_day": lambda times: (times.hour * 60 + times.minute) / 1440,
    "day_of_week": lambda times: times.day_of_week / 7,
    "time_of_week": lambda times: (times.day_of_week * 1440 + times.hour * 60 + times.minute) / 10080,
    "day_of_month": lambda times: (times.day - 1) / 31,
    "month_of_year": lambda times: (times.month - 1) / 12,
    "day_of_year": lambda times: (times.day_of_year - 1) / 366,
}
"""The fraction of a cycle that has passed at a time, in [0, 1)."""


def with_calendar(series_set: SeriesSet, features: Sequence[str]) -> SeriesSet:
    """The same series with a sine and a cosine of each cycle among their known covariates.

    Raises:
        UserError: an unknown feature, or series without times.
    """
    for feature in features:
        check_choice(CYCLES, **{"data.calendar": feature})
    if not features:
        return series_set
    if series_set.frequency is None:
        raise UserError(
            "data.calendar needs times; set data.time to the column that holds them, or data.calendar=[]"
        )
    series = tuple(
        replace(
            one,
            known=np.concatenate(
                [one.known, calendar(local_times(one.times, series_set.time_zone), features)], 1
            ),
        )
        for one in series_set
    )
    names = tuple(f"{feature}_{wave}" for feature in features for wave in ("sin", "cos"))
    return replace(series_set, series=series, known_names=(*series_set.known_names, *names))


def local_times(times: Shaped[np.ndarray, " N"], time_zone: str | None) -> Shaped[np.ndarray, " N"]:
    """Times in UTC as the clock of a time zone shows them; unchanged without one."""
    if time_zone is None:
        return times
    return pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(time_zone).tz_localize(None).to_numpy()


def calendar(times: Shaped[np.ndarray, " N"], features: Sequence[str]) -> Float[np.ndarray, "N K"]:
    """sin and cos of 2π times the passed fraction of each cycle."""
    index = pd.DatetimeIndex(times)
    angles = [2 * np.pi * np.asarray(CYCLES[feature](index), dtype=np.float64) for feature in features]
    return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], 1)
