"""Series that the package pmdarima ships, without a download.

They are read out of the installed files without importing pmdarima, which would load scikit-learn and statsmodels
for a list of numbers.
"""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from throughtime.data.series.series import SeriesSet, SeriesSource, make_series
from throughtime.errors import UserError


class Taylor(SeriesSource):
    """Half-hourly electricity demand in England and Wales, in megawatts: 4,032 points from Monday, 5 June 2000.

    It has a season of a day (48) and one of a week (336). Source: J. W. Taylor (2003), Short-term electricity demand
    forecasting using double seasonal exponential smoothing, Journal of the Operational Research Society 54, 799-805.
    """

    def __call__(self) -> SeriesSet:
        return _series_set(
            "demand", _literal("taylor.py"), "2000-06-05", "30min", "half-hourly electricity demand"
        )


class Sunspots(SeriesSource):
    """Monthly means of the relative numbers of sunspots, January 1749 to December 1983: 2,820 points.

    The cycle lasts about eleven years. Source: D. F. Andrews & A. M. Herzberg (1985), Data, Springer.
    """

    def __call__(self) -> SeriesSet:
        values = np.loadtxt(_folder() / "data" / "sunspots.txt.gz").ravel()
        return _series_set("sunspots", values, "1749-01-01", "MS", "monthly sunspots")


class AirPassengers(SeriesSource):
    """International airline passengers a month, in thousands, 1949 to 1960: 144 points.

    Source: G. E. P. Box & G. M. Jenkins (1976), Time Series Analysis: Forecasting and Control, series G.
    """

    def __call__(self) -> SeriesSet:
        return _series_set(
            "passengers", _literal("airpassengers.py"), "1949-01-01", "MS", "monthly airline passengers"
        )


def _series_set(
    name: str, values: Float[np.ndarray, " N"], start: str, frequency: str, description: str
) -> SeriesSet:
    times = pd.date_range(start, periods=len(values), freq=frequency).to_numpy()
    return SeriesSet(
        (make_series(name, values, times),), (name,), frequency=frequency, description=description
    )


def _folder() -> Path:
    found = importlib.util.find_spec("pmdarima")
    if found is None or found.origin is None:
        raise UserError("this series comes with the package pmdarima, which is not installed")
    return Path(found.origin).parent / "datasets"


def _literal(file: str) -> Float[np.ndarray, " N"]:
    """The longest list of numbers that is written in a module's source."""
    tree = ast.parse((_folder() / file).read_text(encoding="utf-8"))
    lists = [node for node in ast.walk(tree) if isinstance(node, ast.List)]
    longest = max(lists, key=lambda node: len(node.elts))
    return np.array(ast.literal_eval(longest), dtype=np.float64)
