"""The loop over the steps of a block, written out as Python for one graph.

Every operator writes its result into memory that is there before the loop begins: a row of what is stored, or room that
each step uses again. Parts of a row, such as one gate of four, are taken of all rows at once. So what is left to a step
is one call for each operator that computes something.
"""

from collections.abc import Callable, Sequence
from operator import getitem
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from throughtime.engine.bptt.mkldnn import times
from throughtime.engine.bptt.out_variants import RESHAPES, WRITING
from throughtime.engine.bptt.workspace import Room
from throughtime.engine.trace.graph import VIEWS, placeholders

aten = torch.ops.aten


class Stepping:
    """Runs `during` of `Stages` over the steps of a block.

    Args:
        during: (fixed, rows, carried) -> (carried, stored).
        fixed, carried: how many.
        lanes: the number of lanes that the graph was made with.
    """

    def __init__(self, during: GraphModule, fixed: int, carried: int, lanes: int) -> None:
        inputs, found = placeholders(during), list(during.graph.output_node().args[0])
        self._lanes = lanes
        self._fixed, self._rows = inputs[:fixed], inputs[fixed : len(inputs) - carried]
        self._before = inputs[len(inputs) - carried :]
        self._after, self._stored = found[:carried], found[carried:]
        self._nodes = [n for n in during.graph.nodes if n.op == "call_function"]
        self._homes: dict[Node, tuple] = {}
        self._find_homes()
        self.examples = [n.meta["val"] for n in self._stored]
        self.aliases = {
            index: (self._homes[self._homes[node][1]][1], *self._homes[node][2:])
            for index, node in enumerate(self._stored)
            if self._is_alias(node)
        }
        self._stacked: dict[str, Any] = {}
        self._still: dict[str, Any] = {}
        self._run = self._write()

    def _find_homes(self) -> None:
        """Where each result is to be; the first that asks for a node has it, the others get a copy."""
        asked = [("next", index, node) for index, node in enumerate(self._after)]
        asked += [("stored", index, node) for index, node in enumerate(self._stored)]
        for kind, index, node in asked:
            if node.target is aten.cat.default:
                self._homes.setdefault(node, (kind, index))
                if kind == "stored" and self._homes[node] == (kind, index):
                    self._join(node)
        for kind, index, node in asked:
            if node.target in WRITING and node.meta["val"].dim():
                self._homes.setdefault(node, (kind, index))
        for node in reversed(self._nodes):
            if node.target is aten.cat.default:
                self._homes.setdefault(node, ("room",))
                self._join(node)
        for group, nodes in (("fixed", self._fixed), ("rows", self._rows), ("before", self._before)):
            self._homes.update({node: (group, index) for index, node in enumerate(nodes)})
        for node in self._nodes:
            if node.target in WRITING:
                self._homes.setdefault(node, ("room",))
            elif node.target in VIEWS and node.args[0] in self._homes:
                self._homes.setdefault(node, ("view", node.args[0]))

    def _join(self, node: Node) -> None:
        """Have what is joined written where the whole is."""
        parts, axis = node.args[0], (node.args[1] if len(node.args) > 1 else 0)
        if axis % node.meta["val"].dim() == 0:
            return
        start = 0
        for part in parts:
            size = part.meta["val"].shape[axis]
            if part.target in WRITING and part.meta["val"].dtype == node.meta["val"].dtype:
                self._homes.setdefault(part, ("part", node, axis, start, size))
            start += size

    def _is_alias(self, node: Node) -> bool:
        """Whether what is stored is a part of something else that is stored."""
        home = self._homes.get(node, ("",))
        return home[0] == "part" and self._homes[home[1]][0] == "stored"

    def _varies(self, node: Node) -> bool:
        """Whether a node's home is another one at every step."""
        kind, *where = self._homes[node]
        if kind in ("view", "part"):
            return self._varies(where[0])
        return kind not in ("fixed", "room")

    def _write(self) -> Callable:
        """The loop as a function of (steps, what is the same at every step)."""
        lines = [line for node in self._nodes for line in self._lines(node)]
        for kind, nodes in (("next", self._after), ("stored", self._stored)):
            for index, node in enumerate(nodes):
                if self._homes.get(node) != (kind, index) and not (kind == "stored" and self._is_alias(node)):
                    lines.append(f"{self._name((kind, index))}.copy_({self._name(node)})")
        stacked, still = ", ".join(self._stacked), ", ".join(self._still)
        body = "\n        ".join(lines or ["pass"])
        head = f"def run(steps, {still}):\n    for {stacked or '_'}{',' if stacked else ''} in steps:"
        source = f"{head}\n        {body}\n"
        names: dict[str, Any] = {
            "torch": torch,
            "aten": aten,
            **{f"torch_{f.__name__}": f for f in WRITING.values()},
        }
        exec(source, names)  # a text of this class alone, made of a graph's operators
        return names["run"]

    def _name(self, what: Any) -> str:
        """The name in the loop of a node, or of where a result goes, and which memory that is."""
        if isinstance(what, tuple):
            name, varies = "_".join(str(part) for part in what), True
        elif what in self._homes:
            name, varies = what.name, self._varies(what)
        else:
            return what.name
        (self._stacked if varies else self._still)[name] = what
        return name

    def _code(self, value: Any) -> str:
        """An argument."""
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
        if node.target in VIEWS and node in self._homes:
            return []
        arguments = [self._code(a) for a in node.args]
        if node.target is aten.cat.default:
            return self._joining(node)
        if node in self._homes:
            out = self._name(node)
            if node.target in (aten.mm.default, aten.addmm.default) and not node.kwargs:
                right = node.args[-1]
                if right in self._homes and not self._varies(right):
                    name = f"{'plus_' * (len(node.args) - 2)}times_{right.name}"
                    self._still[name] = ("product", right, len(node.args) - 2)
                    return [f"{name}({', '.join([*arguments[:-1], out])})"]
            arguments += [f"{key}={self._code(value)}" for key, value in node.kwargs.items()]
            return [f"torch_{WRITING[node.target].__name__}({', '.join(arguments)}, out={out})"]
        if node.target in RESHAPES:
            return [f"{node.name} = {arguments[0]}.reshape({arguments[1]})"]
        arguments += [f"{key}={self._code(value)}" for key, value in node.kwargs.items()]
        if node.target is getitem:
            return [f"{node.name} = {arguments[0]}[{arguments[1]}]"]
        packet, overload = str(node.target).removeprefix("aten.").split(".")
        return [f"{node.name} = aten.{packet}.{overload}({', '.join(arguments)})"]

    def _joining(self, node: Node) -> list[str]:
        """What of a whole was not written there already."""
        parts, axis = node.args[0], (node.args[1] if len(node.args) > 1 else 0)
        joined = [self._homes.get(part, ("",))[:2] == ("part", node) for part in parts]
        if not any(joined):
            return [f"torch.cat({self._code(parts)}, {axis}, out={self._name(node)})"]
        lines, start = [], 0
        for part, there in zip(parts, joined, strict=True):
            size = part.meta["val"].shape[axis]
            there = there and self._homes[part][3] == start
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
        room: Room,
    ) -> Callable[[slice], None]:
        """Lay the loop out over memory of K steps, `[K, B, ...]` each; the function runs some of the steps."""
        steps, lanes = (before or rows)[0].shape[:2]
        stacks = {"rows": rows, "before": before, "next": after, "stored": stored}
        places: dict[Any, Any] = {}
        still = [self._find(what, places, fixed, stacks, lanes, room) for what in self._still.values()]
        tables = [
            self._find(what, places, fixed, stacks, lanes, room).unflatten(0, (steps, -1)).unbind()
            for what in self._stacked.values()
        ]
        table = list(zip(*tables, strict=True)) if tables else [()] * steps

        def run(which: slice) -> None:
            self._run(table[which], *still)

        return run

    def _find(self, what: Any, places: dict[Any, Any], *memory: Any) -> Any:
        """A tensor that is the same at every step, or those of all steps' lanes `[K·B, ...]`; `places` remembers."""
        if what not in places:
            places[what] = self._new(what, places, *memory)
        return places[what]

    def _new(
        self,
        what: Any,
        places: dict[Any, Any],
        fixed: Sequence[Tensor],
        stacks: dict[str, Sequence[Tensor]],
        lanes: int,
        room: Room,
    ) -> Any:
        kind, *where = self._homes[what] if isinstance(what, Node) else what
        if kind == "fixed":
            return fixed[where[0]]
        if kind in stacks:
            return stacks[kind][where[0]].flatten(0, 1)
        if kind == "room":
            example = what.meta["val"]
            shape = (lanes if size == self._lanes else size for size in example.shape)
            return room(what, stacks["rows"][0], *shape, dtype=example.dtype)
        source = self._find(where[0], places, fixed, stacks, lanes, room)
        if kind == "part":
            return source.narrow(*where[1:])
        if kind == "product":
            return times(source, lanes)[where[1]]
        return what.target(source, *what.args[1:], **what.kwargs)


def _number(value: Any) -> str:
    return f"float('{value!r}')" if isinstance(value, float) else repr(value)
