import pytest
import torch

from throughtime.engine.reference import Reference
from throughtime.engine.trace.sequence import run_sequence
from throughtime.engine.trace.unrolled import unrolled


def loop(trace, weights, projected, before, start, lengths, resets):
    assert lengths is None
    return list(unrolled(trace, resets, len(weights), projected, *weights, *before, *start))


RESETS = torch.zeros(5, 3, dtype=torch.bool)
RESETS[0, 1] = RESETS[2, 0] = RESETS[3, 1] = True


@pytest.mark.parametrize("resets", [None, RESETS])
@pytest.mark.parametrize(
    "case", ["elman", "elman learned", "gru", "lstm", "lstm projection", "layernorm_lstm", "a user's own"]
)
def test_it_is_the_plain_loop(case, make, resets):
    cell = make(case, torch.float64)
    inputs = torch.randn(5, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    outputs, after = run_sequence(loop, cell, inputs, cell.initial_state(3), None, resets)
    expected, expected_after = Reference().run(cell, inputs, cell.initial_state(3), None, resets)
    for a, e in zip([outputs, *after], [expected, *expected_after], strict=True):
        torch.testing.assert_close(a, e, rtol=1e-12, atol=1e-12)
