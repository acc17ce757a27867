"""Zoneout (Krueger et al. 2017, ICLR, arXiv 1606.01305): random parts of the state keep their previous value."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.errors import UserError, check_fraction, check_positive


class Zoneout(Cell):
    """Zoneout around another cell, whose next state is s̃_t: s_t = m_t ∘ s_{t-1} + (1 - m_t) ∘ s̃_t,  o_t = h_t.

    In training m_t is 1 with probability p and else 0, drawn for each lane, step and feature; in evaluation it
    is p. All masks of a sequence are drawn at once in `project`, from torch's generator, and passed to the
    steps beside the projected input: so every engine sees the same ones, and a step remains a fixed function.

    Args:
        input_size: I.
        hidden_size: H.
        cell: makes the other cell, called as `cell(input_size=I, hidden_size=H)`; its output must be the first
            part of its state.
        hidden_rate: p of the first part of the state, h.
        memory_rate: p of the other parts, such as an LSTM's c.

    Raises:
        UserError: a rate is not in [0, 1), or the cell's output is not its state.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        cell: Callable[..., Cell],
        hidden_rate: float = 0.05,
        memory_rate: float = 0.05,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        check_fraction(hidden_rate=hidden_rate, memory_rate=memory_rate)
        inner = cell(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size, inner.output_size)
        self.cell = inner
        self.sizes = tuple(_widths(inner))
        self.rates = (hidden_rate, *[memory_rate] * (len(self.sizes) - 1))

    def initial_state(self, batch_size: int) -> State:
        return self.cell.initial_state(batch_size)

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        projected = self.cell.project(inputs)
        if not self.training:
            return projected
        return torch.cat((projected, _random_masks(projected, self.sizes, self.rates)), -1)

    def step(self, projected: Float[Tensor, "B G"], state: State) -> tuple[Float[Tensor, "B O"], State]:
        own = projected.shape[1] - sum(self.sizes) * self.training
        projected, *masks = projected.split((own, *self.sizes * self.training), 1)
        _, after = self.cell.step(projected, state)
        if self.training:
            parts = zip(masks, state, after, strict=True)
            mixed = [torch.where(mask > 0, old, new) for mask, old, new in parts]
        else:
            mixed = [new + p * (old - new) for p, old, new in zip(self.rates, state, after, strict=True)]
        return mixed[0], type(state)(*mixed)


@torch.no_grad()
def _random_masks(
    projected: Float[Tensor, "*T B G"], sizes: Sequence[int], rates: Sequence[float]
) -> Float[Tensor, "*T B M"]:
    """A mask for each part of the state, side by side: 1 with probability p, rounded to a multiple of 2⁻¹⁶.

    A random number of 64 bits is four of 16, which takes a quarter of the time of four uniform numbers.
    """
    shape, width = projected.shape[:-1], sum(sizes)
    words = torch.empty(*shape, -(-width // 4), dtype=torch.int64, device=projected.device)
    drawn = words.random_(-(1 << 63), None).view(torch.int16)[..., :width]
    masks = projected.new_empty(*shape, width)
    for rate, part, mask in zip(rates, drawn.split(sizes, -1), masks.split(sizes, -1), strict=True):
        torch.lt(part, min(round(rate * (1 << 16)), (1 << 16) - 1) - (1 << 15), out=mask)
    return masks


@torch.no_grad()
def _widths(cell: Cell) -> list[int]:
    """The features of each part of a cell's state.

    Raises:
        UserError: the cell's output is not the first of them.
    """
    weight = next(cell.parameters())
    output, after = cell.step(cell.project(weight.new_ones(1, cell.input_size)), cell.initial_state(1))
    if not torch.equal(output, after[0]):
        raise UserError(
            f"cell={type(cell).__name__} has an output that is not its state, which zoneout would bypass; "
            "choose a cell without a readout (an Elman cell with output_activation=null)"
        )
    return [part.shape[1] for part in after]
