"""Chrono initialisation: gates whose time constants are spread over the lags to be learned (Tallec & Ollivier 2018)."""

from itertools import zip_longest

import torch
from torch import Tensor

from throughtime.cell.base import Cell
from throughtime.errors import UserError
from throughtime.init.base import Initialiser


class Chrono(Initialiser):
    """Biases of the gates such that each unit forgets in a time of its own, uniform between 2 and T_max steps:

        b_keep = ln u,    b_write = -ln u,    u uniform in [1, T_max - 1]

    A gate σ(ln u) keeps u / (1 + u) of the memory a step, which has the time constant 1 + u. A gate that keeps has the
    first bias (the forget gate of an LSTM, the update gate of a GRU), one that writes the second (the input gate of an
    LSTM, the time steps of LEM); those of one memory have the same u (Tallec & Ollivier 2018, arXiv 1804.11188).

    Args:
        longest: T_max, the longest lag in steps that is expected to matter, above 2.

    Raises:
        UserError: T_max is not above 2.
    """

    needs = "gates whose biases could be initialised (Cell.gates)"

    def __init__(self, longest: int | float) -> None:
        if not longest > 2:
            raise UserError(f"longest={longest} must be above 2 steps")
        self.longest = longest

    @torch.no_grad()
    def initialise_cell(self, cell: Cell) -> bool:
        keep, write = self._blocks(cell, "keep"), self._blocks(cell, "write")
        for gates in zip_longest(keep, write):
            like = next(part for part in gates if part is not None)
            logarithm = torch.empty_like(like).uniform_(1, self.longest - 1).log()
            for part, bias in zip(gates, (logarithm, -logarithm), strict=True):
                if part is not None:
                    part.copy_(bias)
        return bool(keep or write)

    @staticmethod
    def _blocks(cell: Cell, role: str) -> list[Tensor]:
        """The biases of the gates with this role, as views."""
        if not cell.gates:
            return []
        parts = cell.bias.chunk(len(cell.gates))
        return [part for part, name in zip(parts, cell.gates, strict=True) if name == role]
