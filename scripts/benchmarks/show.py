"""Emitted C of a cell, as engine=fused compiles it."""

import yaml
from yaml import YAMLError

from benchmarks.kernel import kernel
from benchmarks.setup import composed
from benchmarks.variants import make_cell
from throughtime.cell.base import Cell
from throughtime.config.instantiate import instantiate
from throughtime.errors import UserError


def source(overrides: list[str], everything: bool) -> str:
    """The emitted C of the cell that `cell=…` and `cell.…=…` name.

    Args:
        overrides: as for train.py; `cell=FILE.py:CLASS` is a class of one's own.
        everything: whether to return the whole file rather than the cell's own functions.

    Raises:
        UserError: there is no such cell, or engine=fused cannot run it.
    """
    found = kernel(_cell(overrides))
    if everything:
        return found.source
    return "\n".join(function.code for function in found.functions.values())


def _cell(overrides: list[str]) -> Cell:
    own = [word.removeprefix("cell=") for word in overrides if word.startswith("cell=") and ".py:" in word]
    if not own:
        config = composed(overrides)["cell"]
        return instantiate(config, "cell")(input_size=config["hidden_size"])
    options = {"hidden_size": 256}
    for word in overrides:
        key, _, value = word.partition("=")
        if key.startswith("cell."):
            options[key.removeprefix("cell.")] = _value(value)
    return make_cell(own[0], **options)


def _value(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except YAMLError as error:
        raise UserError(f"{text} is not a value that YAML knows") from error
