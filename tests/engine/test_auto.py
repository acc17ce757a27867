import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lem import LEM
from throughtime.cell.lstm import LSTM
from throughtime.cell.mgu import MGU
from throughtime.cell.minlstm import MinLSTM
from throughtime.cell.zoneout import Zoneout
from throughtime.engine.auto import CPU_ENGINES, OTHER_ENGINES, Auto, fastest_engine
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.compiler.runtime import kernel
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.reference import Reference
from throughtime.engine.scan import Scan
from throughtime.engine.torch_kernels.engine import TorchKernels


class Counting(MGU):
    """A cell whose step changes the cell, which no tracer can follow."""

    steps = 0

    def step(self, projected, state):
        self.steps += 1
        return super().step(projected, state)


@pytest.fixture
def no_compiler(monkeypatch):
    """A machine on which no C compiler is found."""

    def fail(*arguments, **options):
        raise CompilerError("there is no C compiler on this machine")

    kernel._compiled_or_error.cache_clear()
    monkeypatch.setattr(kernel, "library", fail)
    yield
    kernel._compiled_or_error.cache_clear()


def chosen(cell, dtype=torch.float32, device="cpu"):
    cell = cell.to(device, dtype)
    return type(fastest_engine(cell, torch.zeros(5, 2, cell.input_size, dtype=dtype, device=device)))


@pytest.mark.parametrize("kind", [LSTM, GRU, LEM, MinLSTM])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_a_cpu_every_cell_is_compiled(kind, dtype):
    assert chosen(kind(3, 4), dtype) is Fused


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(LSTM, TorchKernels), (GRU, TorchKernels), (LEM, BackpropagationThroughTime), (Counting, Reference)],
)
def test_without_a_compiler_the_next_ones_are_taken(kind, expected, no_compiler):
    assert chosen(kind(3, 4)) is expected


@pytest.mark.parametrize(("kind", "expected"), [(LSTM, TorchKernels), (GRU, TorchKernels), (MinLSTM, Scan)])
def test_on_another_device_there_is_no_c(kind, expected):
    assert chosen(kind(3, 4), device="meta") is expected


def test_what_has_no_c_is_run_all_the_same():
    """Half precision, and a step that no tracer can follow."""
    assert chosen(LSTM(3, 4), torch.bfloat16) is TorchKernels
    cell, inputs = Counting(3, 4), torch.randn(5, 2, 3)
    assert chosen(cell) is Reference
    outputs, after = Auto().run(cell, inputs, cell.initial_state(2))
    expected, expected_after = Reference().run(cell, inputs, cell.initial_state(2))
    assert torch.equal(outputs, expected)
    assert torch.equal(after.hidden, expected_after.hidden)


def test_each_engine_is_asked_at_most_once_a_run(no_compiler, monkeypatch):
    asked = []
    for kind in (Fused, TorchKernels, BackpropagationThroughTime, Reference):

        def ask(self, *arguments, kind=kind, before=kind.unsupported_reason):
            asked.append(kind)
            return before(self, *arguments)

        monkeypatch.setattr(kind, "unsupported_reason", ask)
    cell = LEM(3, 4)
    for _ in range(2):
        asked.clear()
        Auto().run(cell, torch.randn(5, 2, 3), cell.initial_state(2))
        assert asked == [Fused, TorchKernels, BackpropagationThroughTime]


def test_choosing_draws_no_random_numbers():
    """Though the cell draws its masks where the inputs are projected."""
    cell = Zoneout(3, 4, cell=LSTM)
    before = torch.get_rng_state()
    fastest_engine(cell, torch.zeros(5, 2, 3))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_last_choice_takes_everything():
    assert isinstance(CPU_ENGINES[-1], Reference)
    assert isinstance(OTHER_ENGINES[-1], Reference)
