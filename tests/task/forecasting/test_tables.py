"""The tables of a test hold its measures, a row for each step and for each series that was measured."""

import lightning.pytorch as pl
import pandas as pd
import torch

from throughtime.task.forecasting.metrics import ForecastMetrics
from throughtime.task.forecasting.tables import ForecastTables


def test_series_that_were_not_measured_have_no_row(tmp_path):
    measures = ForecastMetrics(2, torch.ones(3), torch.ones(3))
    measures.update(torch.tensor([[1]]), torch.zeros(2, 1, 1), torch.tensor([1.0, 3.0])[:, None, None])
    artifacts = {"scaler": {"names": ["a", "b"]}, "channels": ["value"]}
    task = pl.LightningModule()
    task.measured, task.artifacts = {"test": measures}, artifacts
    trainer = pl.Trainer(
        default_root_dir=tmp_path, logger=False, enable_checkpointing=False, accelerator="cpu"
    )
    ForecastTables().on_test_end(trainer, task)
    series = pd.read_csv(tmp_path / "test_series.csv")
    assert series["series"].tolist() == ["b"] and series["mae"].tolist() == [2]
    assert pd.read_csv(tmp_path / "test_steps.csv")["mae"].tolist() == [1, 3]
