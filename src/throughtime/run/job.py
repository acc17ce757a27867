"""One job of Hydra's: read what the user typed, claim a folder, train, and leave a result whatever happens."""

import logging
import traceback
import warnings
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from throughtime.errors import Interrupted, UserError
from throughtime.run.command_line import tell
from throughtime.run.fit import Run, fit
from throughtime.run.folder import RunFolder


def run_job(config: DictConfig) -> float | None:
    """Train as the composed configuration says; the best value of the monitored metric goes to the sweeper."""
    hydra = HydraConfig.get()
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    folder = RunFolder(Path(hydra.runtime.output_dir))
    quiet()
    run = Run(plain, folder, list(hydra.overrides.task), dict(hydra.runtime.choices))
    try:
        return fit(run).best
    except Interrupted:
        raise
    except Exception as error:
        if folder.config.exists() and not config.resume:
            folder.error.write_text(traceback.format_exc())
        else:
            _remove_if_empty(folder.path)
        if isinstance(error, UserError) and hydra.mode is RunMode.RUN:
            tell(error, str(error), [str(override) for override in hydra.overrides.task])
        raise


def quiet() -> None:
    """Silence Lightning's advertisements and the warnings that tell a user of this framework nothing."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for message in (
        r".*does not have many workers.*",  # chunks are cut from memory-mapped ids; workers would only copy them
        r".*Checkpoint directory .* exists and is not empty.*",
        r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
        r".*The number of training batches .* is smaller than the logging interval.*",
        r".*is a subclass of `torch.utils.data.IterableDataset`.*",
    ):
        warnings.filterwarnings("ignore", message)


def _remove_if_empty(path: Path) -> None:
    """A mistake found before anything was written leaves no folder behind."""
    try:
        path.rmdir()
    except OSError:  # it holds something, or was never made
        return
