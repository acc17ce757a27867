"""Export to ONNX: one graph for any number of steps and lanes, checked against PyTorch."""

import importlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from throughtime.engine.base import Engine
from throughtime.engine.reference import Reference
from throughtime.engine.symbolic_scan import SymbolicScan
from throughtime.errors import UserError
from throughtime.task.export_graph import ExportGraph

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4
"""By how much an output may differ, relative to the largest value of that output (at least 1)."""


def check_packages() -> None:
    """Raise `UserError` where the packages of the extra `[onnx]` are not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"--format onnx needs {', '.join(missing)}; install the extra: pip install 'throughtime[onnx]'"
        )


def write_onnx(graph: ExportGraph, path: Path) -> str:
    """Trace, save and check a graph; returns what it takes and gives, and how far it is from PyTorch.

    Raises:
        UserError: something in the model cannot be traced, has no counterpart in ONNX, or does not compute the same.
    """
    check_packages()
    onnx_runtime()  # before the tracer imports it
    try:
        with _running_on(graph.module, SymbolicScan()), _quietly(), torch.no_grad():
            _traced(graph).save(path)
        difference = check_onnx(graph, path)
    except Exception as error:  # whatever PyTorch's tracer and translator raise about a model of any making
        raise UserError(
            f"this model cannot be exported to ONNX ({_reason(error)}); --format safetensors takes every model"
        ) from error
    if not difference <= TOLERANCE:
        raise UserError(
            f"ONNX Runtime does not compute what PyTorch does (they differ by {difference:.1e}), so nothing is "
            "exported; --format safetensors takes every model"
        )
    sizes = ", ".join(" ".join(f"{axis}={size}" for axis, size in each.items()) for each in graph.sizes)
    takes = ", ".join(f"{name} [{', '.join(map(str, axes))}]" for name, axes in graph.axes.items())
    return (
        f"inputs   {takes}\noutputs  {', '.join(graph.outputs)}\n"
        f"checked  against PyTorch at {sizes}: the largest difference is {difference:.1e}"
    )


def onnx_runtime() -> ModuleType:
    """ONNX Runtime without its telemetry, which writes to the home and the temporary folder and opens connections."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return importlib.import_module("onnxruntime")


def check_onnx(graph: ExportGraph, path: Path) -> float:
    """The largest difference between ONNX Runtime and the plain loop, relative to each output's largest value."""
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    used = {node.name for node in session.get_inputs()}
    differences = [0.0]
    for sizes in graph.sizes:
        with torch.inference_mode(), _running_on(graph.module, Reference()):
            inputs = graph.example(sizes)  # a learned initial state would bring its gradient along
            expected = graph.module(*inputs)
        expected = [expected] if isinstance(expected, torch.Tensor) else list(expected)
        given = {
            name: tensor.numpy() for name, tensor in zip(graph.axes, inputs, strict=True) if name in used
        }
        outputs = session.run(list(graph.outputs), given)
        differences += [
            _difference(output, truth.numpy()) for output, truth in zip(outputs, expected, strict=True)
        ]
    return max(differences)


def _difference(output: np.ndarray, truth: np.ndarray) -> float:
    """The largest of any element, relative to the largest element, which counts as 1 where it is smaller."""
    if output.shape != truth.shape:
        return np.inf
    return float(np.abs(output - truth).max() / max(np.abs(truth).max(), 1.0))


def _traced(graph: ExportGraph) -> Any:
    axes = {axis: torch.export.Dim(axis) for axis in graph.sizes[0]}
    dynamic = tuple(
        {place: axes[axis] for place, axis in enumerate(shape) if isinstance(axis, str)}
        for shape in graph.axes.values()
    )
    return torch.onnx.export(
        _Plain(graph.module),
        graph.example(graph.sizes[0]),
        dynamo=True,
        dynamic_shapes=(dynamic,),
        input_names=list(graph.axes),
        output_names=list(graph.outputs),
        verbose=False,
    )


class _Plain(nn.Module):
    """A module whose inputs are one list, so that the axes of any number of them can be named."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.module(*inputs)


@contextmanager
def _running_on(module: nn.Module, engine: Engine) -> Iterator[None]:
    """Within this block every part of a module runs on this engine."""
    parts = [part for part in module.modules() if isinstance(getattr(part, "engine", None), Engine)]
    before = [part.engine for part in parts]
    for part in parts:
        part.engine = engine
    try:
        yield
    finally:
        for part, own in zip(parts, before, strict=True):
            part.engine = own


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence the exporter's warnings about other libraries and names of axes."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _reason(error: BaseException) -> str:
    """The first line of what lies at the bottom of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line}"[:200]
