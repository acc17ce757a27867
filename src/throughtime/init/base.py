"""The contract of an initialiser: it sets parameters of every cell of a new model."""

from abc import ABC, abstractmethod
from typing import ClassVar, final

from torch import nn

from throughtime.cell.base import Cell
from throughtime.errors import UserError


class Initialiser(ABC):
    """An initialisation of parameters that a cell declares (`Cell.recurrent_blocks`, `Cell.gates`).

    Attributes:
        needs: what a cell must declare for it, for an error.
    """

    needs: ClassVar[str]

    @final
    def initialise_model(self, model: nn.Module) -> None:
        """Initialise all cells of a model in place; of a cell around another one, the inner one.

        Raises:
            UserError: a cell declares nothing that could be initialised.
        """
        for cell in [module for module in model.modules() if isinstance(module, Cell)]:
            wraps = any(isinstance(inner, Cell) for inner in cell.modules() if inner is not cell)
            if not self.initialise_cell(cell) and not wraps:
                raise UserError(
                    f"{type(cell).__name__} has no {self.needs}; choose init=null, or another cell"
                )

    @abstractmethod
    def initialise_cell(self, cell: Cell) -> bool:
        """Initialise one cell in place, without those inside; return whether it has anything to initialise."""
