"""Arrays handed to a kernel have the type, size and order that its C reads."""

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.engine.compiler.runtime.buffer_layout import ALIGNMENT, aligned_offsets
from throughtime.engine.compiler.runtime.kernel import compiled_kernel
from throughtime.engine.trace.signature import cell_tensors
from throughtime.engine.trace.trace_cache import cached_trace

STEPS, LANES, SIZE = 5, 4, 6
WRONG = {
    "projected of other features": ("projected", lambda a: a[..., :-1].contiguous()),
    "projected of fewer lanes": ("projected", lambda a: a[:, :2].contiguous()),
    "projected of fewer steps": ("projected", lambda a: a[:3]),
    "projected in other order": ("projected", lambda a: a.transpose(0, 1).contiguous().transpose(0, 1)),
    "projected in double precision": ("projected", lambda a: a.double()),
    "projected elsewhere": ("projected", lambda a: a.to("meta")),
    "a state of fewer lanes": ("state0", lambda a: a[:, :2].contiguous()),
    "a state of one step less": ("state0", lambda a: a[1:]),
    "the state of a reset of fewer lanes": ("initial0", lambda a: a[:2]),
    "no state of a reset": ("initial0", lambda a: None),
    "a weight of fewer rows": ("weight0", lambda a: a[:-1]),
    "a weight in half precision": ("weight0", lambda a: a.bfloat16()),
    "lengths of fewer lanes": ("lengths", lambda a: a[:2]),
    "lengths of 32 bits": ("lengths", lambda a: a.int()),
    "resets of fewer steps": ("resets", lambda a: a[:3]),
    "resets in other order": ("resets", lambda a: a.t().contiguous().t()),
    "resets that are numbers": ("resets", lambda a: a.float()),
}


def call(change: tuple | None = None) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    cell = GRU(3, SIZE).requires_grad_(False)
    projected, before = cell.project(torch.randn(STEPS, LANES, 3)), cell.initial_state(LANES)
    trace = cached_trace(cell, projected, before)
    kernel, weights = compiled_kernel(trace), list(trace.weights(*cell_tensors(cell).values()))
    arrays = {
        "projected": projected,
        "state0": torch.cat((before.hidden[None], torch.zeros(STEPS, LANES, SIZE))),
        "initial0": before.hidden,
        "lengths": torch.full((LANES,), STEPS),
        "resets": torch.zeros(STEPS, LANES, dtype=torch.bool),
        **{f"weight{index}": weight for index, weight in enumerate(weights)},
    }
    if change is not None:
        arrays[change[0]] = change[1](arrays[change[0]])
    weights = [arrays.pop(f"weight{index}") for index in range(len(weights))]
    masks = arrays.pop("lengths"), arrays.pop("resets")
    given = {name: array for name, array in arrays.items() if array is not None}
    return kernel.call("forward_inference", given, weights, STEPS, LANES, *masks)


def test_arrays_that_fit_are_run():
    assert call()["state0"].abs().sum() > 0


@pytest.mark.parametrize("wrong", WRONG)
def test_an_array_of_another_size_type_or_order_is_refused_by_name(wrong):
    with pytest.raises(RuntimeError, match=f"expected {WRONG[wrong][0]}"):
        call(WRONG[wrong])


def test_arrays_in_one_block_do_not_overlap():
    offsets, size = aligned_offsets([("a", 1), ("b", ALIGNMENT + 1), ("c", 0), ("d", 5)], 4)
    assert offsets == [("a", 0), ("b", 4 * ALIGNMENT), ("c", 12 * ALIGNMENT), ("d", 12 * ALIGNMENT)]
    assert size == 4 * ALIGNMENT
