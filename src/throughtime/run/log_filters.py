"""Filters of the messages and warnings that the libraries below a run print."""

import logging
import warnings


def filter_logs() -> None:
    """Silence Lightning's advertisements, and warnings that are no concern of a user of this framework."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("alembic", "mlflow"):  # the creation of MLflow's database
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        r".*You defined a `validation_step` but have no `val_dataloader`.*",
        r".*does not have many workers.*",  # chunks are cut from memory-mapped ids; workers would only copy them
        r".*Checkpoint directory .* exists and is not empty.*",
        r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
        r".*The number of training batches .* is smaller than the logging interval.*",
        r".*Encountered `nan` values in tensor.*",  # the loss of a diverging run, which callbacks report
        r".*is a subclass of `torch.utils.data.IterableDataset`.*",
        r".*You have overridden `on_before_batch_transfer` in `LightningModule`.*",
        r".*It is recommended to use `self.log\(.*sync_dist=True.*",  # tasks log what is of all ranks already
        r".*Total length of `list` across ranks is zero.*",  # a split of fraction 0 is meant to be empty
        r".*You have overridden `on_before_batch_transfer`.*",  # a rank takes its lanes there, of any data's batch
    ):
        warnings.filterwarnings("ignore", message)
