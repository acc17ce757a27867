"""Cases of shapes: every engine on every cell, with tensors of random shapes, types, devices and strides.

An engine either gives the numbers of the plain loop, values and gradients, or raises the error that the plain loop
raises, or says that it cannot run this cell.
"""

import random
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import yaml

from fuzzing.case import Case
from fuzzing.template import REPOSITORY, Template

INPUT, HIDDEN = 3, 8  # 4 heads of a cell must divide H
ENGINES = ("auto", "bptt", "fused", "reference", "scan", "torch")
TOLERANCE = 1e-4
ROUNDS = 6

DOCUMENTED = ("TypeError", "ValueError", "UserError", "RuntimeError")
"""Kinds of errors that `Engine.run` documents; PyTorch's own where its operators refuse a tensor."""


def shapes_case(template: Template, rng: random.Random) -> Case:
    """Some runs of one engine on one cell."""
    cells = sorted(path.stem for path in (REPOSITORY / "conf" / "cell").glob("*.yaml"))
    engine, cell, seed = rng.choice(ENGINES), rng.choice(cells), rng.randrange(2**31)
    return Case(
        kind="shapes",
        title=f"engine={engine} on cell={cell}, {ROUNDS} runs by the seed {seed}",
        action=partial(compare, engine, cell, seed),
        codes=frozenset({0}),
    )


def compare(engine: str, cell_name: str, seed: int) -> None:
    """Run an engine and the plain loop on the same random arguments.

    Raises:
        AssertionError: their numbers or their errors differ.
    """
    import torch

    rng = random.Random(seed)
    torch.manual_seed(seed)
    cell = _build("cell", cell_name, input_size=INPUT, hidden_size=HIDDEN)
    if rng.random() < 0.15:
        cell = cell.double()
    if rng.random() < 0.5:
        cell.eval()
    plain, tried = _build("engine", "reference"), _build("engine", engine)
    for _ in range(ROUNDS):
        arguments, changes = _arguments(cell, rng)
        expected = _result(plain, cell, arguments)
        found = _result(tried, cell, arguments)
        print(f"{engine} on {cell_name}: {changes}: {_told(expected)} / {_told(found)}", flush=True)
        _compare(expected, found, 1 + len(cell.initial_state(1)))


def _build(group: str, name: str, **given: Any) -> Any:
    """A part as its file in conf/ describes it."""
    options = yaml.safe_load((REPOSITORY / "conf" / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return _made({**options, **given, "_partial_": False})


def _made(options: Any) -> Any:
    if not isinstance(options, dict):
        return options
    given = {key: _made(value) for key, value in options.items() if key not in ("_target_", "_partial_")}
    module, _, name = options["_target_"].rpartition(".")
    call = partial(getattr(import_module(module), name), **given)
    return call if options.get("_partial_") else call()


def _arguments(cell: Any, rng: random.Random) -> tuple[dict[str, Any], list[str]]:
    """Arguments of `Engine.run`, with at most two that do not fit, and what was changed."""
    import torch

    steps, lanes = rng.choice((1, 2, 5, 9)), rng.choice((1, 2, 4, 20))
    dtype = next(cell.parameters()).dtype
    arguments: dict[str, Any] = {
        "inputs": torch.randn(steps, lanes, INPUT, dtype=dtype),
        "state": cell.initial_state(lanes),
        "lengths": None,
        "resets": None,
    }
    if rng.random() < 0.5:
        arguments["lengths"] = torch.randint(0, steps + 1, (lanes,))
    if rng.random() < 0.5:
        arguments["resets"] = torch.rand(steps, lanes) < 0.3
    changes = []
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        name = rng.choice(("inputs", "state", "state", "lengths", "resets"))
        value = arguments[name]
        if isinstance(value, tuple) and value:
            parts = list(value)
            index = rng.randrange(len(parts))
            told, parts[index] = _changed(parts[index], rng)
            if rng.random() < 0.1:
                told, parts = "part left out", parts[1:]
            try:
                arguments[name] = type(value)(*parts) if rng.random() < 0.9 else tuple(parts)
            except TypeError:  # a named tuple needs all of its parts
                arguments[name] = tuple(parts)
        elif value is None:
            told, arguments[name] = _changed(torch.ones(steps, lanes).long(), rng)
        else:
            told, arguments[name] = _changed(value, rng)
        changes.append(f"{name} {told}")
    return arguments, changes


def _changed(tensor: Any, rng: random.Random) -> tuple[str, Any]:
    """A tensor, or something else, in the place of another."""
    import torch

    ways: dict[str, Callable[[], Any]] = {
        "not contiguous": lambda: tensor.repeat_interleave(2, -1)[..., ::2],
        "transposed memory": lambda: tensor.transpose(0, -1).contiguous().transpose(0, -1),
        "expanded": lambda: tensor[:1].expand(tensor.shape),
        "expanded by one": lambda: tensor[:1].expand(tensor.shape[0] + 1, *tensor.shape[1:]),
        "with an offset": lambda: torch.cat([tensor.reshape(-1)[:1], tensor.reshape(-1)])[1:].view(
            tensor.shape
        ),
        "transposed": lambda: tensor.transpose(0, -1),
        "one more lane": lambda: torch.cat([tensor, tensor[:1]]),
        "one less": lambda: tensor[:-1],
        "wider": lambda: torch.cat([tensor, tensor[..., :1]], -1),
        "narrower": lambda: tensor[..., :-1],
        "empty": lambda: tensor[:0],
        "one more axis": lambda: tensor.unsqueeze(-1),
        "flat": lambda: tensor.reshape(-1),
        "a scalar": lambda: tensor.reshape(-1)[0],
        "double": lambda: tensor.double(),
        "float": lambda: tensor.float(),
        "half": lambda: tensor.half(),
        "bfloat16": lambda: tensor.bfloat16(),
        "int64": lambda: tensor.long(),
        "int32": lambda: tensor.int(),
        "bool": lambda: tensor.bool(),
        "complex": lambda: tensor.to(torch.complex64),
        "on meta": lambda: tensor.to("meta"),
        "sparse": lambda: tensor.to_sparse(),
        "negative": lambda: (
            -tensor.abs().float().to(tensor.dtype) - 1 if tensor.dtype != torch.bool else tensor
        ),
        "large": lambda: tensor.long() + 2**40,
        "NaN": lambda: torch.full_like(tensor.float(), float("nan")),
        "None": lambda: None,
        "a list": lambda: tensor.tolist(),
        "a number": lambda: 3,
        "a text": lambda: "abc",
        "a parameter": lambda: torch.nn.Parameter(tensor.float()),
    }
    name = rng.choice(list(ways))
    if not isinstance(tensor, torch.Tensor):  # it has been replaced already
        return "as it was", tensor
    try:
        return name, ways[name]()
    except (RuntimeError, IndexError, TypeError):  # a way that this tensor does not take
        return "as it was", tensor


def _result(engine: Any, cell: Any, arguments: dict[str, Any]) -> list[Any] | Exception:
    """The outputs, the last state and the gradients of a run, or its error; dropout draws the same numbers."""
    import torch

    torch.manual_seed(7)
    given = {name: _leaf(value) for name, value in arguments.items()}
    try:
        outputs, state = engine.run(cell, given["inputs"], given["state"], given["lengths"], given["resets"])
        values = [outputs, *_tensors(state)]
        weighted = [value.sum() * (at + 1) for at, value in enumerate(values) if value.requires_grad]
        weights = [weight for weight in cell.parameters() if weight.requires_grad]
        sources = [
            *weights,
            *(one for one in _tensors((given["inputs"], given["state"])) if one.requires_grad),
        ]
        gradients = (
            torch.autograd.grad(sum(weighted), sources, allow_unused=True, materialize_grads=True)
            if weighted
            else ()
        )
        return [value.detach() for value in (*values, *gradients)]
    except Exception as error:
        return error


def _leaf(value: Any) -> Any:
    """A copy that gradients can be taken of, with the same strides."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().requires_grad_(value.is_floating_point())
    if isinstance(value, tuple):
        parts = [_leaf(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def _tensors(tree: Any) -> list[Any]:
    import torch

    if isinstance(tree, torch.Tensor):
        return [tree]
    return [one for part in tree for one in _tensors(part)] if isinstance(tree, tuple) else []


def _compare(expected: list[Any] | Exception, found: list[Any] | Exception, count: int) -> None:
    """Raise `AssertionError` where two results differ; the first `count` tensors are values, the others gradients."""
    import torch

    if isinstance(found, Exception):
        kind = type(found).__name__
        if kind not in DOCUMENTED:
            raise found
        if kind == "UserError":  # this engine cannot run this cell
            return
        if not isinstance(expected, Exception):
            raise AssertionError("only the plain loop runs these arguments") from found
        if kind != type(expected).__name__:
            raise AssertionError(f"the plain loop raises {type(expected).__name__}") from found
        return
    if isinstance(expected, Exception):
        raise AssertionError("the plain loop refuses these arguments") from expected
    for place, (one, other) in enumerate(zip(expected, found, strict=True)):
        # The plain loop's gradient of a lane that is over is 0 times its state, and NaN where that is NaN.
        other = torch.where(one.isnan(), one, other) if place >= count else other
        torch.testing.assert_close(other, one, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def _told(result: list[Any] | Exception) -> str:
    return (
        f"{type(result).__name__}: {result}"[:160]
        if isinstance(result, Exception)
        else f"{len(result)} tensors"
    )
