"""Tests for batchable operators: those that treat all lanes alike, and so can run for many steps' lanes at once."""

from operator import getitem

import torch
from torch import Tensor
from torch.fx import Node

aten = torch.ops.aten
ALONG_AN_AXIS = {  # the position of the axis among the arguments, and the axis by default
    aten.split.Tensor: (2, 0),
    aten.split_with_sizes.default: (2, 0),
    aten.slice.Tensor: (1, 0),
    aten.select.int: (1, 0),
    aten.cat.default: (1, 0),
    aten.unsqueeze.default: (1, 0),
}
OVER_AXES = {aten.sum.dim_IntList, aten.mean.dim, aten.amax.default, aten.amin.default}
COPIES = {aten.clone.default, aten.alias.default, aten.detach.default, aten._to_copy.default}
KEEPING_ROWS = {aten.view.default, aten._unsafe_view.default, aten.reshape.default}


def is_batchable(node: Node, lanes: int) -> bool:
    """Whether each lane's row of a node depends on that lane's rows alone, and in the same way for all lanes.

    Args:
        node: an operator of a step's graph.
        lanes: the number of lanes that the graph was traced with.
    """
    if node.target is getitem:
        return is_batchable(node.args[0], lanes)
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    values = [source.meta.get("val") for source in node.all_input_nodes]
    if not all(isinstance(value, Tensor) for value in values):
        return False
    first = values[0] if values else None
    if node.target in ALONG_AN_AXIS:
        place, default = ALONG_AN_AXIS[node.target]
        axis = node.args[place] if len(node.args) > place else node.kwargs.get("dim", default)
        return axis % (first.dim() + (node.target is aten.unsqueeze.default)) != 0 and _has_rows(first, lanes)
    if node.target in OVER_AXES:
        axes = node.args[1] if len(node.args) > 1 else []
        return bool(axes) and all(axis % first.dim() for axis in axes) and _has_rows(first, lanes)
    if node.target is aten.native_layer_norm.default:
        return len(node.args[1]) < first.dim() and _has_rows(first, lanes)
    if node.target in KEEPING_ROWS:
        return _has_rows(first, lanes) and _has_rows(node.meta["val"], lanes)
    if node.target in (aten.mm.default, aten.addmm.default):
        *others, left, right = values
        weight = lanes not in right.shape
        return weight and _has_rows(left, lanes) and all(_aligned(x, 2, lanes) for x in others)
    if node.target in COPIES or torch.Tag.pointwise in node.target.tags:
        result = node.meta.get("val")
        rows = isinstance(result, Tensor) and _has_rows(result, lanes)
        return rows and all(_aligned(x, result.dim(), lanes) for x in values)
    return False


def sums_lanes(node: Node, lanes: int) -> bool:
    """Whether a node is a sum over the lanes."""
    if node.target is not aten.sum.dim_IntList or list(node.args[1]) != [0]:
        return False
    return _has_rows(node.args[0].meta["val"], lanes)


def _has_rows(value: Tensor, lanes: int) -> bool:
    return value.dim() > 0 and value.shape[0] == lanes and lanes not in value.shape[1:]


def _aligned(value: Tensor, axes: int, lanes: int) -> bool:
    """Whether a value broadcasts against others of so many axes as one row a lane, or as the same for every lane."""
    if lanes not in value.shape:
        return value.dim() < axes or value.shape[0] == 1
    return value.dim() == axes and _has_rows(value, lanes)
