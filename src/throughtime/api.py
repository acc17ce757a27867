"""The commands of train.py from Python: `fit(compose(["task=textgen", "cell=gru"]))`."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from throughtime.cli.command_line import register_resolvers, resume_arguments
from throughtime.cli.rerun import rerun_arguments
from throughtime.config.config_errors import explain, in_one_sentence
from throughtime.config.registry import locate
from throughtime.config.trust import take_word
from throughtime.errors import UserError
from throughtime.run import folder as run_folder

if TYPE_CHECKING:
    from throughtime.run.results import Results

COMPOSED = "_composed_by_throughtime"
"""Beside its content a configuration keeps what was typed, and the choices of its groups, under this name."""


def compose(overrides: Sequence[str] = (), config_dir: str | Path | None = None) -> DictConfig:
    """The configuration that `python train.py` makes of these words, to be looked at, changed and given to `fit`.

    Args:
        overrides: as on the command line: `["task=textgen", "cell=gru", "trainer.max_steps=100"]`; `resume=RUN` and
            `rerun=RUN` too.
        config_dir: the folder conf/; by default that of the checkout in which this package lies.

    Raises:
        UserError: there is no such folder, or a word is none that train.py takes.
    """
    configurations = _configurations(config_dir)
    given = [str(override) for override in overrides]
    register_resolvers()
    given = take_word(given)
    name, words = "config", resume_arguments(rerun_arguments(given, configurations))
    if "--config-name" in words:
        _, name, *words = words
    try:
        with hydra.initialize_config_dir(str(configurations), version_base="1.3"):
            config = hydra.compose(name, words, return_hydra_config=True)
            typed = [word for word in given if not word.startswith("hydra.")]
            composed = OmegaConf.masked_copy(config, "hydra"), typed
            with open_dict(config):
                del config["hydra"]
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, given, configurations)) from error
    vars(config)[COMPOSED] = composed
    return config


def fit(config: DictConfig, folder: str | Path | None = None) -> "Results":
    """Train, test and summarise a run as train.py does, in a folder of its own below runs/.

    Args:
        config: from `compose`, changed as you like.
        folder: where the run goes; by default `runs/<task>/<date_time>-<hex>`, or that of the run to resume.

    Returns:
        What results.json says: status, the best value of the monitored metric, all metrics, the checkpoint.

    Raises:
        UserError: a mistake in the configuration.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the state is saved, and `resume` goes on from it.
    """
    from throughtime.cli.job import train_composed  # only now: this imports torch
    from throughtime.run.log_filters import filter_logs

    filter_logs()
    place = run_folder.RunFolder(Path(folder or config.resume or _new_folder(config)))
    choices, typed = _remembered(config, place)
    try:
        return train_composed(config, place, typed, choices)
    except OmegaConfBaseException as error:
        raise UserError(in_one_sentence(error)) from error


def _configurations(config_dir: str | Path | None) -> Path:
    # src/throughtime/api.py of a checkout, beside which lies conf/
    found = Path(__file__).resolve().parents[2] / "conf" if config_dir is None else Path(config_dir).resolve()
    if not (found / "config.yaml").is_file():
        raise UserError(
            f"{found} holds no config.yaml; name the folder conf/ of a checkout of throughtime with config_dir="
        )
    return found


def _new_folder(config: DictConfig) -> str:
    task = locate(config.task._target_, "task").factory
    return f"runs/{task.name}/{datetime.now():%Y-%m-%d_%H-%M-%S}-{run_folder.token()}"


def _remembered(config: DictConfig, place: run_folder.RunFolder) -> tuple[dict[str, Any], list[str]]:
    """The choices and the typed words of a configuration that `compose` made; empty for any other."""
    if COMPOSED not in vars(config):
        return {}, []
    whole, typed = vars(config)[COMPOSED]
    OmegaConf.set_readonly(whole.hydra, False)
    with open_dict(whole):
        whole.hydra.runtime.output_dir = str(place.path.resolve())
    HydraConfig.instance().set_config(whole)  # what `${hydra:…}` in the configuration refers to
    return OmegaConf.to_container(whole.hydra.runtime.choices), typed
