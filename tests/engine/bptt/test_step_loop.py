import torch
from torch.fx.experimental.proxy_tensor import make_fx

from throughtime.engine.bptt.step_loop import OUT_VARIANTS, StepLoop, reversed_difference
from throughtime.engine.bptt.workspace import Workspace

LANES = 7


def test_a_block_of_steps_writes_into_the_memory_that_it_is_given():
    def step(w, x, h):
        i, g = torch.addmm(x, h, w).split(2, 1)
        after = h * torch.sigmoid(i) + torch.tanh(g)
        return after, torch.cat((after, i.exp(), g.relu()), 1)

    w, rows, state = torch.randn(2, 4), torch.randn(5, 3, 4), torch.empty(6, 3, 2)
    module = make_fx(step, tracing_mode="fake")(w, torch.zeros(LANES, 4), torch.zeros(LANES, 2))
    stored, state[0] = torch.empty(5, 3, 6), torch.randn(3, 2)
    loop = StepLoop(module, 1, 1, LANES)
    loop.prepare([w], [rows], [state[:-1]], [state[1:]], [stored], Workspace())(slice(None))
    h = state[0]
    for t in range(5):
        h, joined = step(w, rows[t], h)
        torch.testing.assert_close([state[t + 1], stored[t]], [h, joined])


def test_a_number_minus_a_tensor_is_written_where_it_is_told():
    right, out = torch.rand(3, 4).bfloat16(), torch.empty(3, 4).bfloat16()
    assert reversed_difference(right, 1, out=out) is out
    assert torch.equal(out, 1 - right)


def test_their_names_are_their_own():
    names = [function.__name__ for function in set(OUT_VARIANTS.values())]
    assert len(names) == len(set(names))
