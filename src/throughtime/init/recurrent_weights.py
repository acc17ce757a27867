"""One start for the recurrent weight matrices of any cell: orthogonal, identity, or another initialisation by name."""

import torch

from throughtime.cell.base import Cell
from throughtime.cell.initialisation import INITIALISATIONS, initialise
from throughtime.errors import check_choice, check_positive
from throughtime.init.base import Initialiser


class RecurrentWeights(Initialiser):
    """Every recurrent matrix of a cell, gate by gate, by one initialisation, times a gain.

    An orthogonal matrix keeps the norm of states and gradients (Saxe, McClelland & Ganguli 2014, arXiv 1312.6120;
    Arjovsky, Shah & Bengio 2016, arXiv 1511.06464); all of its eigenvalues have the absolute value 1, so that the gain
    is the spectral radius. The identity is that of the IRNN (Le, Jaitly & Hinton 2015, arXiv 1504.00941). The numbers
    of a diagonal recurrence are ±1 at random for orthogonal ones, and 1 for the identity.

    Args:
        initialisation: a name that `cell.initialisation` knows.
        gain: the factor after it.

    Raises:
        UserError: the initialisation is not known, or the gain is not positive.
    """

    needs = "recurrent weight matrices to initialise (Cell.recurrent_blocks)"

    def __init__(self, initialisation: str = "orthogonal", gain: float = 1.0) -> None:
        check_choice(INITIALISATIONS, initialisation=initialisation)
        check_positive(gain=gain)
        self.initialisation, self.gain = initialisation, gain

    @torch.no_grad()
    def initialise_cell(self, cell: Cell) -> bool:
        if not cell.recurrent_blocks:
            return False
        weight = cell.weight_recurrent
        if weight.dim() == 1:
            initialise(weight.view(-1, 1), self.initialisation, len(weight))
        else:
            initialise(weight.view(-1, weight.shape[-1]), self.initialisation, cell.recurrent_blocks)
        weight.mul_(self.gain)
        return True
