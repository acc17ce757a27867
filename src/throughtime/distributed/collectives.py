"""Collective operations between the processes of one run.

A run has one process a device, and each process a rank; a run of one process is rank 0 of 1 and communicates nothing.
Every collective must be called by all ranks and returns the same value on all of them, to the last bit: sums are taken
in the order of the ranks.
"""

import io
from typing import TypeVar

import torch
from torch import Tensor, distributed

Value = TypeVar("Value")


def world_size() -> int:
    """The number of processes of the run."""
    return distributed.get_world_size() if _is_distributed() else 1


def rank() -> int:
    """The number of this process, from 0; rank 0 writes the files."""
    return distributed.get_rank() if _is_distributed() else 0


def all_gather(value: Value) -> list[Value]:
    """The values of all ranks, in the order of the ranks; tensors in them come to the CPU, unless there is one rank."""
    if world_size() == 1:
        return [value]
    file = io.BytesIO()
    torch.save(value, file)
    received: list[bytes] = [b""] * world_size()
    distributed.all_gather_object(received, file.getvalue())
    # The data come from this run's own processes, which are as trusted as the run itself.
    return [torch.load(io.BytesIO(sent), map_location="cpu", weights_only=False) for sent in received]


def all_sum(value: Tensor) -> Tensor:
    """The sum of a tensor over all ranks; it has the same shape and type on each."""
    if world_size() == 1:
        return value
    parts = [torch.empty_like(value) for _ in range(world_size())]
    distributed.all_gather(parts, value.contiguous())
    return torch.stack(parts).sum(0)


def all_max(value: int, device: torch.device) -> int:
    """The largest value of all ranks.

    Args:
        value: that of this rank.
        device: the one that this rank computes on; the backend of the process group communicates by it.
    """
    if world_size() == 1:
        return value
    shared = torch.tensor(value, device=device)
    distributed.all_reduce(shared, distributed.ReduceOp.MAX)
    return int(shared)


def _is_distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()
