"""Validation of the arguments of `Engine.run` against the cell, before anything is computed.

An array of another shape, type or device than the cell's would be read past its end by a compiled kernel, broadcast
in silence by others, or fail deep inside of them.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, no_type_check
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import _disable_current_modes

from throughtime.cell.base import Cell, State
from throughtime.engine.trace.signature import cell_tensors
from throughtime.tree import Tree

LENGTH_TYPES = (torch.int64, torch.int32)


class _Part(NamedTuple):
    """The expected tensor of a state: its name in messages, its shape without B, its type and its device."""

    name: str
    features: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device


class _Expected(NamedTuple):
    """The expected arguments of a cell, read off its initial state.

    Attributes:
        tensors: the shapes, types and devices of the cell's tensors at the time; others make it stale.
        dtypes: the types of the cell's tensors, which its inputs must have too.
        kind: the class of the state.
        parts: the tensors of the state.
    """

    tensors: list[tuple]
    dtypes: set[torch.dtype]
    kind: type
    parts: tuple[_Part, ...]


_cache: WeakKeyDictionary[Cell, _Expected] = WeakKeyDictionary()


@no_type_check  # its arguments' types are what it checks
def check_arguments(
    cell: Cell,
    inputs: Float[Tensor, "T B I"],
    state: State,
    lengths: Int[Tensor, " B"] | None = None,
    resets: Bool[Tensor, "T B"] | None = None,
) -> None:
    """Raise unless all arguments of `Engine.run` fit the cell and each other.

    The values of lengths are checked on a CPU only, as elsewhere the run would have to wait for them.

    Raises:
        TypeError: an argument is no dense tensor, or has another type of numbers.
        ValueError: it has another shape, structure or device, or a length is not in 0 … T.
    """
    _check_tensor("inputs", inputs)
    shape = inputs.shape
    if len(shape) != 3 or shape[2] != cell.input_size:
        raise ValueError(f"expected inputs of shape [T, B, {cell.input_size}], got {list(shape)}")
    steps, lanes, _ = shape
    if steps == 0:
        raise ValueError(f"expected inputs of at least one step, got inputs of shape {list(shape)}")
    device = inputs.device.type
    mixed = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    tensors = [(t.shape, t.dtype, t.device) for t in cell_tensors(cell).values()]
    compiling = torch.compiler.is_compiling()
    expected = None if compiling else _cache.get(cell)
    if expected is None or expected.tensors != tensors or _difference(expected, state, lanes, mixed):
        expected = _expect(cell, lanes, tensors, compiling)
        if error := _difference(expected, state, lanes, mixed):
            raise error
    if mixed:
        if not inputs.is_floating_point():
            raise TypeError(f"expected inputs of a floating-point type, got {_name(inputs.dtype)}")
    elif expected.dtypes and inputs.dtype not in expected.dtypes:
        types = " or ".join(sorted(map(_name, expected.dtypes)))
        raise TypeError(f"expected inputs of type {types}, got {_name(inputs.dtype)}")
    if expected.parts:
        _check_device("inputs", inputs, expected.parts[0].device)
    if lengths is not None:
        _check_mask("lengths", lengths, (lanes,), LENGTH_TYPES, inputs.device)
        if not compiling and _has_values(lengths) and lanes > 0:
            least, most = (int(value) for value in lengths.aminmax())
            if least < 0 or most > steps:
                raise ValueError(f"expected lengths from 0 to {steps}, got {least if least < 0 else most}")
    if resets is not None:
        _check_mask("resets", resets, (steps, lanes), (torch.bool,), inputs.device)


def _expect(cell: Cell, lanes: Any, tensors: list[tuple], compiling: bool) -> _Expected:
    """The expected arguments of a cell, cached unless a graph is being traced."""
    if compiling:
        state = cell.initial_state(lanes)
    else:
        # Restore the random generators after a draw, so that a run draws the same numbers with or without this.
        devices = [device for _, _, device in tensors if device.type == "cuda"][:1]
        with _disable_current_modes(), torch.random.fork_rng(devices), torch.no_grad():
            state = cell.initial_state(lanes)
    parts = []
    for name, part in _parts("state", state):
        if part.dim() == 0 or part.shape[0] != lanes:
            raise ValueError(
                f"expected {type(cell).__name__}.initial_state({lanes}) to give {name} of shape "
                f"[{lanes}, ...], got {list(part.shape)}"
            )
        parts.append(_Part(name, tuple(part.shape[1:]), part.dtype, part.device))
    dtypes = {dtype for _, dtype, _ in tensors if dtype.is_floating_point or dtype.is_complex}
    found = _Expected(tensors, dtypes, type(state), tuple(parts))
    if not compiling:
        _cache[cell] = found
    return found


def _difference(expected: _Expected, state: Tree, lanes: Any, mixed: bool) -> Exception | None:
    """The error of a state that is not as expected; in mixed precision its type may be any floating-point one."""
    if not isinstance(state, expected.kind):
        return TypeError(f"expected state to be a {expected.kind.__name__}, got {_kind(state)}")
    try:
        parts = list(_parts("state", state))
    except TypeError as error:
        return error
    names = [part.name for part in expected.parts]
    if [name for name, _ in parts] != names:
        found = ", ".join(name for name, _ in parts)
        return ValueError(f"expected state with the parts {', '.join(names)}, got {found or 'none'}")
    for (name, part), (_, features, dtype, device) in zip(parts, expected.parts, strict=True):
        shape = (lanes, *features)
        if part.shape != shape:
            return ValueError(f"expected {name} of shape {list(shape)}, got {list(part.shape)}")
        rounded = mixed and part.is_floating_point() and dtype.is_floating_point
        if part.dtype != dtype and not rounded:
            return TypeError(f"expected {name} of type {_name(dtype)}, got {_name(part.dtype)}")
        if part.device != device:
            return ValueError(f"expected {name} on {device}, got it on {part.device}")
        if error := _sparse(name, part):
            return error
    return None


def _sparse(name: str, tensor: Tensor) -> TypeError | None:
    """The error of a tensor that is not dense."""
    if tensor.layout == torch.strided:
        return None
    layout = str(tensor.layout).removeprefix("torch.")
    return TypeError(f"expected {name} to be a dense tensor, got one of layout {layout}")


def _parts(name: str, state: Tree) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a state with their names in messages."""
    if isinstance(state, Tensor):
        yield name, state
    elif isinstance(state, tuple):
        fields = getattr(state, "_fields", None)
        for index, part in enumerate(state):
            yield from _parts(f"{name}[{index}]" if fields is None else f"{name}.{fields[index]}", part)
    else:
        raise TypeError(f"expected {name} to be a Tensor, got {_kind(state)}")


def _check_mask(
    name: str, mask: Any, shape: tuple, dtypes: tuple[torch.dtype, ...], device: torch.device
) -> None:
    _check_tensor(name, mask)
    if mask.dtype not in dtypes:
        raise TypeError(f"expected {name} of type {' or '.join(map(_name, dtypes))}, got {_name(mask.dtype)}")
    if mask.shape != shape:
        raise ValueError(f"expected {name} of shape {list(shape)}, got {list(mask.shape)}")
    _check_device(name, mask, device)


def _check_tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"expected {name} to be a Tensor, got {_kind(value)}")
    if error := _sparse(name, value):
        raise error


def _check_device(name: str, tensor: Tensor, device: torch.device) -> None:
    if tensor.device != device:
        raise ValueError(f"expected {name} on {device}, got it on {tensor.device}")


def _has_values(tensor: Tensor) -> bool:
    """Whether a tensor's values can be read without waiting for a device."""
    wrapped = isinstance(tensor, FakeTensor) or torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    return tensor.device.type == "cpu" and not wrapped


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _kind(value: Any) -> str:
    return type(value).__name__
