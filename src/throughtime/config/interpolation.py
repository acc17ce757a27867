"""Interpolations that a configuration may not use: those that read the environment of the process."""

from typing import NoReturn

from omegaconf import OmegaConf


def refuse_environment() -> None:
    """Make `${oc.env:NAME}` an error: what it reads would stand in the files, checkpoints and figures of the run."""
    OmegaConf.register_new_resolver("oc.env", _refuse, replace=True)


def _refuse(name: str, *default: object) -> NoReturn:
    raise ValueError(
        f"${{oc.env:{name}}} would write what the environment holds into the files of the run; give the value itself"
    )
