"""An initialiser reaches every cell of a model, and refuses one that declares nothing for it."""

from functools import partial

import pytest
from torch import nn

from throughtime.cell.elman import Elman
from throughtime.cell.lru import LRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.zoneout import Zoneout
from throughtime.errors import UserError
from throughtime.init.base import Initialiser


class Ones(Initialiser):
    """All recurrent weights are 1."""

    needs = "recurrent weights"

    def initialise_cell(self, cell):
        if not cell.recurrent_blocks:
            return False
        nn.init.ones_(cell.weight_recurrent)
        return True


def test_all_cells_are_initialised_and_one_around_another_needs_nothing_of_its_own() -> None:
    cells = [LSTM(2, 3), Zoneout(2, 3, partial(LSTM)), Elman(2, 3)]
    Ones().initialise_model(nn.ModuleList(cells))
    for weight in (cells[0].weight_recurrent, cells[1].cell.weight_recurrent, cells[2].weight_recurrent):
        assert (weight == 1).all()


def test_a_cell_without_the_parameters_is_named() -> None:
    with pytest.raises(UserError, match=r"LRU has no recurrent weights; choose init=null, or another cell"):
        Ones().initialise_model(nn.ModuleList([LSTM(2, 3), LRU(2, 3)]))
