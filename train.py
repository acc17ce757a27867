"""Train a recurrent network: `python train.py task=textgen` (see `python train.py --help`)."""

import hydra
from omegaconf import DictConfig

from throughtime.cli.command_line import run_command


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> float | None:
    """Train as the configuration says and return the monitored metric, which a sweeper compares."""
    from throughtime.cli.job import run_hydra_job  # only now: this imports torch

    return run_hydra_job(config)


if __name__ == "__main__":
    run_command(main)
