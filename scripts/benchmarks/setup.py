"""Set-up of a measured run: configuration and data, composed from conf/ as train.py does."""

from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, open_dict

from throughtime.data.base import DataModule
from throughtime.run.build import Config, build_data

CONFIGURATIONS = Path(__file__).resolve().parent.parent.parent / "conf"


def composed(overrides: list[str]) -> Config:
    """The resolved configuration, without the logger, which needs a run of Hydra."""
    with initialize_config_dir(str(CONFIGURATIONS), version_base="1.3"):
        config = compose("config", ["task=textgen", *overrides])
    with open_dict(config):
        config.pop("logger", None)
    return OmegaConf.to_container(config, resolve=True)


def prepared(overrides: list[str]) -> tuple[Config, DataModule, dict[str, Any]]:
    """The configuration, its data, and the artifacts of the data."""
    config = composed(overrides)
    data = build_data(config)
    return config, data, data.artifacts()
