"""`SeriesData`: series for forecasting, split by time, scaled, as windows or as lanes."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Integer

from throughtime.data.base import DataModule
from throughtime.data.series.autoregression import (
    Origins,
    candidate_orders,
    choose_order,
    fit_autoregression,
    seasonal_scale,
)
from throughtime.data.series.calendar import with_calendar
from throughtime.data.series.lanes import SeriesLanes
from throughtime.data.series.scaler import Scaler, fit_scaler, scaler_from_state
from throughtime.data.series.series import SeriesSet
from throughtime.data.series.split import check_series_split, split_spans
from throughtime.data.series.store import NORMALISATIONS, SeriesStore
from throughtime.data.series.windows import Windows, window_pairs
from throughtime.errors import UserError, check_choice, check_positive, check_seed

LOADERS = ("windows", "lanes")

MOST_ORIGINS = 1024
"""Validation windows, evenly spaced, by which the order of the linear baseline is chosen."""


class SeriesData(DataModule):
    """Series for forecasting the next S steps from the T steps before them.

    The scaler, the baselines and MASE's scale are fitted on the training part alone. The histories of validation and
    test windows reach into the part before theirs, as those of a forecast made at that time would.

    Args:
        source: reads or generates the series.
        look_back: T, the steps that a forecast looks back.
        horizon: S, the steps that it looks ahead.
        split: three fractions of the time, or three numbers of steps: training, validation, test.
        joint: whether the channels of a series are forecast together; else each is a series of its own.
        seasons: the lengths of the seasons in steps, the one that MASE is scaled by first; () for none.
        calendar: what the calendar adds to the inputs, of `throughtime.data.series.calendar.CYCLES`.
        scaler: of the series, `standard`, `mean` or `none`.
        normalisation: of each window in addition, `none`, `last`, `mean`, `standard` or `seasonal`
            (the longest season).
        loading: `windows`, or `lanes` to train one step ahead on long streams with carried state.
        chunk_length: the steps of a chunk of lanes (k1).
        stride: the steps between the origins of two training windows.
        batch_size: B, of training; eval_batch_size: of the other splits, where no metric depends on it.
        autoregression_order: of the linear baseline, which may look back further than the model; None to choose the
            order by the mean absolute error on the validation part.
        seed: of the order of windows.
    """

    kind: ClassVar[str] = "series"
    unit: ClassVar[str] = "points"

    def __init__(
        self,
        source: Callable[[], SeriesSet],
        look_back: int,
        horizon: int,
        split: Sequence[float | int] = (0.7, 0.1, 0.2),
        joint: bool = False,
        seasons: Sequence[int] = (),
        calendar: Sequence[str] = (),
        scaler: str = "standard",
        normalisation: str = "none",
        loading: str = "windows",
        chunk_length: int = 64,
        stride: int = 1,
        batch_size: int = 64,
        eval_batch_size: int = 256,
        autoregression_order: int | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__()
        sizes = {"look_back": look_back, "horizon": horizon, "chunk_length": chunk_length, "stride": stride}
        sizes |= {"batch_size": batch_size, "eval_batch_size": eval_batch_size}
        sizes |= {"autoregression_order": 1 if autoregression_order is None else autoregression_order}
        sizes |= {"seasons": min(seasons, default=1)}
        check_positive(**{f"data.{name}": size for name, size in sizes.items()})
        check_choice(LOADERS, **{"data.loading": loading})
        check_choice(NORMALISATIONS, **{"data.normalisation": normalisation})
        if loading == "lanes" and normalisation != "none":
            raise UserError(
                "data.loading=lanes needs data.normalisation=none: a stream has no window to normalise by"
            )
        if normalisation == "seasonal" and not seasons:
            raise UserError("data.normalisation=seasonal needs data.seasons, such as [24] for a day of hours")
        self.source = source
        self.look_back, self.horizon = look_back, horizon
        self.split = check_series_split(split)
        self.joint, self.seasons, self.calendar = joint, tuple(seasons), tuple(calendar)
        self.scaler_kind, self.normalisation = scaler, normalisation
        self.loading, self.chunk_length, self.stride = loading, chunk_length, stride
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.autoregression_order = autoregression_order
        self.seed = check_seed(seed)
        self.series: SeriesSet | None = None
        self._fitted: dict[str, Any] | None = None
        self._train: Windows | SeriesLanes | None = None

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take what another run fitted, so that `setup` fits no scaler."""
        self._fitted = artifacts

    def setup(self, stage: str | None = None) -> None:
        """Read, split, scale and cut into windows; called for every stage, done once."""
        if self.series is not None:
            return
        read = self.source()
        self._check_step(read)
        self._columns = {"values": read.channels, "known": read.known_names, "past": read.past_names}
        series = with_calendar(self._named(read) if self.joint else read.separate(), self.calendar)
        self.spans = [split_spans(len(one), self.split) for one in series]
        self.scaler = self._scaler(series)
        trained = [one.values[slice(*span["train"])] for one, span in zip(series, self.spans, strict=True)]
        gaps = any(bool(np.isnan(values).any()) for values in trained)
        self.indicator = gaps if self._fitted is None else self._fitted["indicator"]
        self.store = SeriesStore(series, self.scaler, self.indicator)
        self.windows = {
            name: window_pairs(
                self.store,
                [span[name] for span in self.spans],
                self.look_back,
                self.horizon,
                self.stride if name == "train" else 1,
            )
            for name in ("train", "val", "test")
        }
        if not len(self.windows["train"]):
            longest = max(len(values) for values in trained)
            raise UserError(
                f"{read.description}: no training window has an observed target; the longest training part has "
                f"{longest} steps, and data.horizon={self.horizon} needs {self.horizon + 1}; give longer series, a "
                "larger fraction in data.split or a shorter data.horizon"
            )
        self._check_seasons(max(len(values) for values in trained))
        self.series = series
        self._train = self._training(trained)

    def _check_step(self, read: SeriesSet) -> None:
        """Raise `UserError` where other data than those of training have another step, wherever it is anchored."""
        trained, found = (self._fitted or {}).get("frequency"), read.frequency
        if trained and found and _step_of(trained) != _step_of(found):
            raise UserError(
                f"{read.description}: its steps are of {found}, and the model was trained on steps of {trained}; give "
                "series of that step, or set data.frequency where it was found out wrongly"
            )

    def _named(self, series: SeriesSet) -> SeriesSet:
        """The series under their names in training, where the data have no column of names."""
        if self._fitted is None or self._fitted["reading"].get("id"):
            return series
        return series.identified(self._fitted["scaler"]["names"])

    def _scaler(self, series: SeriesSet) -> Scaler:
        if self._fitted is None:
            return fit_scaler(series, self.spans, self.scaler_kind)
        scaler = scaler_from_state(self._fitted["scaler"])
        scaler.check_names(series)
        return scaler

    def _training(self, trained: list[np.ndarray]) -> Windows | SeriesLanes:
        if self.loading == "lanes":
            spans = [span["train"] for span in self.spans]
            return SeriesLanes(self.store, spans, self.batch_size, self.chunk_length, seed=self.seed)
        return self.windows_of(self.windows["train"], self.batch_size, shuffle=True)

    def loader(self, split: str) -> Windows | SeriesLanes | None:
        """The batches of a split: of training always the same object; None where a split has no window."""
        if split == "train":
            return self._train
        pairs = self.windows[split]
        return self.windows_of(pairs, self.eval_batch_size) if len(pairs) else None

    def windows_of(
        self,
        pairs: Integer[np.ndarray, "n 2"],
        batch_size: int,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> Windows:
        """Any windows in batches, by series and origin."""
        seed = self.seed if seed is None else seed
        level = (self.normalisation, self.season)
        return Windows(self.store, pairs, self.look_back, self.horizon, batch_size, *level, shuffle, seed)

    def _check_seasons(self, longest: int) -> None:
        """Raise `UserError` where a season does not fit into the longest training part, unless it was fitted before."""
        if self._fitted is None and self.season >= longest and self.seasons:
            raise UserError(
                f"data.seasons={list(self.seasons)}: a season of {self.season:,} steps does not fit into the longest "
                f"training part, which has {longest:,}; leave it out, or give a longer series"
            )

    @property
    def season(self) -> int:
        """The longest season, in steps."""
        return max(self.seasons, default=1)

    def artifacts(self) -> dict[str, Any]:
        """Sizes, scaler, baselines and reading arguments, in plain containers."""
        channels = len(self.series.channels)
        history = self.store.history.shape[1]
        return {
            "input_sizes": {
                "channels": channels,
                "history_size": history,
                "known_size": len(self.series.known_names),
                "horizon": self.horizon,
                "look_back": self.look_back,
                "series_count": len(self.series),
            },
            "output_sizes": {"channels": channels},
            "scaler": self.scaler.state_dict(),
            "indicator": self.indicator,
            "fractional": self._fractional(),
            "loading": self.loading,
            "normalisation": self.normalisation,
            "joint": self.joint,
            "seasons": list(self.seasons),
            "season": self.season,
            "calendar": list(self.calendar),
            "channels": list(self.series.channels),
            "frequency": self.series.frequency,
            "reading": self._reading(),
            "mase_scale": self._by_channel(partial(seasonal_scale, season=(*self.seasons, 1)[0])),
            "autoregression": self._autoregression(),
        }

    def _autoregression(self) -> torch.Tensor:
        """The coefficients of each series and channel, `[n, C, P]`: those of training, where it was fitted there."""
        if self._fitted is not None:
            return self._fitted["autoregression"]
        order = self.autoregression_order or self._chosen_order() or self.look_back
        return self._by_channel(partial(fit_autoregression, order=order))

    def _chosen_order(self) -> int | None:
        """The order that forecasts the validation part best; None where there is none."""
        channels = range(len(self.series.channels))
        trained = [
            series.values[slice(*span["train"]), channel]
            for series, span in zip(self.series, self.spans, strict=True)
            for channel in channels
        ]
        origins = [
            self._validation_origins(place, channel)
            for place in range(len(self.series))
            for channel in channels
        ]
        other = {season + steps for season in self.seasons for steps in (0, self.horizon)}
        candidates = candidate_orders([len(values) for values in trained], (self.look_back, *other))
        return choose_order(trained, origins, candidates)

    def _validation_origins(self, place: int, channel: int) -> Origins:
        """The forecasts of a channel of a series from the origins of the validation part."""
        pairs = self.windows["val"]
        pairs = pairs[:: -(-len(pairs) // MOST_ORIGINS) or 1]
        origins = pairs[pairs[:, 0] == place, 1]
        ahead = origins[:, None] + np.arange(self.horizon)

        def history(steps: int) -> Float[np.ndarray, "B T"]:
            return self.store.history_before(np.full_like(origins, place), origins, steps)[..., channel].T

        targets = self.series.series[place].values[ahead, channel]
        return Origins(history, targets, float(self.store.scale[place, channel]))

    def _reading(self) -> dict[str, Any]:
        """The arguments that read a file of further history as the training data were read."""
        names = {use: list(columns) for use, columns in self._columns.items()}
        return {
            "time": "time" if self.series.frequency else None,
            "frequency": self.series.frequency,
            **names,
        }

    def _fractional(self) -> dict[str, Any] | None:
        """The number of observed training values that are not whole, and the first of them; None without any."""
        trained = (
            one.values[slice(*span["train"])] for one, span in zip(self.series, self.spans, strict=True)
        )
        found = [values[~np.isnan(values) & (values != np.round(values))] for values in trained]
        count = sum(len(values) for values in found)
        if not count:
            return None
        return {"count": count, "example": float(next(values[0] for values in found if len(values)))}

    def _by_channel(self, fit: Callable[[np.ndarray], np.ndarray | float]) -> torch.Tensor:
        """`fit` applied to the training values of each series and channel, `[n, C, ...]`."""
        rows = [
            [
                fit(series.values[slice(*span["train"]), channel])
                for channel in range(len(self.series.channels))
            ]
            for series, span in zip(self.series, self.spans, strict=True)
        ]
        return torch.from_numpy(np.array(rows))

    def describe(self) -> str:
        """The origin and the number of the series, and how they were read."""
        skipped = sum(series not in self.windows["train"][:, 0] for series in range(len(self.series)))
        short = f", {skipped} too short to train on" if skipped else ""
        return "; ".join((f"{self.series.description}, {len(self.series)} series{short}", *self.series.notes))

    @property
    def sizes(self) -> dict[str, int]:
        """The windows of each split."""
        return {name: len(pairs) for name, pairs in self.windows.items()}

    def fingerprint(self) -> dict[str, Any]:
        """Origin, series, channels, steps, missing values and windows."""
        return {
            "description": self.series.description,
            "series": len(self.series),
            "channels": list(self.series.channels),
            "steps": int(self.store.lengths.sum()),
            "missing": int((~self.store.observed).sum()),
            "windows": self.sizes,
            "split": list(self.split),
            **self.series.source,
        }


def _step_of(frequency: str) -> str:
    """A frequency without its anchor: months are months, whether they begin on the 1st or the 15th."""
    return re.sub(r"^(\d*)B?([MQY])[SE]?$", r"\1\2", frequency.partition("-")[0])
