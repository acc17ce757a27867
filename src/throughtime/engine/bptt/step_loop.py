"""Generate the loop over the steps of a block as Python source for one graph.

Every operator writes its result into memory that is allocated before the loop: a row of a stored tensor, or workspace
that each step uses again. Views of a row, such as one gate of four, are taken of all rows at once. So a step is one
call for each operator that computes something.
"""

from collections.abc import Callable, Sequence
from operator import getitem
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from throughtime.engine.bptt.mkldnn import prepacked_matmul
from throughtime.engine.bptt.workspace import Workspace
from throughtime.engine.trace.graph import VIEWS, placeholders

aten = torch.ops.aten


def reversed_difference(right: Tensor, left: int | float, out: Tensor) -> Tensor:
    """Write left - right into `out`: the out variant of `aten.rsub`."""
    return torch.sub(torch.tensor(left, dtype=right.dtype), right, out=out)


# A function of `torch` is called quicker than an operator of `torch.ops`.
OUT_VARIANTS: dict[Any, Callable] = {
    aten.add.Tensor: torch.add,
    aten.sub.Tensor: torch.sub,
    aten.mul.Tensor: torch.mul,
    aten.div.Tensor: torch.div,
    aten.rsub.Scalar: reversed_difference,
    aten.neg.default: torch.neg,
    aten.sigmoid.default: torch.sigmoid,
    aten.tanh.default: torch.tanh,
    aten.exp.default: torch.exp,
    aten.sin.default: torch.sin,
    aten.cos.default: torch.cos,
    aten.addcmul.default: torch.addcmul,
    aten.where.self: torch.where,
    aten.mm.default: torch.mm,
    aten.addmm.default: torch.addmm,
}
"""The out variants: for each ATen operator, the function of torch that writes its result into a given tensor."""

RESHAPES = {aten.view.default, aten._unsafe_view.default}


class StepLoop:
    """The loop of one graph of a `HoistedStep` over the steps of a block.

    Args:
        module: the graph (fixed, rows, carried) -> (carried, stored).
        fixed, carried: the numbers of such inputs.
        lanes: the number of lanes that the graph was traced with.

    Attributes:
        examples: an example of each stored tensor.
        aliases: for each stored tensor that is a part of another one: (that one, axis, start, size).
    """

    def __init__(self, module: GraphModule, fixed: int, carried: int, lanes: int) -> None:
        inputs, found = placeholders(module), list(module.graph.output_node().args[0])
        self._lanes = lanes
        self._fixed, self._rows = inputs[:fixed], inputs[fixed : len(inputs) - carried]
        self._before = inputs[len(inputs) - carried :]
        self._after, self._stored = found[:carried], found[carried:]
        self._nodes = [n for n in module.graph.nodes if n.op == "call_function"]
        self._places: dict[Node, tuple] = {}
        self._assign_places()
        self.examples = [n.meta["val"] for n in self._stored]
        self.aliases = {
            index: (self._places[self._places[node][1]][1], *self._places[node][2:])
            for index, node in enumerate(self._stored)
            if self._is_alias(node)
        }
        self._per_step: dict[str, Any] = {}
        self._constant: dict[str, Any] = {}
        self._run = self._generate()

    def _assign_places(self) -> None:
        """Assign memory to each node; the first result that asks for a node is written there, the others get a copy."""
        requests = [("next", index, node) for index, node in enumerate(self._after)]
        requests += [("stored", index, node) for index, node in enumerate(self._stored)]
        for kind, index, node in requests:
            if node.target is aten.cat.default:
                self._places.setdefault(node, (kind, index))
                if kind == "stored" and self._places[node] == (kind, index):
                    self._place_parts(node)
        for kind, index, node in requests:
            if node.target in OUT_VARIANTS and node.meta["val"].dim():
                self._places.setdefault(node, (kind, index))
        for node in reversed(self._nodes):
            if node.target is aten.cat.default:
                self._places.setdefault(node, ("workspace",))
                self._place_parts(node)
        for group, nodes in (("fixed", self._fixed), ("rows", self._rows), ("before", self._before)):
            self._places.update({node: (group, index) for index, node in enumerate(nodes)})
        for node in self._nodes:
            if node.target in OUT_VARIANTS:
                self._places.setdefault(node, ("workspace",))
            elif node.target in VIEWS and node.args[0] in self._places:
                self._places.setdefault(node, ("view", node.args[0]))

    def _place_parts(self, node: Node) -> None:
        """Have the parts of a concatenation written where the whole is."""
        parts, axis = node.args[0], (node.args[1] if len(node.args) > 1 else 0)
        if axis % node.meta["val"].dim() == 0:
            return
        start = 0
        for part in parts:
            size = part.meta["val"].shape[axis]
            if part.target in OUT_VARIANTS and part.meta["val"].dtype == node.meta["val"].dtype:
                self._places.setdefault(part, ("part", node, axis, start, size))
            start += size

    def _is_alias(self, node: Node) -> bool:
        """Whether a stored tensor is a part of another stored one."""
        place = self._places.get(node, ("",))
        return place[0] == "part" and self._places[place[1]][0] == "stored"

    def _varies(self, node: Node) -> bool:
        """Whether a node has other memory at every step."""
        kind, *where = self._places[node]
        if kind in ("view", "part"):
            return self._varies(where[0])
        return kind not in ("fixed", "workspace")

    def _generate(self) -> Callable:
        """Generate the loop: a function of (rows of all steps, tensors that are the same at every step)."""
        lines = [line for node in self._nodes for line in self._lines(node)]
        for kind, nodes in (("next", self._after), ("stored", self._stored)):
            for index, node in enumerate(nodes):
                if self._places.get(node) != (kind, index) and not (
                    kind == "stored" and self._is_alias(node)
                ):
                    lines.append(f"{self._name((kind, index))}.copy_({self._name(node)})")
        per_step, constant = ", ".join(self._per_step), ", ".join(self._constant)
        body = "\n        ".join(lines or ["pass"])
        head = f"def run(steps, {constant}):\n    for {per_step or '_'}{',' if per_step else ''} in steps:"
        source = f"{head}\n        {body}\n"
        names: dict[str, Any] = {
            "torch": torch,
            "aten": aten,
            **{f"torch_{f.__name__}": f for f in OUT_VARIANTS.values()},
        }
        exec(source, names)  # source of this class alone, made of a graph's operators
        return names["run"]

    def _name(self, operand: Any) -> str:
        """The variable of a node or of a result's place; its memory is noted for `prepare`."""
        if isinstance(operand, tuple):
            name, varies = "_".join(str(part) for part in operand), True
        elif operand in self._places:
            name, varies = operand.name, self._varies(operand)
        else:
            return operand.name
        (self._per_step if varies else self._constant)[name] = operand
        return name

    def _code(self, value: Any) -> str:
        """The source of an argument."""
        if isinstance(value, Node):
            return self._name(value)
        if isinstance(value, list | tuple):
            return "[" + ", ".join(map(self._code, value)) + "]"
        return (
            f"torch.{value!r}".replace("torch.torch.", "torch.")
            if isinstance(value, torch.dtype | torch.layout | torch.memory_format)
            else f"torch.device({str(value)!r})"
            if isinstance(value, torch.device)
            else _number(value)
        )

    def _lines(self, node: Node) -> list[str]:
        if node.target in VIEWS and node in self._places:
            return []
        arguments = [self._code(a) for a in node.args]
        if node.target is aten.cat.default:
            return self._concatenation(node)
        if node in self._places:
            out = self._name(node)
            if node.target in (aten.mm.default, aten.addmm.default) and not node.kwargs:
                right = node.args[-1]
                if right in self._places and not self._varies(right):
                    name = f"{'add_' * (len(node.args) - 2)}matmul_{right.name}"
                    self._constant[name] = ("matmul", right, len(node.args) - 2)
                    return [f"{name}({', '.join([*arguments[:-1], out])})"]
            arguments += [f"{key}={self._code(value)}" for key, value in node.kwargs.items()]
            return [f"torch_{OUT_VARIANTS[node.target].__name__}({', '.join(arguments)}, out={out})"]
        if node.target in RESHAPES:
            return [f"{node.name} = {arguments[0]}.reshape({arguments[1]})"]
        arguments += [f"{key}={self._code(value)}" for key, value in node.kwargs.items()]
        if node.target is getitem:
            return [f"{node.name} = {arguments[0]}[{arguments[1]}]"]
        packet, overload = str(node.target).removeprefix("aten.").split(".")
        return [f"{node.name} = aten.{packet}.{overload}({', '.join(arguments)})"]

    def _concatenation(self, node: Node) -> list[str]:
        """The statements that write those parts of a concatenation that were not written there already."""
        parts, axis = node.args[0], (node.args[1] if len(node.args) > 1 else 0)
        joined = [self._places.get(part, ("",))[:2] == ("part", node) for part in parts]
        if not any(joined):
            return [f"torch.cat({self._code(parts)}, {axis}, out={self._name(node)})"]
        lines, start = [], 0
        for part, there in zip(parts, joined, strict=True):
            size = part.meta["val"].shape[axis]
            there = there and self._places[part][3] == start
            if not there:
                whole = self._name(node)
                lines.append(f"{whole}.narrow({axis}, {start}, {size}).copy_({self._name(part)})")
            start += size
        return lines

    def prepare(
        self,
        fixed: Sequence[Tensor],
        rows: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        stored: Sequence[Tensor],
        workspace: Workspace,
    ) -> Callable[[slice], None]:
        """Bind the loop to memory of K steps, `[K, B, ...]` each.

        Returns:
            a function that runs the steps of a slice.
        """
        steps, lanes = (before or rows)[0].shape[:2]
        memory_by_kind = {"rows": rows, "before": before, "next": after, "stored": stored}
        found: dict[Any, Any] = {}
        constant = [
            self._find(operand, found, fixed, memory_by_kind, lanes, workspace)
            for operand in self._constant.values()
        ]
        tables = [
            self._find(operand, found, fixed, memory_by_kind, lanes, workspace)
            .unflatten(0, (steps, -1))
            .unbind()
            for operand in self._per_step.values()
        ]
        table = list(zip(*tables, strict=True)) if tables else [()] * steps

        def run(which: slice) -> None:
            self._run(table[which], *constant)

        return run

    def _find(self, operand: Any, found: dict[Any, Any], *memory: Any) -> Any:
        """The memory of an operand: the same at every step, or of all steps' lanes `[K·B, ...]`; cached in `found`."""
        if operand not in found:
            found[operand] = self._bind(operand, found, *memory)
        return found[operand]

    def _bind(
        self,
        operand: Any,
        found: dict[Any, Any],
        fixed: Sequence[Tensor],
        memory_by_kind: dict[str, Sequence[Tensor]],
        lanes: int,
        workspace: Workspace,
    ) -> Any:
        """Make the memory of an operand, or the product with a fixed weight."""
        kind, *where = self._places[operand] if isinstance(operand, Node) else operand
        if kind == "fixed":
            return fixed[where[0]]
        if kind in memory_by_kind:
            return memory_by_kind[kind][where[0]].flatten(0, 1)
        if kind == "workspace":
            example = operand.meta["val"]
            shape = (lanes if size == self._lanes else size for size in example.shape)
            return workspace(operand, memory_by_kind["rows"][0], *shape, dtype=example.dtype)
        source = self._find(where[0], found, fixed, memory_by_kind, lanes, workspace)
        if kind == "part":
            return source.narrow(*where[1:])
        if kind == "matmul":
            return prepacked_matmul(source, lanes)[where[1]]
        return operand.target(source, *operand.args[1:], **operand.kwargs)


def _number(value: Any) -> str:
    return f"float('{value!r}')" if isinstance(value, float) else repr(value)
