"""Checks of the content of a checkpoint before any of it is used.

Its parts and their types are checked, then the names and sizes of its weights against the model of its configuration.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from throughtime.errors import UserError

OF_A_MODEL: dict[str, type] = {"config": Mapping, "artifacts": Mapping, "state_dict": Mapping}
"""Parts of every checkpoint."""

FINGERPRINT = "fingerprint"
"""The part of a checkpoint with the identity of the data that it was trained on; those of earlier versions lack it."""

OF_TRAINING: dict[str, type] = {
    "optimizer_states": list,
    "lr_schedulers": list,
    "loops": Mapping,
    "callbacks": Mapping,
    "global_step": int,
    "epoch": int,
    "random": Mapping,
}
"""Further parts that a run needs to go on."""

WRONG_SHAPE = (KeyError, TypeError, AttributeError, IndexError, ValueError, RuntimeError, AssertionError)
"""Errors of code that was given a value of another shape than it expects."""


def check_content(content: Any, path: Path) -> None:
    """Raise `UserError` unless a checkpoint holds its configuration, the fitted artifacts and weights.

    Args:
        content: of the checkpoint.
        path: its file, for the message.
    """
    _check_parts(content, OF_A_MODEL, path)
    config = content["config"]
    if not all(
        isinstance(config.get(part), Mapping) for part in ("task", "data", "cell", "engine", "model", "head")
    ):
        raise UserError(
            f"{path} is not a checkpoint of throughtime: its configuration lacks a part of the model"
        )


def check_resumable(content: Any, path: Path) -> None:
    """Raise `UserError` unless a checkpoint holds all that a run needs to go on; arguments as of `check_content`."""
    check_content(content, path)
    _check_parts(content, OF_TRAINING, path)
    metrics = content.get("metrics", {})
    if not isinstance(metrics, Mapping) or not all(isinstance(one, int | float) for one in metrics.values()):
        raise UserError(f"{path} is not a whole checkpoint: its metrics are not numbers")


def _check_parts(content: Any, parts: Mapping[str, type], path: Path) -> None:
    if not isinstance(content, Mapping):
        raise UserError(f"{path} is not a checkpoint of throughtime: it holds no configuration")
    for name, kind in parts.items():
        if name not in content:
            what = "no configuration" if name == "config" else f"no {name}"
            raise UserError(f"{path} is not a checkpoint of throughtime: it holds {what}")
        if not isinstance(content[name], kind):
            raise UserError(f"{path} is not a checkpoint of throughtime: its {name} is of the wrong kind")


def check_weights(weights: Mapping[str, Any], model: nn.Module, path: Path) -> None:
    """Raise `UserError` for the first weight of a checkpoint that is missing, unknown, or of another size.

    Args:
        weights: by their names.
        model: takes them.
        path: the checkpoint, for the message.
    """
    expected = model.state_dict()
    for name, weight in expected.items():
        if name not in weights:
            raise UserError(f"{path} is not a whole checkpoint: it lacks the weight {name}")
        if not isinstance(weights[name], Tensor) or not isinstance(weight, Tensor):
            if isinstance(weight, Tensor):
                raise UserError(f"{path} is not a whole checkpoint: its weight {name} is no tensor")
            continue
        if weights[name].shape != weight.shape:
            raise UserError(
                f"{path} does not fit its own configuration: its weight {name} has the shape "
                f"{list(weights[name].shape)}, and the model's is {list(weight.shape)}"
            )
    unknown = [name for name in weights if name not in expected]
    if unknown:
        raise UserError(f"{path} does not fit its own configuration: the model has no weight {unknown[0]}")


@contextmanager
def shape_errors_as_user_errors(path: Path) -> Iterator[None]:
    """Raise errors of shapes and types inside this block as a `UserError`: the checkpoint does not fit.

    Args:
        path: the checkpoint whose parts are used in the block.

    Raises:
        UserError: with the error as its cause; one that was raised in the block stays as it is.
    """
    try:
        yield
    except WRONG_SHAPE as error:
        if "allocate" in str(error):
            raise
        reason = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
        raise UserError(
            f"{path} is not a whole checkpoint: its parts do not fit each other ({reason})"
        ) from error
