"""Layout of TensorBoard's CUSTOM SCALARS page."""

import re

import lightning.pytorch as pl
from lightning.pytorch import Callback

from throughtime.callback.logging import log_layout
from throughtime.callback.speed import speed_metric, speed_unit


class Layout(Callback):
    """Arrange the losses in one chart, then the monitored metric, then the optimiser's curves."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        log_layout(trainer, layout(pl_module.monitor, speed_unit(trainer)))


def layout(monitor: str, unit: str) -> dict[str, dict[str, list]]:
    """Charts by category, as `SummaryWriter.add_custom_scalars` takes them; tags are regular expressions.

    Args:
        monitor: the monitored metric.
        unit: of the training speed.
    """
    metric = monitor.partition("/")[2]
    quality = {"loss": _lines("train/loss", "val/loss")}
    if metric != "loss":
        quality[metric] = _lines(monitor, f"test/{metric}")
    optimisation = {
        "learning rate": _lines("optim/lr"),
        "gradient norm before clipping": _lines("gradient/norm"),
        f"{unit} per second": _lines(speed_metric(unit)),
    }
    return {"quality": quality, "optimisation": optimisation}


def _lines(*tags: str) -> list:
    return ["Multiline", [f"^{re.escape(tag)}$" for tag in tags]]
