"""Compiled decoding step: a model's step and its head's prediction as one C function, for long texts."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell, State
from throughtime.decode.base import Step
from throughtime.engine.compiler.runtime.kernel import NO_KERNEL
from throughtime.engine.compiler.runtime.stepper import Stepper
from throughtime.engine.trace.trace import UntraceableError
from throughtime.head.base import Head
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel
from throughtime.tree import Tree, leaves, unflatten

MAX_TABLE_SIZE = 1 << 25  # numbers in the table of projected symbols


class _FlatState(tuple):
    """State of a `_DecodingCell`: a tuple whose constructor takes its parts, as that of a named tuple does."""

    def __new__(cls, *parts: Tensor) -> "_FlatState":
        return super().__new__(cls, parts)


class _DecodingCell(Cell):
    """All layers and a head as one cell; its output, also the last part of its state, is the prediction.

    Args:
        layers: the layers above the front end.
        head: predicts log-probabilities `[B, V]`.
        excluded: 0 for symbols that may be generated, -∞ for the others.
    """

    def __init__(self, layers: Stack, head: Head, excluded: Float[Tensor, " V"]) -> None:
        super().__init__(layers.cells[0].input_size, len(excluded))
        self.layers, self.head = layers, head
        self.register_buffer("excluded", excluded)

    def initial_state(self, batch_size: int) -> State:
        predicted = self.excluded.new_zeros(batch_size, len(self.excluded))
        return _FlatState(*leaves(self.layers.initial_state(batch_size)), predicted)

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """[x ; first cell's projection of x]: a residual connection needs x itself."""
        return torch.cat((inputs, self.layers.cells[0].project(inputs)), -1)

    def step(self, projected: Float[Tensor, "B G"], state: State) -> tuple[Float[Tensor, "B V"], State]:
        inputs, projected = projected.tensor_split([self.input_size], 1)
        *parts, _ = state
        before = unflatten(parts, self.layers.initial_state(1))
        features, after = self.layers.step(inputs, before, projected)
        predicted = self.head.predict(features) + self.excluded
        return predicted, _FlatState(*leaves(after), predicted)


def compiled_step(
    model: nn.Module, head: Head, excluded: Float[Tensor, " V"], ids: Int[Tensor, " B"]
) -> Step | None:
    """Compile a decoder's step with the weights as they are now, or return None if it cannot be compiled.

    It can be compiled for layers above an embedding, on a CPU in single or double precision, in evaluation mode, if
    the cells' steps are fixed graphs of operators and there is a C compiler.

    Args:
        model: computes features.
        head: predicts log-probabilities from features.
        excluded: is added to the log-probabilities.
        ids: the symbols of one step, as an example.
    """
    is_stack = isinstance(model, SequenceModel) and isinstance(model.layers, Stack)
    if not (is_stack and isinstance(model.front, Embedding)) or model.training or head.training:
        return None
    cell = _DecodingCell(model.layers, head, excluded).eval()
    try:
        with torch.inference_mode():
            return _CompiledStep(cell, _projected_symbols(cell, model.front), len(ids))
    except NO_KERNEL:
        return None


def _projected_symbols(cell: _DecodingCell, front: Embedding) -> Float[Tensor, "V G"]:
    """The projected input of every symbol.

    Raises:
        UntraceableError: the weights are not on a CPU, or the table would be too large.
    """
    weight = front.weight
    if weight.device.type != "cpu":
        raise UntraceableError("it compiles code for a CPU only")
    if len(weight) * cell.project(front(torch.zeros(1, dtype=torch.long))).shape[1] > MAX_TABLE_SIZE:
        raise UntraceableError("it has too many symbols")
    return cell.project(front(torch.arange(len(weight))))


class _CompiledStep:
    """Decoder's step that looks symbols up in a table of projected inputs and runs a `Stepper`.

    Args:
        cell: layers and head.
        table: the projected input of every symbol.
        lanes: the number of lanes of the first step.
    """

    def __init__(self, cell: _DecodingCell, table: Float[Tensor, "V G"], lanes: int) -> None:
        self._cell, self._table = cell, table
        self._steppers: dict[int, tuple[Stepper, Tensor]] = {}
        self._part_count = len(cell.initial_state(1)) - 1
        self._last: Tree = None
        self._stepper(lanes)

    def _stepper(self, lanes: int) -> tuple[Stepper, Float[Tensor, "B G"]]:
        """The stepper for a number of lanes, which differs between the steps of a beam, and its input buffer.

        The buffer is reused at every step: a new allocation of its size may cost page faults each time.
        """
        if lanes not in self._steppers:
            with torch.inference_mode(False):
                buffer = self._table.new_zeros(lanes, self._table.shape[1])
            self._steppers[lanes] = Stepper(self._cell, buffer), buffer
        return self._steppers[lanes]

    def __call__(self, ids: Int[Tensor, " B"], state: Tree) -> tuple[Float[Tensor, "B V"], Tree]:
        stepper, buffer = self._stepper(len(ids))
        if state is not self._last:
            # Lanes of an earlier result that a beam has chosen, or the state of the model.
            predicted = self._table.new_zeros(len(ids), self._cell.hidden_size)
            state = (*leaves(state)[: self._part_count], predicted)
        self._last = stepper(torch.index_select(self._table, 0, ids, out=buffer), state)
        return self._last[-1], self._last
