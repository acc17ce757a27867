"""Recomputed segments give the same numbers and gradients, save no activations, and draw the same random numbers."""

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.zoneout import Zoneout
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.recompute import RandomStates, in_segments, segments

ENGINES = {"bptt": BackpropagationThroughTime, "fused": Fused}
LENGTHS = torch.tensor([11, 0, 23, 4])
RESETS = torch.rand(23, 4, generator=torch.Generator().manual_seed(1)) < 0.1


@pytest.mark.parametrize(("steps", "edges"), [(1, ()), (2, ()), (100, ()), (103, (0, 17, 103)), (10, (9,))])
def test_segments_cover_all_steps_in_order_and_are_about_the_root_of_them(steps, edges):
    found = segments(steps, edges)
    assert [step for start, stop in found for step in range(start, stop)] == list(range(steps))
    assert max(stop - start for start, stop in found) ** 2 <= steps
    assert len(found) <= 2 * steps**0.5 + 2 + len(edges)
    assert set(edges) <= {0, *(stop for _, stop in found)}


def test_a_segment_within_a_segment_is_not_cut_again():
    cell, engine, lengths = LSTM(3, 5), BackpropagationThroughTime(recompute=True), []
    project = cell.project

    def counted(inputs):
        lengths.append(len(inputs))
        return project(inputs)

    def segment(start, stop, state, rows):
        outputs, after = engine.run(cell, rows[0], state)
        return outputs.sum(), after

    cell.project = counted
    in_segments(segment, [(0, 16), (16, 32)], cell.initial_state(2), [torch.randn(32, 2, 3)], [])
    assert [length for length in lengths if length > 1] == [16, 16]


def test_a_number_that_is_summed_over_segments_has_second_derivatives():
    torch.manual_seed(0)
    cell, engine = LSTM(3, 5).double(), BackpropagationThroughTime()
    inputs = torch.randn(7, 2, 3).double().requires_grad_()
    learned, passed = list(cell.parameters()), []

    def segment(start, stop, state, rows):
        outputs, after = engine.run(cell, rows[0], state)
        return outputs.square().sum(), after

    def second(total):
        found = torch.autograd.grad(total, [inputs, *learned], create_graph=True)
        return torch.autograd.grad(sum(part.square().sum() for part in found), [inputs, *learned])

    start = cell.initial_state(2)
    total, _ = in_segments(
        segment, segments(7), start, [inputs], learned, lambda step, state: passed.append(step)
    )
    actual = second(total)
    torch.testing.assert_close(actual, second(segment(0, 7, start, [inputs])[0]), rtol=1e-9, atol=1e-9)
    assert passed == [stop for _, stop in segments(7)]


@pytest.mark.parametrize("masks", [(None, None), (LENGTHS, None), (None, RESETS), (LENGTHS, RESETS)])
@pytest.mark.parametrize("engine", ENGINES)
def test_values_and_gradients_are_those_of_the_plain_run(engine, masks):
    torch.manual_seed(0)
    cell, inputs = LSTM(3, 5, learned_state=True).double(), torch.randn(23, 4, 3).double().requires_grad_()
    found = []
    for recompute in (False, True):
        state = cell.initial_state(4)
        outputs, after = ENGINES[engine](recompute=recompute).run(cell, inputs, state, *masks)
        total = outputs.square().sum() + sum(part.sum() for part in after)
        gradients = torch.autograd.grad(total, [inputs, *cell.parameters()])
        found.append([outputs, *after, *gradients])
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_random_masks_are_the_same_when_a_segment_is_made_again(engine):
    torch.manual_seed(0)
    cell = Zoneout(3, 5, GRU, hidden_rate=0.5).double().train()
    inputs, chosen = torch.randn(9, 2, 3).double().requires_grad_(), ENGINES[engine](recompute=True)

    def total(inputs):
        torch.manual_seed(1)
        return chosen.run(cell, inputs, cell.initial_state(2))[0].square().sum()

    assert torch.autograd.gradcheck(total, inputs, fast_mode=True)


def test_nothing_is_kept_of_what_is_made_again():
    cell, engine, kept = LSTM(3, 5), BackpropagationThroughTime(recompute=True), []
    inputs = torch.randn(400, 2, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        outputs, _ = engine.run(cell, inputs, cell.initial_state(2))
    assert sum(kept) - inputs.numel() < outputs.numel() / 4


def test_what_was_drawn_is_drawn_again_and_nothing_else_is_disturbed():
    torch.manual_seed(0)
    states, drawn = RandomStates(torch.device("cpu")), []
    for _ in range(3):
        states.save()
        drawn.append(torch.rand(5))
    before = torch.get_rng_state()
    for moment in (2, 0, 1):
        with states.replay(moment):
            assert torch.equal(torch.rand(5), drawn[moment])
    assert torch.equal(torch.get_rng_state(), before)


def test_moments_without_a_draw_between_share_their_state():
    states = RandomStates(torch.device("cpu"))
    for _ in range(3):
        states.save()
    assert len({id(state) for state in states._states}) == 1


def test_a_second_derivative_of_compiled_segments_is_a_plain_error():
    cell, inputs = LSTM(3, 5), torch.randn(9, 2, 3, requires_grad=True)
    outputs, _ = Fused(recompute=True).run(cell, inputs, cell.initial_state(2))
    (gradient,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="engine=reference"):
        gradient.sum().backward()


def test_a_second_derivative_draws_the_same_random_numbers():
    cell = Zoneout(3, 4, LSTM, hidden_rate=0.3, memory_rate=0.3).double().train()
    inputs = torch.randn(5, 2, 3).double().requires_grad_()

    def outputs(inputs):
        torch.manual_seed(5)
        return BackpropagationThroughTime(recompute=True).run(cell, inputs, cell.initial_state(2))[0]

    assert torch.autograd.gradgradcheck(outputs, [inputs], check_undefined_grad=False, fast_mode=True)
