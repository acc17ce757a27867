"""A step run over a sequence in blocks is the step after itself, independent of the size of the blocks."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from throughtime.engine.bptt import blocked_loop
from throughtime.engine.bptt.blocked_loop import BlockedLoop

LANES = 1009


def step(w, x, h):
    gates = torch.sigmoid(x + h @ w)
    after = gates * h + torch.tanh(x)
    return after, torch.cat((gates, after), 1), (h * x).sum(0, keepdim=True), h


def one_by_one(w, rows, state, reverse):
    found = []
    for x in rows.flip(0) if reverse else rows:
        state, *results = step(w, x, state)
        found.append(results)
    joined, sums, before = (torch.stack(parts) for parts in zip(*found[:: -1 if reverse else 1], strict=True))
    return [joined, sums.sum(0), before], state


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("block", "short", "longest"), [(1 << 20, 1 << 11, 32), (30, 0, 32), (1 << 20, 1 << 11, 3)]
)
def test_it_is_the_step_after_itself(monkeypatch, reverse, block, short, longest):
    for name, value in (("BLOCK_NUMBERS", block), ("COPIED_NUMBERS", short), ("COPIED_STEPS", longest)):
        monkeypatch.setattr(blocked_loop, name, value)
    torch.manual_seed(0)
    w, rows, state = torch.randn(4, 4).double(), torch.randn(10, 2, 4).double(), torch.randn(2, 4).double()
    traced = [torch.zeros(LANES, 4).double() for _ in range(2)]
    module = make_fx(step, tracing_mode="fake")(w, *traced)
    results, (after,), (history,) = BlockedLoop(module, 1, 1, LANES, reverse).run(
        [w], [rows], [state], keep_carried=True
    )
    expected, expected_after = one_by_one(w, rows, state, reverse)
    torch.testing.assert_close([*results, after], [*expected, expected_after])
    ends = (history[-1], history[0]) if reverse else (history[0], history[-1])
    torch.testing.assert_close(list(ends), [state, expected_after])


def test_what_is_carried_can_be_changed_between_blocks():
    w, rows, state = torch.eye(4), torch.zeros(6, 2, 4), torch.ones(2, 4)
    traced = torch.zeros(LANES, 4), torch.zeros(LANES, 4)
    module = make_fx(lambda w, x, h: (h @ w + 1 + x, h + x), tracing_mode="fake")(w, *traced)
    seen = []

    def on_cut(t, carried):
        seen.append(t)
        carried[0].zero_()

    results, (after,), _ = BlockedLoop(module, 1, 1, LANES).run([w], [rows], [state], [2, 4], on_cut)
    assert seen == [2, 4]
    assert results[0][:, 0, 0].tolist() == [1, 2, 0, 1, 0, 1]
    assert (after == 2).all()
