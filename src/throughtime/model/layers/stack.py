"""Stack of recurrent layers, each reading the outputs of the one below."""

from collections.abc import Callable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.errors import check_fraction, check_positive
from throughtime.model.layers.dropout import VariationalDropout


class Stack(nn.Module):
    """y^0 = x,  y^l = [y^{l-1} +] dropout(N(cell^l(y^{l-1}))), N layer normalisation or the identity.

    Every layer's output is dropped out, the last one's too, so a head after it needs no dropout of its own.

    Args:
        cell: makes a layer's cell, called as `cell(input_size=n)`.
        engine: runs the cells over time.
        input_size: the features of x.
        depth: L.
        dropout: the fraction of a layer's outputs that are dropped in training.
        variational: whether a lane's dropout mask is the same at every step.
        residual: whether a layer's input is added to its output, where their sizes agree.
        layer_norm: whether a layer's output is normalised (Ba et al. 2016, arXiv 1607.06450), before its
            dropout and residual.

    Attributes:
        output_size: the features of y^L.
        backward_size: those of them that a recurrence from the end gives, 0.

    Raises:
        UserError: the depth is not positive, or the dropout is no fraction.
    """

    def __init__(
        self,
        cell: Callable[..., Cell],
        engine: Engine,
        input_size: int,
        depth: int = 1,
        dropout: float = 0.0,
        variational: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
    ) -> None:
        check_positive(depth=depth)
        check_fraction(dropout=dropout)
        super().__init__()
        self.engine = engine
        self.residual = residual
        self.cells = nn.ModuleList()
        for _ in range(depth):
            self.cells.append(cell(input_size=input_size))
            input_size = self.cells[-1].output_size
        self.output_size = input_size
        self.backward_size = 0
        self.norms = nn.ModuleList(
            nn.LayerNorm(layer.output_size) if layer_norm else nn.Identity() for layer in self.cells
        )
        self.dropout = VariationalDropout(dropout) if variational else nn.Dropout(dropout)

    def initial_state(self, batch_size: int) -> tuple[State, ...]:
        """The state of every layer before the first step."""
        return tuple(cell.initial_state(batch_size) for cell in self.cells)

    def forward(
        self,
        inputs: Float[Tensor, "T B I"],
        state: tuple[State, ...],
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], tuple[State, ...]]:
        """The outputs of the last layer, and every layer's state after the last true step (`Engine.run`)."""
        after = []
        for cell, norm, before in zip(self.cells, self.norms, state, strict=True):
            outputs, carried = self.engine.run(cell, inputs, before, lengths, resets)
            inputs = self._finish(norm, inputs, outputs)
            after.append(carried)
        return inputs, tuple(after)

    def step(
        self,
        inputs: Float[Tensor, "B I"],
        state: tuple[State, ...],
        projected: Float[Tensor, "B G"] | None = None,
    ) -> tuple[Float[Tensor, "B H"], tuple[State, ...]]:
        """One step of every layer; `projected` is the first cell's projection of the inputs, where already known."""
        after = []
        for cell, norm, before in zip(self.cells, self.norms, state, strict=True):
            outputs, carried = cell.step(cell.project(inputs) if projected is None else projected, before)
            inputs, projected = self._finish(norm, inputs, outputs), None
            after.append(carried)
        return inputs, tuple(after)

    def _finish(
        self, norm: nn.Module, inputs: Float[Tensor, "*T B I"], outputs: Float[Tensor, "*T B H"]
    ) -> Float[Tensor, "*T B H"]:
        outputs = self.dropout(norm(outputs))
        return outputs + inputs if self.residual and inputs.shape == outputs.shape else outputs
