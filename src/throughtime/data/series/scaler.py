"""Scaler of series, fitted on the training part."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from throughtime.data.series.series import Series, SeriesSet
from throughtime.data.series.split import StepRange
from throughtime.errors import UserError, check_choice

KINDS = ("standard", "mean", "none")


class Scaler:
    """z = (x - location) / scale, for each channel of each series.

    `standard` takes the mean and the standard deviation of the observed training steps, `mean` the location 0 and the
    mean absolute value, `none` leaves the values. Covariates have the mean and deviation of all series together.
    A scale of 0 (a constant) counts as 1.

    Args:
        kind: one of `KINDS`.
        names: the series' names.
        location, scale: `[n, C]`.
        covariates: for `past` and `known`, location and scale of every column, `[2, P]` and `[2, K]`.
    """

    def __init__(
        self,
        kind: str,
        names: tuple[str, ...],
        location: Float[np.ndarray, "n C"],
        scale: Float[np.ndarray, "n C"],
        covariates: Mapping[str, Float[np.ndarray, "2 P"]],
    ) -> None:
        check_choice(KINDS, **{"data.scaler": kind})
        self.kind = kind
        self.names = names
        self.location = location
        self.scale = scale
        self.covariates = dict(covariates)
        self._indices = {name: index for index, name in enumerate(names)}

    def index(self, name: str) -> int:
        """The number of a series; one that training did not have is number n."""
        return self._indices.get(name, len(self.names))

    def location_and_scale_of(
        self, series: Series
    ) -> tuple[Float[np.ndarray, " C"], Float[np.ndarray, " C"]]:
        """Location and scale of a series; one that training did not have is scaled by its own history."""
        index = self.index(series.name)
        if index < len(self.names):
            return self.location[index], self.scale[index]
        return location_and_scale(series.values, self.kind)

    def check_names(self, series_set: SeriesSet) -> None:
        """Raise `UserError` unless these are the series that it was fitted on, in their order."""
        names = tuple(series.name for series in series_set)
        if names != self.names:
            raise UserError(
                f"{series_set.description} has the series {', '.join(names)}, but the model was trained on "
                f"{', '.join(self.names)}; forecast other series with scripts/predict.py"
            )

    def state_dict(self) -> dict[str, Any]:
        """Plain containers and tensors, as a checkpoint holds them."""
        arrays = {"location": self.location, "scale": self.scale, **self.covariates}
        return {"kind": self.kind, "names": list(self.names)} | {
            name: torch.from_numpy(array) for name, array in arrays.items()
        }


def scaler_from_state(state: Mapping[str, Any]) -> Scaler:
    """The inverse of `Scaler.state_dict`."""
    arrays = {name: state[name].cpu().numpy() for name in ("location", "scale", "past", "known")}
    covariates = {name: arrays[name] for name in ("past", "known")}
    return Scaler(state["kind"], tuple(state["names"]), arrays["location"], arrays["scale"], covariates)


def fit_scaler(series_set: SeriesSet, spans: list[dict[str, StepRange]], kind: str) -> Scaler:
    """The scaler of the training steps; `spans` are the splits of each series (`split_spans`)."""
    check_choice(KINDS, **{"data.scaler": kind})
    trained = [slice(*span["train"]) for span in spans]
    pairs = [
        location_and_scale(series.values[steps], kind)
        for series, steps in zip(series_set, trained, strict=True)
    ]
    covariates = {}
    for use in ("past", "known"):
        columns = [getattr(series, use)[steps] for series, steps in zip(series_set, trained, strict=True)]
        covariates[use] = np.stack(location_and_scale(np.concatenate(columns), "standard"))
    return Scaler(
        kind,
        tuple(series.name for series in series_set),
        np.stack([location for location, _ in pairs]),
        np.stack([scale for _, scale in pairs]),
        covariates,
    )


def location_and_scale(
    values: Float[np.ndarray, "N C"], kind: str
) -> tuple[Float[np.ndarray, " C"], Float[np.ndarray, " C"]]:
    """Location and scale of the observed values of each column; 0 and 1 where none is observed."""
    channels = values.shape[1]
    if kind == "none":
        return np.zeros(channels), np.ones(channels)
    observed = ~np.isnan(values)
    count = np.maximum(observed.sum(0), 1)
    known = np.where(observed, values, 0.0)
    location = np.zeros(channels) if kind == "mean" else known.sum(0) / count
    if kind == "mean":
        scale = np.abs(known).sum(0) / count
    else:
        scale = np.sqrt((np.where(observed, values - location, 0.0) ** 2).sum(0) / count)
    return location, np.where(scale > 1e-12 * np.maximum(np.abs(location), 1e-300), scale, 1.0)
