"""The test's measures as CSV files: for each step ahead, and for each series."""

from pathlib import Path

import lightning.pytorch as pl
import pandas as pd
from lightning.pytorch import Callback


class ForecastTables(Callback):
    """Writes `test_steps.csv` and `test_series.csv` into the run's folder."""

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        measures = pl_module.measured["test"]
        if not trainer.is_global_zero or not measures.sums:
            return
        folder = Path(trainer.default_root_dir)
        steps = pd.DataFrame(measures.by_step())
        steps.insert(0, "step", range(1, len(steps) + 1))
        steps.to_csv(folder / "test_steps.csv", index=False, float_format="%.8g")
        names = [*pl_module.artifacts["scaler"]["names"], "(other series)"]
        rows = pd.DataFrame(measures.by_series())
        rows.insert(0, "series", [name for name in names for _ in pl_module.artifacts["channels"]])
        rows.insert(1, "channel", [channel for _ in names for channel in pl_module.artifacts["channels"]])
        rows.dropna(subset="mae").to_csv(folder / "test_series.csv", index=False, float_format="%.8g")
