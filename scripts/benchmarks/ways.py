"""The ways to run a recurrence that are compared: a cell by an engine, or torch's own module."""

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
class Way:
    """A cell by an engine.

    Attributes:
        cell: a name in conf/cell, or FILE.py:CLASS.
        engine: a name in conf/engine, or `TORCH`.
        bf16: whether products are in bf16, by autocast, instead of fp32.
    """

    cell: str
    engine: str
    bf16: bool = False

    def __str__(self) -> str:
        if self.engine == TORCH:
            return f"{TORCH}.{MODULES[self.cell].__name__}"
        return {"reference": "the plain loop"}.get(self.engine, self.engine) + " bf16" * self.bf16

    def unsupported_reason(self) -> str | None:
        """The reason why this engine cannot run this cell, as half a sentence; None if it can."""
        if self.engine == TORCH:
            return None
        cell = some_cell(self.cell, 16)
        with self._precision():
            return some_engine(self.engine).unsupported_reason(cell, torch.zeros(1, 1, 16), None, None)

    def _precision(self) -> AbstractContextManager:
        return torch.autocast("cpu", torch.bfloat16) if self.bf16 else nullcontext()

    def work(self, shape: Shape) -> Callable[[], None]:
        """A function that runs forward and backward once, on the same random numbers each time."""
        torch.manual_seed(0)
        if self.engine == TORCH:
            module = MODULES[self.cell](shape.hidden_size, shape.hidden_size)
            run = module
        else:
            module = some_cell(self.cell, shape.hidden_size)
            run = partial(_run, some_engine(self.engine), module)
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


def some_engine(name: str) -> Engine:
    """The engine of this name in conf/engine."""
    return instantiate(_options("engine", name), "engine")


def some_cell(name: str, hidden_size: int, **options: Any) -> Cell:
    """A cell with as many inputs as units: one of conf/cell, or FILE.py:CLASS.

    Raises:
        UserError: there is no such cell.
    """
    if ".py:" in name:
        return _own(name)(hidden_size, hidden_size, **options)
    if name == "elman":  # torch.nn.RNN has no readout
        options = {"output_activation": None, **options}
    config = {**_options("cell", name), **options, "hidden_size": hidden_size}
    return instantiate(config, "cell")(input_size=hidden_size)


def cell_names() -> list[str]:
    """All cells of conf/cell."""
    return sorted(path.stem for path in (CONFIGURATIONS / "cell").glob("*.yaml"))


def _options(group: str, name: str) -> dict[str, Any]:
    path = CONFIGURATIONS / group / f"{name}.yaml"
    if not path.is_file():
        raise UserError(f"there is no {group}={name}; see conf/{group}/, or name a class as FILE.py:CLASS")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _own(name: str) -> type[Cell]:
    """The class CLASS of the file FILE.py, which is run."""
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
