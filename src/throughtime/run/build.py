"""Construction of an experiment's data and task from its configuration."""

import inspect
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from torch import nn

from throughtime.config.instantiate import instantiate
from throughtime.config.registry import MODEL_PARTS, locate
from throughtime.data.base import DataModule
from throughtime.errors import UserError
from throughtime.run.checkpoint_content import (
    check_content,
    check_weights,
    shape_errors_as_user_errors,
)
from throughtime.run.size_limits import check_memory_of_steps, check_memory_of_weights, check_sizes
from throughtime.task.base import Task, check_horizon

CONFIGURATIONS = Path(__file__).resolve().parents[3] / "conf"
"""The configuration groups of the checkout in which this package lies."""

Config = Mapping[str, Any]
"""A whole resolved configuration in plain containers."""


def build_data(config: Config, choice: str | None = None) -> DataModule:
    """The data, read, split and turned into ids or numbers; the tokenizer is fitted on the training split.

    Args:
        config: the whole configuration.
        choice: the name of the data on the command line, which an error tells; None where there was none.

    Raises:
        UserError: whatever is wrong with the data or with what was asked of them; before they are read, that they
            are another task's.
    """
    data = instantiate(config["data"], "data")
    if choice is not None:
        check_fit(config["task"], choice, data.kind)
    if config.get("tokenizer") is not None:
        data.connect(instantiate(config["tokenizer"], "tokenizer"))
    data.prepare_data()
    data.setup()
    return data


def build_task(config: Config, artifacts: dict[str, Any], trains: bool = True) -> Task:
    """The task with its model and head, sized for the data.

    Args:
        config: the whole configuration, of a new run or out of a checkpoint.
        artifacts: what the data fitted, in plain containers (`data.artifacts()`, or a checkpoint's).
        trains: whether the task is to be trained; if not, as for inference from a checkpoint that may come from
            anywhere, the model's parts alone are built, and no optimiser.

    Raises:
        UserError: a part is not of its place's kind, or does not fit the others.
    """
    build = instantiate if trains else partial(instantiate, kinds=MODEL_PARTS)

    kind, head_kind = (locate(config[key]["_target_"], key).factory for key in ("task", "head"))
    if inspect.isclass(kind) and inspect.isclass(head_kind):
        kind.check_head(head_kind, artifacts)

    def build_model_and_head(config: Config) -> nn.ModuleList:
        engine = build(config["engine"], "engine")
        cell = build(config["cell"], "cell")
        model = build(config["model"], "model")(cell=cell, engine=engine, **artifacts["input_sizes"])
        head = build(config["head"], "head")(input_size=model.output_size, **artifacts["output_sizes"])
        if getattr(head, "tied", False):
            head.tie(model.front.weight)
        return nn.ModuleList([model, head])

    check_sizes(config)
    check_memory_of_weights(build_model_and_head, config)
    model, head = build_model_and_head(config)
    if trains and config.get("init") is not None:
        build(config["init"], "init").initialise_model(model)
    if trains:
        check_memory_of_steps(artifacts.get("largest_batch"), model.output_size)
    optimization = build(config["optim"], "optim") if trains else None
    task = build(
        config["task"], "task", model=model, head=head, optimization=optimization, artifacts=artifacts
    )
    if trains and config.get("regulariser") is not None:
        task.regulariser = build(config["regulariser"], "regulariser")
    check_horizon(config["task"].get("horizon"), config["data"].get("chunk_length") or 1)
    return task


def restore_task(checkpoint: Mapping[str, Any], path: Path) -> Task:
    """The task of a checkpoint with the weights it was saved with, in evaluation mode on the CPU.

    Args:
        checkpoint: its content (`throughtime.run.checkpoint.read_checkpoint`).
        path: its file, for error messages.

    Raises:
        UserError: the file is no checkpoint of this package.
    """
    check_content(checkpoint, path)
    with shape_errors_as_user_errors(path):
        task = build_task(checkpoint["config"], checkpoint["artifacts"], trains=False)
    check_weights(checkpoint["state_dict"], task, path)
    with shape_errors_as_user_errors(path):
        task.load_state_dict(checkpoint["state_dict"])
    return task.eval()


def fitting_data(kind: str) -> list[str]:
    """The choices of `data=` whose data are of a kind: of this checkout, and of the folders that Hydra searches."""
    folders = [CONFIGURATIONS]
    if HydraConfig.initialized():
        sources = HydraConfig.get().runtime.config_sources
        folders += [Path(source.path) for source in sources if source.schema == "file"]
    files = {path.stem: path for folder in folders for path in sorted((folder / "data").glob("*.yaml"))}
    return [name for name, path in sorted(files.items()) if _kind(path) == kind]


def _kind(path: Path) -> str | None:
    """The kind of the data that one configuration names; None where it may not be built."""
    config = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    target = config.get("data", config).get("_target_")
    try:
        found = locate(target, "data").factory
    except UserError:
        return None
    return found.kind if isinstance(found, type) and issubclass(found, DataModule) else None


def check_fit(task_config: Mapping[str, Any], data_name: str, kind: str) -> None:
    """Raise `UserError` where a task is given the data of another task."""
    task: type[Task] = locate(task_config["_target_"], "task").factory
    if kind != task.kind:
        fitting = ", ".join(fitting_data(task.kind))
        raise UserError(f"task={task.name} cannot be trained on data={data_name}; data that fit: {fitting}")
