"""The fastest engine for whatever comes (`engine=auto`)."""

from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.engine.native import Native
from throughtime.engine.reference import Reference

FASTEST_FIRST: tuple[Engine, ...] = (Native(), Reference())


class Auto(Engine):
    """Hands each run to the first engine of `FASTEST_FIRST` that accepts it; the last accepts everything."""

    def refusal(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        return None

    def run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        accepting = (e for e in FASTEST_FIRST if e.refusal(cell, inputs, lengths, resets) is None)
        return next(accepting).run(cell, inputs, state, lengths, resets)
