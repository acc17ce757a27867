"""Loggers of a run, built so that all they write lies in the run's folder."""

import hashlib
import importlib.util
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from throughtime.callback.logging import continue_csv, continue_mlflow
from throughtime.config.instantiate import instantiate
from throughtime.errors import UserError
from throughtime.run.folder import RunFolder

PACKAGES = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow"}
"""The packages that loggers need beyond the framework's own dependencies: the extra `loggers`."""

MLFLOW_DATABASE = "mlflow.db"
"""The file of logger=mlflow in a run's folder."""

_given: dict[str, str] = {}  # variables that earlier runs in this process have set

Loggers = Mapping[str, Any] | None
"""The group `logger` of a configuration: loggers by their names."""


def build_loggers(config: Loggers, folder: RunFolder, resumed_step: int | None = None) -> list[Logger]:
    """The loggers that the configuration describes.

    Args:
        config: the group `logger`; empty or None for no logger.
        folder: of the run.
        resumed_step: the optimiser steps of the checkpoint that the run goes on from; None for a new run.

    Raises:
        UserError: a logger's package is not installed, or it refuses a value.
    """
    chosen = {name: entry for name, entry in (config or {}).items() if entry}
    return [_build(name, entry, folder, resumed_step) for name, entry in chosen.items()]


def _build(name: str, entry: Any, folder: RunFolder, resumed_step: int | None) -> Logger:
    kind = _kind(entry)
    package = PACKAGES.get(kind)
    if package is not None and importlib.util.find_spec(package) is None:
        raise UserError(f"logger={name} needs the package {package}: pip install 'throughtime[loggers]'")
    logger = instantiate(entry, f"logger.{name}")(**_arguments(kind, folder, resumed_step))
    if isinstance(logger, TensorBoardLogger):
        # Lightning writes (empty) hyperparameters unless their file exists; ours are in config.yaml.
        logger.NAME_HPARAMS_FILE = folder.config.name
    if isinstance(logger, CSVLogger):
        continue_csv(logger, resumed_step)
    if isinstance(logger, MLFlowLogger) and resumed_step is not None:
        continue_mlflow(logger)
    if isinstance(logger, WandbLogger):
        # Lightning passes it empty, and W&B prints a warning that it has no effect.
        logger._wandb_init.pop("anonymous", None)
    return logger


def _kind(entry: Any) -> str:
    return (
        str(entry["_target_"]).rpartition(".")[2]
        if isinstance(entry, Mapping) and "_target_" in entry
        else ""
    )


def _arguments(kind: str, folder: RunFolder, resumed_step: int | None) -> dict[str, Any]:
    """The arguments that the run gives: where to write, and under which identity to continue."""
    path = folder.path.resolve()
    if kind == "TensorBoardLogger":
        # What was logged after the checkpoint is logged again. A new run purges too, since TensorBoard heeds only the
        # second and later purges that it meets.
        purge_step = 0 if resumed_step is None else resumed_step + 1
        return {"save_dir": str(folder.path), "name": "", "version": "", "purge_step": purge_step}
    if kind == "CSVLogger":
        return {"save_dir": str(folder.path), "name": "", "version": ""}
    if kind == "WandbLogger":
        _set_environment(WANDB_SILENT="true", WANDB_CACHE_DIR=str(path / "wandb" / "cache"))
        import wandb

        # A resumed run refuses a folder with symbolic links.
        settings = wandb.Settings(silent=True, console="off", symlink=False)
        identity = f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        return {"save_dir": str(path), "name": path.name, "version": identity, "settings": settings}
    if kind == "MLFlowLogger":
        _set_environment(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_LOGGING_LEVEL="WARNING")
        database = f"sqlite:///{path / MLFLOW_DATABASE}"
        artifacts = (path / "mlflow").as_uri()
        run = None if resumed_step is None else _mlflow_run(database, path)
        return {
            "tracking_uri": database,
            "artifact_location": artifacts,
            "run_name": path.name,
            "run_id": run,
        }
    return {"save_dir": str(folder.path)}


def _set_environment(**variables: str) -> None:
    """Set environment variables that configure a logger's package, unless the user has set them."""
    for name, value in variables.items():
        if os.environ.get(name) == _given.get(name):
            os.environ[name] = _given[name] = value


def _mlflow_run(database: str, path: Path) -> str | None:
    """The id of the run in a resumed run's database; None where MLflow was not among its loggers."""
    if not (path / MLFLOW_DATABASE).is_file():
        return None
    from mlflow.tracking import MlflowClient

    client = MlflowClient(database)
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    return runs[0].info.run_id if runs else None


def viewing_commands(config: Loggers, run: str, above: str) -> list[str]:
    """The commands that show what the loggers of a run have written.

    Args:
        config: the group `logger`.
        run: the run's folder.
        above: the folder with the runs that are compared with it.
    """
    commands = {
        "TensorBoardLogger": f"tensorboard --logdir {shlex.quote(above)}",
        "WandbLogger": f"wandb sync {shlex.quote(f'{run}/wandb')}/offline-run-*",
        "MLFlowLogger": f"mlflow ui --backend-store-uri {shlex.quote(f'sqlite:///{run}/{MLFLOW_DATABASE}')}",
    }
    kinds = [_kind(entry) for entry in (config or {}).values()]
    return [commands[kind] for kind in kinds if kind in commands]
