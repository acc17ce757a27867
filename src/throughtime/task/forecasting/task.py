"""Forecasting: the next S steps of a series from the T steps before them."""

import argparse
import logging
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.data.window import Window
from throughtime.errors import UserError, check_choice
from throughtime.head.base import Head
from throughtime.head.forecast import ForecastHead
from throughtime.model.forecast.base import Forecaster
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task
from throughtime.task.export_graph import ExportGraph
from throughtime.task.forecasting.adaptation import Adaptation
from throughtime.task.forecasting.backtest import Backtest
from throughtime.task.forecasting.calibration import Calibration
from throughtime.task.forecasting.comparison import Comparison
from throughtime.task.forecasting.metrics import LEVELS, UNITS, ForecastMetrics
from throughtime.task.forecasting.paths import sample_paths

logger = logging.getLogger(__name__)


class Forecast(NamedTuple):
    """Point forecasts and quantiles of each lane, in the data's units; the quantiles are those of `LEVELS`."""

    point: Float[Tensor, "S B C"]
    quantiles: Float[Tensor, "Q S B C"]


class Forecasting(Task):
    """A model of p(x_{t+1} … x_{t+S} | what is known at t), measured by `ForecastMetrics`.

    The validation metrics are those of the model's own intervals, which calibrate the intervals of the test.

    Args:
        artifacts: what the data fitted: scaler, MASE's scale, the linear baseline, names.
        units: of mae, mse, rmse, pinball and crps, `original` or `standardised`.
        paths: the number of sampled futures for the intervals of a model that decodes step by step.
        monitor: the metric that chooses the best checkpoint; the least is the best.
        backtest: forecasts from rolling origins after the test.
        adaptation_rate: with which intervals follow what becomes known from origin to origin (`Adaptation`), 0 for
            intervals of the validation part alone.
    """

    name: ClassVar[str] = "forecasting"
    kind: ClassVar[str] = "series"
    monitor: ClassVar[str] = "val/mae"
    directions: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("mae", "rmse", "mse", "smape", "mase", "pinball", "crps"), "min"
    )

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Optimization | None,
        artifacts: dict[str, Any],
        horizon: int | None = None,
        units: str = "original",
        paths: int = 50,
        monitor: str = "val/mae",
        backtest: Backtest | None = None,
        adaptation_rate: float = 0.0,
    ) -> None:
        super().__init__(model, head, optimization, horizon)
        check_choice(UNITS, **{"task.units": units})
        check_parts(model, head, artifacts)
        self.artifacts, self.units, self.paths = artifacts, units, paths
        self.monitor = monitor
        self.backtest = backtest
        self.calibration = Calibration(LEVELS, artifacts["input_sizes"]["horizon"], adaptation_rate)
        self.adaptation: Adaptation | None = None
        self.measured: dict[str, ForecastMetrics] = {}
        self.comparison: Comparison | None = None
        self._generator = torch.Generator()

    @classmethod
    def add_predict_options(cls, parser: argparse.ArgumentParser) -> None:
        from throughtime.task.forecasting.predict import add_options

        add_options(parser)

    def predict(self, options: argparse.Namespace, config: Mapping[str, Any]) -> None:
        from throughtime.task.forecasting.predict import predict

        predict(self, options.input, options.output, options.horizon, options.future, options.plot)

    def export_graph(self) -> ExportGraph:
        from throughtime.task.forecasting.export_graph import export_graph

        return export_graph(self)

    def forecast(self, window: Window, adapted: Float[Tensor, "pairs S B C"] | None = None) -> Forecast:
        """Point forecasts and calibrated quantiles of a batch of windows.

        Args:
            window: the history.
            adapted: offsets of each lane, in place of those of the validation part.
        """
        features = self.model.forecast(window, self.head.predict)
        quantiles = self.calibration(self._quantiles(window, features), adapted)
        return Forecast(
            window.original(self.head.predict(features)), self.head.in_support(window.original(quantiles))
        )

    def scores(self, window: Window, targets: Float[Tensor, "S B C"]) -> Float[Tensor, "pairs S B C"]:
        """The scores of the model's own intervals (`Calibration.scores`)."""
        features = self.model.forecast(window, self.head.predict)
        return self.calibration.scores(self._quantiles(window, features), targets)

    def setup(self, stage: str) -> None:
        super().setup(stage)
        fractional = self.artifacts.get("fractional")
        if stage == "fit" and self.head.counts and fractional and self.trainer.is_global_zero:
            logger.warning(
                "this head is for counts, but %d of the training values are no whole numbers (such as %g); its loss "
                "takes the nearest whole number for each, so choose another head for such data",
                fractional["count"],
                fractional["example"],
            )

    def measure_on(self, artifacts: dict[str, Any]) -> None:
        self.backtest = None  # its files belong to the run that was trained

    def chunk_loss(self, stage: str, batch: Batch) -> tuple[Tensor, int]:
        window = batch.inputs
        if not isinstance(window, Window):  # a chunk of a stream
            return super().chunk_loss(stage, batch)
        truth = forward_filled(batch) if stage == "train" else None
        features = self.model.forecast(window, self.head.predict, truth)
        if stage != "train":
            self._update_metrics(stage, batch, features)
        return self.head.loss(features, batch.targets, batch.mask, window.scale), batch.count()

    def on_validation_epoch_start(self) -> None:
        super().on_validation_epoch_start()
        self._begin("val")
        self.calibration.forget()

    def on_test_epoch_start(self) -> None:
        super().on_test_epoch_start()
        self._begin("test")
        data = self.trainer.datamodule
        self.comparison = Comparison(self.artifacts, self.new_metrics, None if data is None else data.store)
        self.adaptation = self.calibration.adaptation([] if data is None else self._shown(data))

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        self.calibration.fit()

    def on_test_end(self) -> None:
        wanted = self.backtest is not None and self.trainer.datamodule is not None
        if wanted and self.trainer.is_global_zero:
            self.backtest.run(self, self.trainer.datamodule, self.trainer.default_root_dir)

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        self.measured[stage] = self.measured[stage].over_all_ranks()
        if stage == "test":
            self.comparison.gather()
        return self.measured[stage].overall()

    def summary_table(self) -> str:
        return "" if self.comparison is None else self.comparison.table(self.measured["test"])

    def new_metrics(self) -> ForecastMetrics:
        """Empty metrics; their rows are the channels of each series of training, and of any other series."""
        scale, mase_scale = self.artifacts["scaler"]["scale"], self.artifacts["mase_scale"]
        other = torch.ones_like(scale[:1])
        rows = torch.cat([scale, other]).flatten(), torch.cat([mase_scale, other * torch.nan]).flatten()
        return ForecastMetrics(self.artifacts["input_sizes"]["horizon"], *rows, units=self.units)

    def rows(self, window: Window) -> Int[Tensor, "B C"]:
        """The row of the metrics for each channel of each lane."""
        channels = window.scale.shape[-1]
        return window.series[:, None] * channels + torch.arange(channels, device=window.series.device)

    def _shown(self, data: LightningDataModule) -> list[tuple[int, int]]:
        """The test forecasts that files and figures show, by series and origin."""
        from throughtime.task.forecasting.figures import figure_windows

        chosen = [figure_windows(data.windows["test"])]
        if self.backtest is not None:
            chosen.append(self.backtest.choose(data))
        return [(series, origin) for pairs in chosen for series, origin in pairs.tolist()]

    def adapted(self, pairs: Integer[np.ndarray, "n 2"]) -> Float[Tensor, "pairs S n C"] | None:
        """The offsets that the test gave to forecasts that are shown; None where it has not measured all of them."""
        given = {} if self.adaptation is None else self.adaptation.of
        keys = [(series, origin) for series, origin in pairs.tolist()]
        if not all(key in given for key in keys):
            return None
        return torch.from_numpy(np.stack([given[key] for key in keys], axis=2)).to(self.device)

    def _begin(self, stage: str) -> None:
        self.measured[stage] = self.new_metrics()
        self._generator.manual_seed(0)

    def _update_metrics(self, stage: str, batch: Batch, features: Float[Tensor, "S B H"]) -> None:
        window = batch.inputs
        quantiles = self._quantiles(window, features)
        if stage == "val":
            self.calibration.observe(quantiles, batch.targets, batch.mask)
        else:
            adapted = None
            if self.adaptation is not None:
                scores = self.calibration.scores(quantiles, batch.targets)
                scores = scores if batch.mask is None else scores.masked_fill(~batch.mask, torch.nan)
                adapted = self.adaptation.follow(window.series, window.origin, scores)
            quantiles = self.calibration(quantiles, adapted)
        point, truth = window.original(self.head.predict(features)), window.original(batch.targets)
        intervals = self.head.in_support(window.original(quantiles))
        self.measured[stage].update(self.rows(window), point, truth, batch.mask, intervals)
        if stage == "test":
            self.comparison.update(self.rows(window), window, truth, batch.mask)

    def _quantiles(self, window: Window, features: Float[Tensor, "S B H"]) -> Float[Tensor, "Q S B C"]:
        """The model's own quantiles, in relative units."""
        levels = torch.tensor(LEVELS, device=features.device, dtype=features.dtype)
        if self.model.autoregressive and self.head.spread and self.paths > 1:
            paths = sample_paths(self.model, self.head, window, self.paths, self._generator)
            return torch.stack([path_quantile(paths, level) for level in LEVELS])
        shape = (len(LEVELS), *features.shape[:-1], window.scale.shape[-1])
        probability = levels[:, None, None, None].expand(shape)
        return self.head.quantile(features[None], probability, window.scale)


def path_quantile(paths: Float[Tensor, "N S B C"], level: float) -> Float[Tensor, "S B C"]:
    """A quantile over paths: the nearest order statistic (torch.quantile takes at most 16 million elements)."""
    rank = min(max(round(level * (len(paths) + 1)), 1), len(paths))
    return paths.kthvalue(rank, dim=0).values


def forward_filled(batch: Batch) -> Float[Tensor, "S B C"]:
    """The targets for teacher forcing, each missing one replaced by the last observed value before it."""
    if batch.mask is None:
        return batch.targets
    channels = batch.targets.shape[-1]
    values = torch.cat([batch.inputs.history[-1:, :, :channels], batch.targets])
    observed = torch.cat([torch.ones_like(batch.mask[:1]), batch.mask])
    steps = torch.arange(len(values), device=values.device)[:, None, None]
    last = torch.where(observed, steps, 0).cummax(dim=0).values
    return values.gather(0, last)[1:]


def check_parts(model: nn.Module, head: nn.Module, artifacts: Mapping[str, Any]) -> None:
    """Raise `UserError` where the model, the head and the data do not go together."""
    if not isinstance(model, Forecaster):
        raise UserError("task=forecasting needs model=segments, direct, recursive or encoder_decoder")
    if not isinstance(head, ForecastHead):
        raise UserError(
            "task=forecasting needs head=mse, mae, huber, gaussian, student_t, negative_binomial or quantile"
        )
    if artifacts["loading"] == "lanes" and not hasattr(model, "initial_state"):
        raise UserError(
            "data.loading=lanes trains one step ahead; it needs model=recursive, or set data.loading=windows"
        )
    level = (artifacts["scaler"]["kind"], artifacts["normalisation"], artifacts["loading"])
    if head.counts and level not in (("mean", "none", "windows"), ("none", "none", "windows")):
        raise UserError(
            "head=negative_binomial is for counts, which keep their zero; set data.scaler=mean data.normalisation=none "
            "data.loading=windows"
        )
