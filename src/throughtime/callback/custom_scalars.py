"""One TensorBoard page (custom scalars) that tells the story of a run."""

import re

import lightning.pytorch as pl
from lightning.pytorch import Callback

from throughtime.callback.tensorboard import tensorboard_writer


class Layout(Callback):
    """Lays out the losses together, then the monitored measure, then how the optimisation goes."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        writer = tensorboard_writer(trainer)
        if writer is not None:
            writer.add_custom_scalars(layout(pl_module.monitor))


def layout(monitor: str) -> dict[str, dict[str, list]]:
    """Charts by category, as `SummaryWriter.add_custom_scalars` takes them; tags are regular expressions."""
    measure = monitor.partition("/")[2]
    quality = {"loss": _lines("train/loss", "val/loss")}
    if measure != "loss":
        quality[measure] = _lines(monitor, f"test/{measure}")
    optimisation = {
        "learning rate": _lines("optim/lr"),
        "gradient norm before clipping": _lines("gradient/norm"),
        "tokens per second": _lines("speed/tokens_per_second"),
    }
    return {"quality": quality, "optimisation": optimisation}


def _lines(*tags: str) -> list:
    return ["Multiline", [f"^{re.escape(tag)}$" for tag in tags]]
