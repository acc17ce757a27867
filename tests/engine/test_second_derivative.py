"""A gradient of a gradient is that of the plain loop, or it is refused; a part of it is never left out."""

from itertools import product

import pytest
import torch
from torch import nn

from throughtime.cell.elman import Elman
from throughtime.engine.reference import Reference
from throughtime.engine.second_derivative import (
    MESSAGE,
    forbid_second_derivative,
    graph_placeholders,
    vector_jacobian_product,
    vjp_function,
    with_second_derivative,
)
from throughtime.tree import map_state

pytestmark = [
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
    pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True"),
]
REFUSAL = "has no derivative of its own; choose engine=reference for second derivatives"
LENGTHS = torch.tensor([4, 0, 2])
RESETS = torch.zeros(4, 3, dtype=torch.bool)
RESETS[0, 0] = RESETS[2, 0] = RESETS[1, 2] = True
SITUATIONS = {
    "whole": (None, None),
    "lengths": (LENGTHS, None),
    "resets": (None, RESETS),
    "lengths and resets": (LENGTHS, RESETS),
}
REPRESENTATIVE = ["elman", "gru", "lstm", "layernorm_lstm", "mingru", "lru learned", "a user's own"]
ENGINES = {
    "bptt": ("bptt", {}),
    "bptt in segments": ("bptt", {"recompute": True}),
    "fused": ("fused", {}),
    "fused in segments": ("fused", {"recompute": True}),
    "auto": ("auto", {}),
}
FURTHER = [(case, "torch") for case in ("elman", "gru", "lstm")] + [
    (case, "scan") for case in ("mingru", "lru learned")
]
SITUATED = [(*pair, "whole") for pair in [*product(REPRESENTATIVE, ENGINES), *FURTHER]]
SITUATED += product(["lstm"], ENGINES, [situation for situation in SITUATIONS if situation != "whole"])


def random(shape, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sources_and_loss(engine, cell, lengths=None, resets=None, frozen=()):
    """Everything that a loss depends on, by name, and a loss that is not linear in anything."""
    cell.requires_grad_(True)
    inputs = random((4, 3, 3), 2)
    state = map_state(lambda part: random(part.shape, 3), cell.initial_state(3))
    names = {"inputs": inputs, **{f"state {index}": part for index, part in enumerate(state)}}
    names |= dict(cell.named_parameters())
    for name, tensor in names.items():
        tensor.requires_grad_(name not in frozen)
    outputs, after = engine.run(cell, inputs, state, lengths, resets)
    results = [outputs, *after]
    loss = sum((random(r.shape, 4) * r + 0.5 * r.square()).sum() for r in results)
    return {name: tensor for name, tensor in names.items() if name not in frozen}, loss


def penalty(loss, tensor):
    """A function of the gradient with respect to one tensor that is not linear."""
    (gradient,) = torch.autograd.grad(
        loss, tensor, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return (random(gradient.shape, 5) * gradient + gradient.square()).sum()


def second(total, tensors):
    """Its derivatives with respect to some tensors, or None where they are refused."""
    if not total.requires_grad:
        return [torch.zeros_like(tensor) for tensor in tensors]
    try:
        return torch.autograd.grad(
            total, tensors, retain_graph=True, allow_unused=True, materialize_grads=True
        )
    except RuntimeError as error:
        assert REFUSAL in str(error)
        return None


def assert_right(cell, engine, situation, may_refuse: bool, frozen=()) -> None:
    """Each derivative of each gradient is the plain loop's, or is refused.

    One that may be refused is asked for alone, and so is one of the others: what is asked for decides which nodes
    of the graph are visited.
    """
    sources, loss = sources_and_loss(Reference(), cell, *situation, frozen=frozen)
    names, tensors = list(sources), list(sources.values())
    expected = [second(penalty(loss, tensor), tensors) for tensor in tensors]
    assert max(float(part.abs().max()) for row in expected for part in row) > 1e-3
    sources, loss = sources_and_loss(engine, cell, *situation, frozen=frozen)
    tensors = [sources[name] for name in names]
    everything = list(range(len(tensors)))
    for first, tensor in enumerate(tensors):
        total = penalty(loss, tensor)
        together = [] if may_refuse else [everything]
        alone = [[index] for index in (everything if may_refuse else [(first + 1) % len(tensors)])]
        for asked in together + alone:
            actual = second(total, [tensors[index] for index in asked])
            assert may_refuse or actual is not None
            for index, part in zip(asked, actual or [], strict=actual is not None):
                wanted = expected[first][index]
                tolerance = 1e-9 * max(1.0, float(wanted.abs().max()))
                torch.testing.assert_close(part, wanted, rtol=1e-9, atol=tolerance)


@pytest.mark.parametrize(("case", "run_by", "situation"), SITUATED)
def test_every_pair_of_sources_has_the_plain_loops_derivative_or_none(
    case, run_by, situation, make, engine_of
):
    name, options = ENGINES.get(run_by, (run_by, {}))
    engine = engine_of(name, **options)
    assert_right(make(case, torch.float64), engine, SITUATIONS[situation], name in ("fused", "auto"))


def test_every_cell_has_the_plain_loops_derivative_or_none(pair, make_cell, engine):
    cell, found = make_cell(torch.float64), []
    for each in (Reference(), engine):
        sources, loss = sources_and_loss(each, cell, *SITUATIONS["lengths and resets"])
        tensors = list(sources.values())
        total = sum(penalty(loss, tensor) for tensor in tensors[:2] + tensors[-1:])
        found.append([second(total, [tensor]) for tensor in tensors])
    for expected, actual in zip(*found, strict=True):
        if actual is None:
            assert pair[1] in ("fused", "auto")
        else:
            tolerance = 1e-9 * max(1.0, float(expected[0].abs().max()))
            torch.testing.assert_close(actual[0], expected[0], rtol=1e-9, atol=tolerance)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("name", ["bptt", "fused"])
@pytest.mark.parametrize("only", ["inputs", "state 0", "weights"])
def test_where_only_some_sources_want_a_gradient(name, only, recompute, make, engine_of):
    cell = make("lstm", torch.float64)
    everything = ["inputs", "state 0", "state 1", *(name for name, _ in cell.named_parameters())]
    kept = [name for name, _ in cell.named_parameters()] if only == "weights" else [only]
    frozen = [name for name in everything if name not in kept]
    engine = engine_of(name, recompute=recompute)
    assert_right(cell, engine, SITUATIONS["whole"], name == "fused", frozen)


@pytest.mark.parametrize("recompute", [False, True])
def test_a_state_that_is_made_of_the_inputs_and_weights_counts_once(recompute, make, engine_of):
    """Each source is computed from others here, so that total and partial derivatives differ."""

    def gradient(engine):
        cell = make("lstm", torch.float64)
        inputs = random((4, 3, 3), 2).requires_grad_()
        weights = list(cell.parameters())
        shared = torch.tanh(inputs[0].sum(1, keepdim=True) + sum(w.sum() for w in weights))
        state = map_state(lambda part: shared.expand_as(part), cell.initial_state(3))
        outputs, _ = engine.run(cell, inputs * shared.mean(), state)
        found = torch.autograd.grad(outputs.square().sum(), [inputs, *weights], create_graph=True)
        return torch.autograd.grad(sum(g.square().sum() for g in found), [inputs, *weights])

    actual = gradient(engine_of("bptt", recompute=recompute))
    torch.testing.assert_close(actual, gradient(Reference()), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("recompute", [False, True])
def test_the_third_derivative_is_there_as_well(recompute, make, engine_of):
    def third(engine):
        cell = make("gru", torch.float64)
        inputs = random((4, 3, 3), 2).requires_grad_()
        sources = [inputs, *cell.parameters()]
        total = engine.run(cell, inputs, cell.initial_state(3))[0].square().sum()
        for _ in range(3):
            found = torch.autograd.grad(total, sources, create_graph=True)
            total = sum(g.square().sum() for g in found)
        return found

    actual = third(engine_of("bptt", recompute=recompute))
    torch.testing.assert_close(actual, third(Reference()), rtol=1e-8, atol=1e-6)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("case", ["elman", "lstm", "a user's own"])
def test_finite_differences_of_the_gradient(case, recompute, make, engine_of):
    cell, engine = make(case, torch.float64), engine_of("bptt", recompute=recompute)
    state = map_state(lambda part: random(part.shape, 3), cell.initial_state(2))

    def outputs(inputs, *parts):
        return engine.run(cell, inputs, type(state)(*parts))[0]

    given = [part.requires_grad_() for part in (random((2, 2, 3), 2), *state)]
    assert torch.autograd.gradgradcheck(outputs, given, check_undefined_grad=False, fast_mode=True)


def hessian(cell, engine, function):
    state = cell.initial_state(2)

    def loss(inputs):
        return engine.run(cell, inputs, state)[0].square().sum()

    return function(loss, random((2, 2, 3), 2))


FUNCTIONALS = {
    "hessian": torch.autograd.functional.hessian,
    "hvp": lambda loss, x: torch.autograd.functional.hvp(loss, x, random(x.shape, 6))[1],
    "vhp": lambda loss, x: torch.autograd.functional.vhp(loss, x, random(x.shape, 6))[1],
    "jacobian": lambda loss, x: torch.autograd.functional.jacobian(
        lambda x: torch.autograd.functional.jacobian(loss, x, create_graph=True), x
    ),
}


@pytest.mark.parametrize("name", ["bptt", "fused", "auto"])
@pytest.mark.parametrize("functional", FUNCTIONALS)
def test_functions_of_torch_that_differentiate_twice(functional, name, make, engine_of):
    cell = make("lstm", torch.float64)
    expected = hessian(cell, Reference(), FUNCTIONALS[functional])
    if name == "bptt":
        torch.testing.assert_close(hessian(cell, engine_of(name), FUNCTIONALS[functional]), expected)
        return
    with pytest.raises(RuntimeError, match=REFUSAL):
        hessian(cell, engine_of(name), FUNCTIONALS[functional])


@pytest.mark.parametrize("name", ["bptt", "fused"])
@pytest.mark.parametrize("recompute", [False, True])
def test_a_gradient_that_may_be_differentiated_has_the_same_numbers(name, recompute, make, engine_of):
    engine = engine_of(name, recompute=recompute)

    def gradients(create_graph):
        sources, loss = sources_and_loss(engine, make("lstm", torch.float64))
        return torch.autograd.grad(loss, list(sources.values()), create_graph=create_graph)

    for once, again in zip(gradients(False), gradients(True), strict=True):
        assert not once.requires_grad and again.requires_grad
        assert torch.equal(once, again)


@pytest.mark.parametrize("size", [16, 512])
@pytest.mark.parametrize("name", ["bptt", "fused"])
def test_readout_and_projection_by_own_products(name, size, engine_of):
    """The larger one is above the size from which on other libraries do the products around the loop."""
    torch.manual_seed(0)
    cell = Elman(size, size)
    inputs = torch.randn(2, 3, size, requires_grad=True)

    def second_derivative(engine):
        outputs, _ = engine.run(cell, inputs, cell.initial_state(3))
        found = torch.autograd.grad(outputs.square().mean(), [inputs, *cell.parameters()], create_graph=True)
        return torch.autograd.grad(sum(g.square().sum() for g in found), [inputs, *cell.parameters()])

    expected = second_derivative(Reference())
    if name == "bptt":
        for a, e in zip(second_derivative(engine_of(name)), expected, strict=True):
            torch.testing.assert_close(a, e, rtol=1e-3, atol=1e-4 * float(e.abs().max()))
    else:
        with pytest.raises(RuntimeError, match=REFUSAL):
            second_derivative(engine_of(name))


class Cube(torch.autograd.Function):
    """x³ y, whose gradient is computed without autograd."""

    @staticmethod
    def forward(ctx, x, y, replayed):
        ctx.replayed = replayed
        ctx.save_for_backward(x, y)
        return x**3 * y

    @staticmethod
    def backward(ctx, error):
        x, y = ctx.saved_tensors
        with torch.no_grad():
            results = 3 * x**2 * y * error, x**3 * error
        if not ctx.replayed:
            return *forbid_second_derivative(results, (x, y, error)), None
        operators = vjp_function(lambda x, y: (x**3 * y,), 2)
        return *with_second_derivative(results, operators, (x, y, error)), None


@pytest.mark.parametrize("other", [0, 1, 2])
def test_the_refusal_is_on_the_way_to_each_source(other):
    sources = [random((3,), seed).requires_grad_() for seed in range(3)]
    x, y, error = sources
    (first,) = torch.autograd.grad(Cube.apply(x, y, False), x, error, create_graph=True)
    torch.testing.assert_close(first, 3 * x**2 * y * error)
    with pytest.raises(RuntimeError, match=REFUSAL):
        torch.autograd.grad(first.sum(), sources[other])


def test_a_gradient_that_depends_on_nothing_needs_no_derivative():
    results = (torch.ones(2), None)
    (gradient, none) = forbid_second_derivative(results, (torch.ones(2), torch.ones(2)))
    assert not gradient.requires_grad and none is None
    (gradient, none) = with_second_derivative(results, lambda x: (x, None), (torch.ones(2),))
    assert not gradient.requires_grad and none is None


def test_a_replayed_gradient_has_all_derivatives():
    x, y = (random((3,), seed).requires_grad_() for seed in range(2))
    assert torch.autograd.gradgradcheck(lambda x, y: Cube.apply(x, y, True), (x, y))
    total = Cube.apply(x, x * y, True).sum()  # x⁴ y
    for expected in (4 * x**3 * y, 12 * x**2 * y, 24 * x * y, 24 * y):
        (found,) = torch.autograd.grad(total, x, create_graph=True)
        torch.testing.assert_close(found, expected)
        total = found.sum()


def test_operators_may_read_leaves_by_themselves():
    layer = nn.Linear(3, 2, dtype=torch.float64)
    x, error = random((4, 3), 0).requires_grad_(), random((4, 2), 1).requires_grad_()
    learned = list(layer.parameters())

    def operators(weight, bias, x):
        return (torch.tanh(layer(x)),)

    product = vjp_function(operators, 3)
    results = tuple(part.detach() for part in product(*learned, x, error))
    found = with_second_derivative(results, product, (*learned, x, error), constant=2)
    expected = torch.autograd.grad(torch.tanh(layer(x)), [*learned, x], error, create_graph=True)
    for gradients in (found, expected):
        total = sum(g.square().sum() for g in gradients)
        second_ones = torch.autograd.grad(total, [*learned, x, error])
        if gradients is found:
            actual = second_ones
    torch.testing.assert_close(actual, second_ones)


def test_the_place_in_the_graph_takes_no_memory_of_the_tensor():
    x = torch.ones(3, 2, requires_grad=True)
    with torch.no_grad():
        (place,) = graph_placeholders(x * 1, x)
    assert place.numel() == 0 and place.requires_grad
    assert place.untyped_storage().nbytes() == 0


def test_what_has_no_gradient_is_none():
    x, y = torch.ones(2, requires_grad=True), torch.ones(2)
    error = torch.ones(2)
    assert vector_jacobian_product([y], [x], [error]) == (None,)
    found = vector_jacobian_product([x * y, y], [x, y], [error, error])
    assert torch.equal(found[0], y) and found[1] is None


def test_the_sentence_names_what_to_choose():
    assert REFUSAL in MESSAGE
