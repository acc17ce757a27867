"""Compiled cells agree with the plain loop: cells of many kinds, random ones among them, and exact refusals."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.layernorm_lstm import LayerNormLSTM
from throughtime.cell.lem import LEM
from throughtime.cell.lstm import LSTM
from throughtime.cell.mgu import MGU
from throughtime.engine.compiler import engine as engine_module
from throughtime.engine.compiler.engine import Fused, replace_bf16_autocast, to_float32
from throughtime.engine.compiler.runtime import kernel as kernel_module
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


class Hidden(NamedTuple):
    hidden: Tensor


class Pair(NamedTuple):
    first: Tensor
    second: Tensor


class StepFunctionCell(Cell):
    """A cell of a function `step(cell, x, *parts) -> (output, *parts)`."""

    def __init__(
        self, step, gates: int = 1, parts: int = 1, hidden: int = 5, **weights: tuple[int, ...]
    ) -> None:
        super().__init__(3, hidden)
        self.function, self.kind = step, Hidden if parts == 1 else Pair
        self.inner = nn.Linear(3, gates * hidden)
        for name, shape in weights.items():
            setattr(self, name, nn.Parameter(torch.rand(shape) - 0.5))
        self.norm = nn.LayerNorm(hidden)

    def initial_state(self, batch_size):
        zero = self.inner.weight.new_zeros(batch_size, self.hidden_size)
        return self.kind(*[zero for _ in self.kind._fields])

    def project(self, inputs):
        return self.inner(inputs)

    def step(self, projected, state):
        output, *parts = self.function(self, projected, *state)
        return output, self.kind(*parts)


def layer_norm_lstm(c, x, h, m):
    i, f, g, o = functional.layer_norm(x + h @ c.u, (20,), c.gain, c.shift).chunk(4, 1)
    m = torch.sigmoid(f) * m + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c.norm(m))
    return h, h, m


def independent(c, x, h):
    h = torch.relu(x + c.u * h)
    return h, h


def minimal_gated(c, x, h):
    a, b = x.chunk(2, 1)
    f = torch.sigmoid(a + h @ c.u)
    h = (1 - f) * h + f * torch.tanh(b + (f * h) @ c.v)
    return h, h


def antisymmetric(c, x, h):
    h = h + 0.1 * torch.tanh(x + h @ (c.u - c.u.t() - 0.01 * torch.eye(5, dtype=x.dtype)))
    return h, h


def oscillators(c, x, y, z):
    z = z + 0.1 * (torch.tanh(x + y @ c.u + z @ c.v) - 0.9 * y - 0.8 * z)
    y = y + 0.1 * z
    return y, y, z


def linear_recurrence(c, x, re, im):
    size, angle = torch.exp(-torch.exp(c.u)), torch.exp(c.v)
    a, b = size * torch.cos(angle), size * torch.sin(angle)
    re, im = a * re - b * im + x, b * re + a * im
    return re - 0.5 * im, re, im


def long_expressive(c, x, y, z):
    a, b, d, e = x.chunk(4, 1)
    step, slow = torch.sigmoid(a + y @ c.u), torch.sigmoid(b + y @ c.v)
    z = (1 - slow) * z + slow * torch.tanh(d + y @ c.w)
    y = (1 - step) * y + step * torch.tanh(e + z @ c.r)
    return y, y, z


def zoneout(c, x, h):
    a, drawn = x.chunk(2, 1)
    h = torch.where(drawn > 0, h, torch.tanh(a + h @ c.u))
    return h, h


def many_functions(c, x, h):
    a = functional.softplus(x) + functional.gelu(h) - functional.elu(x * h) + functional.leaky_relu(h)
    b = (
        functional.silu(x) / (1 + h.abs())
        + torch.sqrt(1 + h * h)
        + functional.hardtanh(h)
        + x.clamp(-0.5, 0.5) ** 3
    )
    return torch.softmax(a, 1), torch.tanh(b @ c.u * 0.1 + a.mean(1, keepdim=True))


def attention(c, x, h):
    score = torch.sigmoid((h @ c.u).sum(1, keepdim=True) + c.v)
    padded = torch.cat((h[:, 1:], h[:, :1]), 1)
    h = score * padded + (1 - score) * torch.maximum(x, h)
    return torch.cat((h, x[:, :2]), 1) @ c.w, h


KINDS = {
    "layer-norm LSTM": lambda: StepFunctionCell(layer_norm_lstm, 4, 2, u=(5, 20), gain=(20,), shift=(20,)),
    "independent": lambda: StepFunctionCell(independent, u=(5,)),
    "minimal gated": lambda: StepFunctionCell(minimal_gated, 2, u=(5, 5), v=(5, 5)),
    "antisymmetric": lambda: StepFunctionCell(antisymmetric, u=(5, 5)),
    "oscillators": lambda: StepFunctionCell(oscillators, parts=2, u=(5, 5), v=(5, 5)),
    "linear recurrence": lambda: StepFunctionCell(linear_recurrence, parts=2, u=(5,), v=(5,)),
    "long expressive": lambda: StepFunctionCell(
        long_expressive, 4, 2, u=(5, 5), v=(5, 5), w=(5, 5), r=(5, 5)
    ),
    "zoneout": lambda: StepFunctionCell(zoneout, 2, u=(5, 5)),
    "many functions": lambda: StepFunctionCell(many_functions, u=(5, 5)),
    "attention": lambda: StepFunctionCell(attention, u=(5, 5), v=(), w=(7, 5)),
}


def results(engine, cell, steps, lanes, dtype, lengths=None, resets=None):
    generator = torch.Generator().manual_seed(0)

    def numbers(*shape):
        return torch.randn(shape, generator=generator, dtype=dtype)

    inputs = numbers(steps, lanes, 3).requires_grad_()
    state = type(cell.initial_state(1))(
        *(numbers(*p.shape).requires_grad_() for p in cell.initial_state(lanes))
    )
    outputs, after = engine.run(cell, inputs, state, lengths, resets)
    found = [outputs, *after]
    total = sum((r * numbers(*r.shape)).sum() for r in found)
    sources = [inputs, *state, *cell.parameters()]
    return [*found, *torch.autograd.grad(total, sources, allow_unused=True, materialize_grads=True)]


def assert_agrees(cell, steps, lanes, dtype, lengths=None, resets=None):
    cell = cell.to(dtype)
    expected = results(Reference(), cell, steps, lanes, dtype, lengths, resets)
    for actual, wanted in zip(
        results(Fused(), cell, steps, lanes, dtype, lengths, resets), expected, strict=True
    ):
        scale = max(1.0, float(wanted.detach().abs().amax())) if wanted.numel() else 1.0
        torch.testing.assert_close(actual, wanted, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", KINDS)
def test_cells_of_many_kinds_agree_with_the_plain_loop(kind, dtype):
    torch.manual_seed(0)
    resets = torch.rand(6, 4) < 0.2
    assert_agrees(KINDS[kind](), 6, 4, dtype, torch.tensor([6, 0, 3, 5]), resets)


UNARY = (
    torch.tanh,
    torch.sigmoid,
    torch.sin,
    lambda a: a * a,
    torch.relu,
    lambda a: 1 - a,
    lambda a: 0.5 * a.abs(),
)
BINARY = (
    torch.add,
    torch.sub,
    torch.mul,
    lambda a, b: a / (1 + b * b),
    torch.maximum,
    lambda a, b: torch.where(a > b, a, -b),
)


def build(draws, c, x, *parts):
    """An expression over the gates of x, the state, a peephole and up to two products, as the draws say."""
    known = [*x.chunk(2, 1), *parts, c.p]
    products = [c.u, c.v]
    for kind, a, b in draws:
        left, right = known[a % len(known)], known[b % len(known)]
        if kind < len(UNARY):
            known.append(UNARY[kind](left))
        elif kind < len(UNARY) + len(BINARY):
            known.append(BINARY[kind - len(UNARY)](left, right))
        elif products:
            known.append((left + x[:, :5]) @ products.pop())
        else:
            known.append(functional.layer_norm(left + right, (5,)))
    bounded = [torch.tanh(value + x[:, :5]) for value in known[-3:]]
    return bounded


DRAWS = st.lists(
    st.tuples(st.integers(0, len(UNARY) + len(BINARY) + 2), *[st.integers(0, 30)] * 2),
    min_size=2,
    max_size=12,
)


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(DRAWS)
def test_random_cells_agree_with_the_plain_loop(draws):
    def step(c, x, first, second):
        return build(draws, c, x, first, second)

    torch.manual_seed(1)
    cell = StepFunctionCell(step, 2, 2, p=(5,), u=(5, 5), v=(5, 5))
    assert_agrees(cell, 5, 3, torch.float64, torch.tensor([5, 2, 0]), torch.rand(5, 3) < 0.3)


@pytest.mark.parametrize("hidden", [1, 7, 33, 130])
@pytest.mark.parametrize(("steps", "lanes"), [(1, 1), (3, 1), (2, 13)])
def test_sizes_around_the_vector_length_agree(hidden, steps, lanes):
    torch.manual_seed(2)
    assert_agrees(LSTM(3, hidden), steps, lanes, torch.float32)


def test_numbers_do_not_depend_on_the_number_of_threads():
    torch.manual_seed(3)
    cell, before = LSTM(3, 20, peepholes=True), torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert_agrees(cell, 4, 7, torch.float64, torch.tensor([4, 1, 0, 2, 4, 3, 4]))
    finally:
        torch.set_num_threads(before)


def test_inputs_states_and_gradients_may_have_any_strides():
    cell = LSTM(3, 4)
    inputs = torch.randn(2, 3, 5).permute(2, 0, 1)
    state = type(cell.initial_state(1))(*(torch.randn(4, 2).t() for _ in range(2)))
    expected, _ = Reference().run(cell, inputs, state)
    outputs, _ = Fused().run(cell, inputs, state)
    torch.testing.assert_close(outputs, expected)
    gradient = torch.randn(4, 2, 5).permute(2, 1, 0)
    for got, wanted in zip(
        torch.autograd.grad(outputs, list(cell.parameters()), gradient),
        torch.autograd.grad(expected, list(cell.parameters()), gradient),
        strict=True,
    ):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("kind", ["layer-norm LSTM", "minimal gated", "independent"])
def test_nan_and_infinity_stay_in_their_lane(kind, bad):
    cell, inputs = KINDS[kind](), torch.randn(4, 3, 3)
    inputs[1, 1, 0] = bad
    outputs, _ = Fused().run(cell, inputs, cell.initial_state(3))
    expected, _ = Reference().run(cell, inputs, cell.initial_state(3))
    torch.testing.assert_close(outputs, expected, equal_nan=True)
    assert expected[:, ::2].isfinite().all()


def test_outputs_are_the_same_without_gradients():
    cell, inputs = LSTM(3, 4), torch.randn(5, 2, 3)
    expected, _ = Fused().run(cell, inputs, cell.initial_state(2))
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.equal(Fused().run(cell, inputs, cell.initial_state(2))[0], expected)


def test_a_gradient_can_be_taken_twice_but_not_of_itself():
    cell, inputs = Elman(3, 4), torch.randn(3, 2, 3, requires_grad=True)
    total = Fused().run(cell, inputs, cell.initial_state(2))[0].sum()
    first, second = (torch.autograd.grad(total, inputs, create_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    with pytest.raises(RuntimeError, match="engine=reference"):
        first.sum().backward()


def test_an_output_cannot_be_modified_in_place():
    cell = LSTM(3, 4)
    outputs, _ = Fused().run(cell, torch.randn(3, 2, 3), cell.initial_state(2))
    with pytest.raises(RuntimeError, match="modified inplace"):
        outputs.zero_()


@pytest.fixture
def broken_compiler(monkeypatch):
    """A C compiler that fails at every file, and the list of its calls."""
    calls = []

    def fail(source, linked=None):
        calls.append(source)
        raise CompilerError("the C compiler fails (error: out of registers)")

    monkeypatch.setattr(kernel_module, "library", fail)
    kernel_module._compiled_or_error.cache_clear()
    yield calls
    kernel_module._compiled_or_error.cache_clear()


class Counting(Elman):
    """A cell whose step changes the cell, which cannot be traced."""

    steps = 0

    def step(self, projected, state):
        self.steps += 1
        return super().step(projected, state)


def i0_cell():
    return StepFunctionCell(lambda c, x, h: (torch.special.i0(x) + h,) * 2)


UNSUPPORTED = {
    "operator": (i0_cell, "the step has aten.i0.default, for which it has no C"),
    "precision": (lambda: LSTM(3, 4).bfloat16(), "the step has the type bfloat16, for which it has no C"),
    "trace": (lambda: Counting(3, 4), "its step changes the cell's own attributes"),
}


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("case", UNSUPPORTED)
def test_a_cell_without_a_kernel_is_refused_with_the_reason(case, recompute):
    make, reason = UNSUPPORTED[case]
    cell, engine = make(), Fused(recompute)
    inputs = torch.randn(3, 2, 3).to(next(cell.parameters()).dtype)
    assert engine.unsupported_reason(cell, inputs, None, None) == reason
    sentence = f"engine=fused cannot run this {type(cell).__name__}: {reason}; choose engine=auto"
    for _ in range(2):
        with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
            engine.run(cell, inputs, cell.initial_state(2))


def test_a_compiler_that_fails_is_quoted_and_called_once(broken_compiler):
    cell, inputs = LSTM(3, 4), torch.randn(3, 2, 3)
    reason = "the C compiler fails (error: out of registers)"
    for _ in range(3):
        assert Fused().unsupported_reason(cell, inputs, None, None) == reason
        with pytest.raises(UserError, match=rf"{re.escape(reason)}; choose engine=auto"):
            Fused().run(cell, inputs, cell.initial_state(2))
    assert len(broken_compiler) == 1


def test_a_supported_cell_is_run_and_compiled_once(monkeypatch):
    kernel_module._compiled_or_error.cache_clear()
    compiled, real = [], kernel_module._compile
    monkeypatch.setattr(kernel_module, "_compile", lambda *a: compiled.append(1) or real(*a))
    cell, inputs = LSTM(3, 4), torch.randn(3, 2, 3)
    for _ in range(3):
        assert Fused().unsupported_reason(cell, inputs, None, None) is None
        Fused().run(cell, inputs, cell.initial_state(2))
    assert len(compiled) == 1
    with torch.autocast("cpu", torch.bfloat16):
        assert Fused().unsupported_reason(cell, inputs, None, None) is None
    assert len(compiled) == 2


def test_other_devices_are_refused():
    inputs = torch.zeros(1, 1, 3, device="meta")
    reason = Fused().unsupported_reason(LSTM(3, 4).to("meta"), inputs, None, None)
    assert reason == "it compiles code for a CPU only"


LAYERS = ("ir", "schedule", "codegen", "runtime", "engine")


def test_packages_import_in_the_direction_of_compilation():
    folder, package = Path(engine_module.__file__).parent, engine_module.__package__
    for path in folder.rglob("*.py"):
        importer = path.relative_to(folder).parts[0].removesuffix(".py")
        for name in re.findall(rf"from {re.escape(package)}\.(\w+)", path.read_text(encoding="utf-8")):
            assert LAYERS.index(name) <= LAYERS.index(importer), f"{path.name} imports {name}"


def test_autocast_to_bfloat16_is_off_inside_and_on_again_after():
    cell = LSTM(2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        with replace_bf16_autocast(cell) as bf16:
            assert bf16 and not torch.is_autocast_enabled("cpu")
        assert torch.is_autocast_enabled("cpu")


def test_nothing_changes_without_autocast_or_with_another_precision():
    cell = LSTM(2, 3)
    with replace_bf16_autocast(cell) as bf16:
        assert not bf16
    with torch.autocast("cpu", torch.float16), replace_bf16_autocast(cell) as bf16:
        assert not bf16 and torch.is_autocast_enabled("cpu")


def test_a_cell_in_bfloat16_is_left_to_autocast():
    with torch.autocast("cpu", torch.bfloat16), replace_bf16_autocast(LSTM(2, 3).bfloat16()) as bf16:
        assert not bf16 and torch.is_autocast_enabled("cpu")


def test_only_what_is_in_bfloat16_is_changed():
    state = LSTM(2, 3).bfloat16().initial_state(4)
    assert {part.dtype for part in to_float32(state)} == {torch.float32} and type(to_float32(state)) is type(
        state
    )
    assert to_float32(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64


def values_and_gradients(engine, cell, inputs, lengths, resets):
    inputs = inputs.clone().requires_grad_()
    cell.zero_grad()
    outputs, after = engine.run(cell, inputs, cell.initial_state(inputs.shape[1]), lengths, resets)
    generator = torch.Generator().manual_seed(4)
    sum((r * torch.randn(r.shape, generator=generator)).sum() for r in (outputs, *after)).backward()
    return outputs, *after, inputs.grad, *(weight.grad.clone() for weight in cell.parameters())


@pytest.mark.parametrize("kind", [Elman, LSTM, GRU, LEM, MGU, LayerNormLSTM])
@pytest.mark.parametrize("sizes", [(3, 8), (33, 70)])
def test_values_and_gradients_in_bfloat16_are_within_two_percent_of_the_plain_loop(kind, sizes):
    """The state stays in single precision, so that rounding does not pile up over the steps."""
    torch.manual_seed(1)
    cell, inputs = kind(*sizes), torch.randn(12, 4, sizes[0])
    lengths, resets = torch.tensor([12, 0, 7, 1]), torch.rand(12, 4) < 0.2
    expected = values_and_gradients(Reference(), cell, inputs, lengths, resets)
    with torch.autocast("cpu", torch.bfloat16):
        found = values_and_gradients(Fused(), cell, inputs, lengths, resets)
    assert {part.dtype for part in found} == {torch.float32}
    one, other = (torch.cat([part.detach().flatten() for part in parts]) for parts in (found, expected))
    assert (one - other).norm() <= 0.02 * other.norm()
