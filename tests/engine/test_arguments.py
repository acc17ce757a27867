"""No engine computes on arrays that do not fit its cell, or reads past their ends: it says which one does not fit."""

from functools import partial
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from throughtime.cell.base import Cell
from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.mingru import MinGRU
from throughtime.engine.arguments import check_arguments
from throughtime.engine.auto import Auto
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.reference import Reference
from throughtime.engine.scan import Scan
from throughtime.engine.symbolic_scan import SymbolicScan
from throughtime.engine.torch_kernels.engine import TorchKernels
from throughtime.tree import map_state

STEPS, LANES, INPUT, HIDDEN = 9, 32, 64, 64
CELLS = {
    "elman": Elman,
    "lstm": LSTM,
    "lstm projection": partial(LSTM, projection_size=16, learned_state=True),
    "gru": GRU,
    "mingru": MinGRU,
}
ENGINES = {
    "auto": Auto(),
    "bptt": BackpropagationThroughTime(),
    "bptt recompute": BackpropagationThroughTime(recompute=True),
    "fused": Fused(),
    "fused recompute": Fused(recompute=True),
    "reference": Reference(),
    "scan": Scan(),
    "symbolic": SymbolicScan(),
    "torch": TorchKernels(),
}


def make(name: str) -> Cell:
    torch.manual_seed(0)
    return CELLS[name](INPUT, HIDDEN)


def fitting(cell: Cell) -> dict:
    return {
        "inputs": torch.randn(STEPS, LANES, INPUT),
        "state": cell.initial_state(LANES),
        "lengths": torch.full((LANES,), STEPS - 1),
        "resets": torch.zeros(STEPS, LANES, dtype=torch.bool),
    }


def first_part(state: tuple, change) -> tuple:
    return type(state)(change(state[0]), *state[1:])


WRONG = {
    "inputs of another width": ("inputs", lambda x, cell: x[..., :-1], r"inputs of shape \[T, B, 64\]"),
    "inputs that are wider": ("inputs", lambda x, cell: torch.cat((x, x), -1), r"\[T, B, 64\]"),
    "inputs of one lane without its axis": ("inputs", lambda x, cell: x[:, 0], r"inputs of shape"),
    "inputs of no step": ("inputs", lambda x, cell: x[:0], "inputs of at least one step"),
    "inputs of fewer lanes": ("inputs", lambda x, cell: x[:, :20], r"state\.\w+ of shape \[20, "),
    "inputs in another precision": ("inputs", lambda x, cell: x.double(), "inputs of type float32"),
    "inputs of integers": ("inputs", lambda x, cell: x.long(), "inputs of type float32, got int64"),
    "inputs elsewhere": ("inputs", lambda x, cell: x.to("meta"), "inputs on cpu"),
    "sparse inputs": ("inputs", lambda x, cell: x.to_sparse(), "inputs to be a dense tensor, got one of layout sparse"),
    "sparse resets": ("resets", lambda r, cell: r.to_sparse(), "resets to be a dense tensor"),
    "a sparse state": (
        "state",
        lambda s, cell: map_state(lambda part: part.to_sparse(), s),
        r"state\.\w+ to be a dense tensor",
    ),
    "inputs of another library": ("inputs", lambda x, cell: x.numpy(), "inputs to be a Tensor"),
    "a state of fewer lanes": ("state", lambda s, cell: cell.initial_state(20), r"\[32, \d+\], got \[20, \d+\]"),
    "a state of more lanes": ("state", lambda s, cell: cell.initial_state(40), r"\[32, \d+\], got \[40, \d+\]"),
    "a state of one lane": ("state", lambda s, cell: cell.initial_state(1), r"\[32, \d+\], got \[1, \d+\]"),
    "a state of other features": (
        "state",
        lambda s, cell: first_part(s, lambda part: part[:, :-1]),
        r"state\.\w+ of shape \[32, (64|16)\], got \[32, (63|15)\]",
    ),
    "a state in another precision": (
        "state",
        lambda s, cell: first_part(s, lambda part: part.double()),
        r"state\.\w+ of type float32, got float64",
    ),
    "a state elsewhere": ("state", lambda s, cell: first_part(s, lambda part: part.to("meta")), "on cpu, got it on"),
    "a state with a missing part": ("state", lambda s, cell: first_part(s, lambda part: None), r"state\.\w+ to be"),
    "a state without parts": ("state", lambda s, cell: (), "state to be a"),
    "a state of another cell": ("state", lambda s, cell: tuple(s), "state to be a"),
    "no state": ("state", lambda s, cell: None, "state to be a"),
    "too few lengths": ("lengths", lambda n, cell: n[:20], r"lengths of shape \[32\], got \[20\]"),
    "too many lengths": ("lengths", lambda n, cell: n.repeat(2), r"lengths of shape \[32\], got \[64\]"),
    "one length": ("lengths", lambda n, cell: n[0], r"lengths of shape \[32\], got \[\]"),
    "a negative length": ("lengths", lambda n, cell: n.index_fill(0, torch.tensor(3), -2), "from 0 to 9, got -2"),
    "a length beyond T": ("lengths", lambda n, cell: n.index_fill(0, torch.tensor(3), 10), "from 0 to 9, got 10"),
    "lengths that are no integers": ("lengths", lambda n, cell: n.float(), "lengths of type int64 or int32"),
    "lengths without a sign": ("lengths", lambda n, cell: n.to(torch.uint8), "lengths of type int64 or int32"),
    "lengths in a list": ("lengths", lambda n, cell: n.tolist(), "lengths to be a Tensor"),
    "lengths elsewhere": ("lengths", lambda n, cell: n.to("meta"), "lengths on cpu"),
    "resets of fewer steps": ("resets", lambda r, cell: r[:5], r"resets of shape \[9, 32\], got \[5, 32\]"),
    "resets of fewer lanes": ("resets", lambda r, cell: r[:, :20], r"resets of shape \[9, 32\], got \[9, 20\]"),
    "resets of more steps": ("resets", lambda r, cell: torch.cat((r, r)), r"resets of shape \[9, 32\], got \[18, 32\]"),
    "resets of one lane": ("resets", lambda r, cell: r[:, 0], r"resets of shape \[9, 32\], got \[9\]"),
    "resets that are numbers": ("resets", lambda r, cell: r.float(), "resets of type bool, got float32"),
    "resets elsewhere": ("resets", lambda r, cell: r.to("meta"), "resets on cpu"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("engine", ENGINES)
def test_an_array_that_does_not_fit_is_named(engine, wrong):
    argument, change, message = WRONG[wrong]
    for name in CELLS:
        cell = make(name)
        arguments = fitting(cell)
        arguments[argument] = change(arguments[argument], cell)
        with pytest.raises((TypeError, ValueError), match=message):
            ENGINES[engine].run(cell, *arguments.values())


@pytest.mark.parametrize("name", CELLS)
def test_what_fits_is_let_through_in_every_order_of_memory(name):
    cell = make(name)
    inputs, state, lengths, resets = fitting(cell).values()
    check_arguments(cell, inputs, state)
    check_arguments(cell, inputs.transpose(0, 1).contiguous().transpose(0, 1), state, lengths.int(), resets)
    check_arguments(cell, inputs, map_state(lambda part: part.detach().requires_grad_(), state), lengths)
    check_arguments(cell, inputs[:, :0], cell.initial_state(0), lengths[:0], resets[:, :0])
    check_arguments(cell, inputs.to("meta"), cell.to("meta").initial_state(LANES), lengths.to("meta"))


@pytest.mark.parametrize("engine", [name for name in ENGINES if name not in ("scan", "symbolic")])
@pytest.mark.parametrize("masks", [False, True])
def test_unusual_but_fitting_arrays_give_the_plain_loops_numbers(engine, masks):
    cell = make("lstm")
    inputs, _, lengths, resets = fitting(cell).values()
    state = map_state(lambda part: torch.randn(HIDDEN, LANES).t().requires_grad_(), cell.initial_state(LANES))
    inputs = torch.randn(LANES, STEPS, INPUT).transpose(0, 1)
    resets = (torch.rand(LANES, STEPS) < 0.3).t()
    given = (lengths.int(), resets) if masks else ()
    outputs, after = ENGINES[engine].run(cell, inputs, state, *given)
    expected, expected_after = Reference().run(cell, inputs.contiguous(), state, *given)
    for found, due in zip((outputs, *after), (expected, *expected_after), strict=True):
        torch.testing.assert_close(found, due, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("engine", [name for name in ENGINES if name not in ("scan", "symbolic")])
def test_a_batch_of_no_lane_has_outputs_of_no_lane(engine):
    cell = make("gru")
    outputs, after = ENGINES[engine].run(cell, torch.zeros(STEPS, 0, INPUT), cell.initial_state(0))
    assert outputs.shape == (STEPS, 0, HIDDEN)
    assert after.hidden.shape == (0, HIDDEN)


def test_a_cell_that_has_changed_is_looked_at_again():
    cell = make("gru")
    inputs, before = torch.zeros(1, 2, INPUT), cell.initial_state(2)
    check_arguments(cell, inputs, before)
    cell.double()
    with pytest.raises(TypeError, match=r"state\.hidden of type float64, got float32"):
        check_arguments(cell, inputs.double(), before)
    check_arguments(cell, inputs.double(), cell.initial_state(2))


def test_mixed_precision_may_round_what_a_run_begins_with():
    cell = make("gru")
    inputs, state = torch.zeros(1, 2, INPUT), cell.initial_state(2)
    rounded = map_state(lambda part: part.bfloat16(), state)
    with torch.autocast("cpu", torch.bfloat16):
        check_arguments(cell, inputs.bfloat16(), state)
        check_arguments(cell, inputs.bfloat16(), rounded)
        with pytest.raises(TypeError, match="inputs of a floating-point type"):
            check_arguments(cell, inputs.long(), state)
    with pytest.raises(TypeError, match=r"state\.hidden of type float32, got bfloat16"):
        check_arguments(cell, inputs, rounded)


class Pair(NamedTuple):
    matrix: Tensor
    inner: tuple[Tensor, Tensor]


class Own(Cell):
    """A cell with matrices and trees in its state, which begins at random."""

    def initial_state(self, batch_size: int) -> Pair:
        count = torch.zeros(batch_size, dtype=torch.long)
        return Pair(torch.randn(batch_size, 2, 3), (count, torch.zeros(batch_size)))

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        return projected, state


def test_a_state_may_be_any_tree_and_no_random_number_is_drawn():
    cell, inputs = Own(3, 3), torch.zeros(2, 4, 3)
    state = cell.initial_state(4)
    before = torch.get_rng_state()
    check_arguments(cell, inputs, state)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ValueError, match=r"state\.matrix of shape \[4, 2, 3\], got \[4, 2, 2\]"):
        check_arguments(cell, inputs, state._replace(matrix=state.matrix[..., :2]))
    with pytest.raises(TypeError, match=r"state\.inner\[0\] of type int64, got float32"):
        check_arguments(cell, inputs, state._replace(inner=(state.inner[1], state.inner[1])))
    with pytest.raises(ValueError, match=r"the parts state\.matrix, state\.inner\[0\], state\.inner\[1\]"):
        check_arguments(cell, inputs, state._replace(inner=(state.inner[0],)))


def test_a_cell_that_begins_with_other_lanes_is_told_so():
    class Single(Own):
        def initial_state(self, batch_size: int) -> Pair:
            return super().initial_state(1)

    cell = Single(3, 3)
    with pytest.raises(ValueError, match=r"Single\.initial_state\(4\) to give state\.matrix of shape \[4, "):
        check_arguments(cell, torch.zeros(2, 4, 3), cell.initial_state(4))
