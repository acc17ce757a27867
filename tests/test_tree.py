from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.tree import (
    detach,
    first_leaf,
    from_plain,
    leaves,
    length_mask,
    map_state,
    named_leaves,
    to_plain,
    unflatten,
    where_state,
)


class Pair(NamedTuple):
    hidden: Tensor
    cell: Tensor


def layers(value: float):
    return (
        Pair(torch.full((3, 2), value), torch.full((3, 4), value)),
        Pair(*2 * [torch.full((3, 1), value)]),
    )


def test_a_mapped_state_keeps_its_classes():
    doubled = map_state(lambda a, b: a + b, layers(1.0), layers(2.0))
    assert [type(layer) for layer in doubled] == [Pair, Pair]
    assert all((leaf == 3).all() for leaf in leaves(doubled))


def test_no_gradient_passes_a_detached_state():
    state = map_state(lambda leaf: leaf.requires_grad_() * 2, layers(1.0))
    assert all(leaf.requires_grad for leaf in leaves(state))
    assert not any(leaf.requires_grad for leaf in leaves(detach(state)))


def test_each_lane_is_selected_for_itself():
    chosen = where_state(torch.tensor([True, False, True]), layers(1.0), layers(0.0))
    assert all(leaf[:, 0].tolist() == [1, 0, 1] for leaf in leaves(chosen))


def test_plain_and_back_is_the_same_state():
    plain = to_plain(layers(5.0))
    assert type(plain[0]) is tuple
    back = from_plain(plain, like=layers(0.0))
    assert [type(layer) for layer in back] == [Pair, Pair]
    assert all(torch.equal(a, b) for a, b in zip(leaves(back), leaves(layers(5.0)), strict=True))


def test_the_leaves_of_a_state_make_it_again():
    back = unflatten(leaves(layers(5.0)), like=layers(0.0))
    assert [type(layer) for layer in back] == [Pair, Pair]
    assert all(torch.equal(a, b) for a, b in zip(leaves(back), leaves(layers(5.0)), strict=True))


def test_leaves_are_named_by_their_paths_in_order():
    state = layers(5.0)
    names, tensors = zip(*named_leaves(state, "state"), strict=True)
    assert names == ("state_0_hidden", "state_0_cell", "state_1_hidden", "state_1_cell")
    assert all(a is b for a, b in zip(tensors, leaves(state), strict=True))
    assert first_leaf(state) is state[0].hidden
    assert list(named_leaves(state[0].hidden, "inputs")) == [("inputs", state[0].hidden)]


def test_a_length_mask_counts_each_lanes_true_steps():
    lengths = torch.tensor([4, 0, 2], dtype=torch.int32)
    mask = length_mask(lengths, 4)
    assert mask.dtype == torch.bool and mask.shape == (4, 3)
    assert torch.equal(mask.sum(0), lengths.long())
    assert not (mask[1:] & ~mask[:-1]).any()  # no lane goes on after its end
