"""Checks of tensors whose addresses are handed to C, which can check nothing."""

from collections.abc import Sequence

import torch
from torch import Tensor


def check_array(name: str, tensor: Tensor, dtype: torch.dtype, size: int, contiguous: bool = True) -> None:
    """Raise unless a tensor lies in the CPU's memory as the C reads it.

    Args:
        name: the tensor's name in messages.
        tensor: the tensor.
        dtype: the type that the C reads.
        size: how many numbers the C may touch.
        contiguous: whether the C takes no strides.

    Raises:
        RuntimeError: it lies elsewhere, or has other numbers, or more or fewer of them.
    """
    if tensor.dtype != dtype:
        raise RuntimeError(f"expected {name} of type {_plain(dtype)}, got {_plain(tensor.dtype)}")
    if tensor.numel() != size:
        raise RuntimeError(f"expected {name} of {size} numbers, got {tensor.numel()} as {list(tensor.shape)}")
    if not tensor.is_cpu or tensor.layout is not torch.strided:
        raise RuntimeError(f"expected {name} to be a dense tensor on cpu, got one on {tensor.device}")
    if contiguous and not tensor.is_contiguous():
        raise RuntimeError(f"expected {name} to be contiguous, got strides {list(tensor.stride())}")


def check_shape(name: str, tensor: Tensor, shape: Sequence[int]) -> None:
    """Raise `RuntimeError` unless a tensor has this shape."""
    if tensor.shape != tuple(shape):
        raise RuntimeError(f"expected {name} of shape {list(shape)}, got {list(tensor.shape)}")


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
