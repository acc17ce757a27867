"""What the processes of one run tell each other.

A run has one process a device, and each process a rank; a run of one process is rank 0 of 1, and nothing here costs it
anything. Every function that exchanges something must be called by all ranks, and gives all of them the same answer,
to the last bit: what is added up is added in the order of the ranks.
"""

import io
from typing import TypeVar

import torch
from torch import Tensor, distributed

Value = TypeVar("Value")


def world_size() -> int:
    """How many processes the run has."""
    return distributed.get_world_size() if _together() else 1


def rank() -> int:
    """The number of this process among them; the first one, 0, is the one that writes."""
    return distributed.get_rank() if _together() else 0


def all_gather(value: Value) -> list[Value]:
    """The values of all ranks, in the order of the ranks; tensors in them come to the CPU, unless there is one rank."""
    if world_size() == 1:
        return [value]
    file = io.BytesIO()
    torch.save(value, file)
    received: list[bytes] = [b""] * world_size()
    distributed.all_gather_object(received, file.getvalue())
    # What a run's own processes send each other is as trusted as the run itself.
    return [torch.load(io.BytesIO(sent), map_location="cpu", weights_only=False) for sent in received]


def all_sum(value: Tensor) -> Tensor:
    """The sum of a tensor over all ranks, which have one of the same shape and type each."""
    if world_size() == 1:
        return value
    parts = [torch.empty_like(value) for _ in range(world_size())]
    distributed.all_gather(parts, value.contiguous())
    return torch.stack(parts).sum(0)


def all_max(value: int, device: torch.device) -> int:
    """The largest of all ranks' values.

    Args:
        value: that of this rank.
        device: the one that this rank computes on, by which the ranks are connected.
    """
    if world_size() == 1:
        return value
    shared = torch.tensor(value, device=device)
    distributed.all_reduce(shared, distributed.ReduceOp.MAX)
    return int(shared)


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
