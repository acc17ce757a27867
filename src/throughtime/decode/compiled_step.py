"""A model's step and its head's prediction as one compiled function, for writing long texts."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell, State
from throughtime.decode.base import Step
from throughtime.engine.compiler.ir.program import UnknownOperatorError
from throughtime.engine.compiler.runtime.stepper import Stepper
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.trace.trace import UntraceableError
from throughtime.head.base import Head
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel
from throughtime.tree import Tree, leaves, unflatten

LARGEST = 1 << 25  # numbers of a table of projected symbols


class _Parts(tuple):
    """The state of a `_Writing`, made from its parts as a named tuple is."""

    def __new__(cls, *parts: Tensor) -> "_Parts":
        return super().__new__(cls, parts)


class _Writing(Cell):
    """All layers and a head as one cell: its output, and last part of its state, is what is predicted.

    Args:
        layers: the layers above the front end.
        head: predicts log-probabilities `[B, V]`.
        excluded: 0 for symbols that may be written, -∞ for the others.
    """

    def __init__(self, layers: Stack, head: Head, excluded: Float[Tensor, " V"]) -> None:
        super().__init__(layers.cells[0].input_size, len(excluded))
        self.layers, self.head = layers, head
        self.register_buffer("excluded", excluded)

    def initial_state(self, batch_size: int) -> State:
        predicted = self.excluded.new_zeros(batch_size, len(self.excluded))
        return _Parts(*leaves(self.layers.initial_state(batch_size)), predicted)

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """[x ; what the first cell makes of x]: a residual connection goes on from x itself."""
        return torch.cat((inputs, self.layers.cells[0].project(inputs)), -1)

    def step(self, projected: Float[Tensor, "B G"], state: State) -> tuple[Float[Tensor, "B V"], State]:
        inputs, projected = projected.tensor_split([self.input_size], 1)
        *parts, _ = state
        before = unflatten(parts, self.layers.initial_state(1))
        features, after = self.layers.step(inputs, before, projected)
        predicted = self.head.predict(features) + self.excluded
        return predicted, _Parts(*leaves(after), predicted)


def compiled_step(
    model: nn.Module, head: Head, excluded: Float[Tensor, " V"], ids: Int[Tensor, " B"]
) -> Step | None:
    """A decoder's step with the weights as they are now; None where there is none.

    There is none for other models than layers above an embedding, off the CPU, in other than single or double
    precision, in training, for cells that no fixed graph of operators describes, or without a C compiler.

    Args:
        model: gives features.
        head: predicts log-probabilities from them.
        excluded: is added to these.
        ids: those of a step, as an example.
    """
    written = isinstance(model, SequenceModel) and isinstance(model.layers, Stack)
    if not (written and isinstance(model.front, Embedding)) or model.training or head.training:
        return None
    cell = _Writing(model.layers, head, excluded).eval()
    try:
        with torch.inference_mode():
            return _Stepping(cell, _table(cell, model.front), len(ids))
    except (UntraceableError, UnknownOperatorError, CompilerError):
        return None


def _table(cell: _Writing, front: Embedding) -> Float[Tensor, "V G"]:
    """What the cell makes of every symbol before it needs the state."""
    weight = front.weight
    if weight.device.type != "cpu":
        raise UntraceableError("it makes code for a CPU only")
    if len(weight) * cell.project(front(torch.zeros(1, dtype=torch.long))).shape[1] > LARGEST:
        raise UntraceableError("it has too many symbols")
    return cell.project(front(torch.arange(len(weight))))


class _Stepping:
    """The decoder's step.

    Args:
        cell: the whole of layers and head.
        table: what it makes of every symbol.
        lanes: how many there are at first.
    """

    def __init__(self, cell: _Writing, table: Float[Tensor, "V G"], lanes: int) -> None:
        self._cell, self._table = cell, table
        self._steppers: dict[int, tuple[Stepper, Tensor]] = {}
        self._parts = len(cell.initial_state(1)) - 1
        self._last: Tree = None
        self._stepper(lanes)

    def _stepper(self, lanes: int) -> tuple[Stepper, Float[Tensor, "B G"]]:
        """That for so many lanes, as a beam has more or fewer from step to step; and room for its input.

        The same room at every step, for new memory of this size may be fresh pages each time.
        """
        if lanes not in self._steppers:
            with torch.inference_mode(False):
                room = self._table.new_zeros(lanes, self._table.shape[1])
            self._steppers[lanes] = Stepper(self._cell, room), room
        return self._steppers[lanes]

    def __call__(self, ids: Int[Tensor, " B"], state: Tree) -> tuple[Float[Tensor, "B V"], Tree]:
        stepper, room = self._stepper(len(ids))
        if state is not self._last:
            # Of its own making, which a beam may have chosen from, or the model's.
            predicted = self._table.new_zeros(len(ids), self._cell.hidden_size)
            state = (*leaves(state)[: self._parts], predicted)
        self._last = stepper(torch.index_select(self._table, 0, ids, out=room), state)
        return self._last[-1], self._last
