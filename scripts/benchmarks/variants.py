"""Variants of running a recurrence that are compared: a cell by an engine, or torch's own module."""

import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from benchmarks.setup import CONFIGURATIONS
from benchmarks.shapes import Shape
from throughtime.cell.base import Cell
from throughtime.config.instantiate import instantiate
from throughtime.engine.base import Engine
from throughtime.errors import UserError

MODULES = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
TORCH = "torch.nn"


@dataclass(frozen=True)
class Variant:
    """A cell run by an engine, or torch's own module of that cell.

    Attributes:
        cell: a name in conf/cell, or FILE.py:CLASS.
        engine: a name in conf/engine, or `TORCH`.
        bf16: whether it runs under autocast to bfloat16.
    """

    cell: str
    engine: str
    bf16: bool = False

    def __str__(self) -> str:
        if self.engine == TORCH:
            return f"{TORCH}.{MODULES[self.cell].__name__}"
        return {"reference": "the plain loop"}.get(self.engine, self.engine) + " bf16" * self.bf16

    def unsupported_reason(self) -> str | None:
        """Why the engine cannot run the cell on this machine, as half a sentence; None if it can."""
        if self.engine == TORCH:
            return None
        with self._precision():
            cell, inputs = make_cell(self.cell, 16), torch.zeros(1, 1, 16)
            return make_engine(self.engine).unsupported_reason(cell, inputs, None, None)

    def _precision(self) -> AbstractContextManager:
        return torch.autocast("cpu", torch.bfloat16) if self.bf16 else nullcontext()

    def workload(self, shape: Shape) -> Callable[[], None]:
        """A function that runs forward and backward once, on the same random inputs each time."""
        torch.manual_seed(0)
        if self.engine == TORCH:
            module = MODULES[self.cell](shape.hidden_size, shape.hidden_size)
            run = module
        else:
            module = make_cell(self.cell, shape.hidden_size)
            run = partial(_run, make_engine(self.engine), module)
        size = getattr(module, "output_size", shape.hidden_size)
        inputs = torch.randn(shape.steps, shape.lanes, shape.hidden_size, requires_grad=True)
        gradient = torch.randn(shape.steps, shape.lanes, size)

        def forward_and_backward() -> None:
            module.zero_grad()
            inputs.grad = None
            with self._precision():
                outputs = run(inputs)[0]
            outputs.backward(gradient.to(outputs.dtype))

        return forward_and_backward


def _run(engine: Engine, cell: Cell, inputs: Tensor) -> tuple[Tensor, Any]:
    return engine.run(cell, inputs, cell.initial_state(inputs.shape[1]))


def make_engine(name: str) -> Engine:
    """An engine by its name in conf/engine."""
    return instantiate(_options("engine", name), "engine")


def make_cell(name: str, hidden_size: int, **options: Any) -> Cell:
    """A cell with as many inputs as units.

    Args:
        name: a name in conf/cell, or FILE.py:CLASS.
        hidden_size: H and I.
        options: further arguments of the cell.

    Raises:
        UserError: there is no such cell.
    """
    if ".py:" in name:
        return _class_in_file(name)(hidden_size, hidden_size, **options)
    if name == "elman":  # torch.nn.RNN has no readout
        options = {"output_activation": None, **options}
    config = {**_options("cell", name), **options, "hidden_size": hidden_size}
    return instantiate(config, "cell")(input_size=hidden_size)


def cell_names() -> list[str]:
    """Names of all cells in conf/cell."""
    return sorted(path.stem for path in (CONFIGURATIONS / "cell").glob("*.yaml"))


def _options(group: str, name: str) -> dict[str, Any]:
    path = CONFIGURATIONS / group / f"{name}.yaml"
    if not path.is_file():
        raise UserError(f"there is no {group}={name}; see conf/{group}/, or name a class as FILE.py:CLASS")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _class_in_file(name: str) -> type[Cell]:
    """The class of FILE.py:CLASS; the file is executed."""
    path, _, attribute = name.rpartition(":")
    specification = importlib.util.spec_from_file_location("own_cell", path)
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, Cell)):
        raise UserError(f"{path} has no class {attribute} that is a Cell")
    return found
