"""Collective operations between the processes of one run.

A run has one process a device, and each process a rank; a run of one process is rank 0 of 1 and communicates nothing.
Every collective must be called by all ranks and returns the same value on all of them, to the last bit: sums are taken
in the order of the ranks. Values travel as plain data (`throughtime.distributed.serialization`), never as pickles.
"""

from typing import TypeVar

import torch
from torch import Tensor, distributed

from throughtime.distributed.serialization import deserialize, serialize

Value = TypeVar("Value")


def world_size() -> int:
    """The number of processes of the run."""
    return distributed.get_world_size() if _is_distributed() else 1


def rank() -> int:
    """The number of this process, from 0; rank 0 writes the files."""
    return distributed.get_rank() if _is_distributed() else 0


def all_gather(value: Value) -> list[Value]:
    """The values of all ranks, in the order of the ranks; tensors in them come to the CPU, unless there is one rank.

    Args:
        value: plain containers with numbers, texts and tensors, of any size on each rank.
    """
    if world_size() == 1:
        return [value]
    own = serialize(value).to(_device())
    sizes = [torch.zeros(1, dtype=torch.int64, device=own.device) for _ in range(world_size())]
    distributed.all_gather(sizes, torch.tensor([len(own)], device=own.device))
    padded = own.new_zeros(max(int(size) for size in sizes))
    padded[: len(own)] = own
    parts = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(parts, padded)
    return [deserialize(part[: int(size)]) for part, size in zip(parts, sizes, strict=True)]


def broadcast(value: Value, source: int = 0) -> Value:
    """The value of one rank, on all ranks.

    Args:
        value: plain containers with numbers, texts and tensors; that of other ranks than `source` is not used.
        source: the rank.
    """
    if world_size() == 1:
        return value
    own = serialize(value if rank() == source else None).to(_device())
    size = torch.tensor([len(own)], device=own.device)
    distributed.broadcast(size, source)
    data = own if rank() == source else own.new_empty(int(size))
    distributed.broadcast(data, source)
    return deserialize(data)


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


def _device() -> torch.device:
    """The device by which the backend of the process group communicates."""
    is_nccl = distributed.get_backend() == distributed.Backend.NCCL
    return torch.device("cuda", torch.cuda.current_device()) if is_nccl else torch.device("cpu")
