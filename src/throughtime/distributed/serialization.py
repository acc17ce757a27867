"""Serialization of plain containers with tensors as bytes: what ranks send each other can hold no code.

    [8 bytes: length of the description] [description: JSON] [bytes of each tensor, one after the other]

The description has the tree of containers, in which a tensor is a number, and the type and shape of each tensor.
"""

import json
import math
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

LENGTH_BYTES = 8

TYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
    )
}
"""The types of tensors that can be encoded, by their names."""


def serialize(value: Any) -> UInt8[Tensor, " N"]:
    """Encode a tree of dictionaries with texts as keys, lists, tuples, numbers, texts, None and tensors.

    Raises:
        TypeError: it holds anything else.
    """
    tensors: list[Tensor] = []
    tree = _described(value, tensors)
    types = [[str(tensor.dtype).removeprefix("torch."), list(tensor.shape)] for tensor in tensors]
    description = json.dumps({"tree": tree, "tensors": types}).encode()
    head = len(description).to_bytes(LENGTH_BYTES, "little") + description
    parts = [torch.frombuffer(bytearray(head), dtype=torch.uint8)]
    return torch.cat([*parts, *(tensor.flatten().view(torch.uint8) for tensor in tensors)])


def deserialize(data: UInt8[Tensor, " N"]) -> Any:
    """The value that `serialize` was given, with its tensors on the CPU.

    Raises:
        ValueError: the bytes are not such an encoding.
    """
    data = data.cpu()
    length = int.from_bytes(data[:LENGTH_BYTES].numpy().tobytes(), "little")
    start = LENGTH_BYTES + length
    description = json.loads(data[LENGTH_BYTES:start].numpy().tobytes())
    tensors = []
    for name, shape in description["tensors"]:
        if name not in TYPES:
            raise ValueError(f"there is no tensor of type {name}")
        end = start + math.prod(shape) * TYPES[name].itemsize
        if end > len(data):
            raise ValueError("the bytes of a tensor are missing")
        tensors.append(data[start:end].clone().view(TYPES[name]).view(shape))
        start = end
    return _rebuilt(description["tree"], tensors)


def _described(value: Any, tensors: list[Tensor]) -> Any:
    """A tree that JSON can hold; each container is a list with its kind, and tensors go into `tensors`."""
    if isinstance(value, Tensor):
        if str(value.dtype).removeprefix("torch.") not in TYPES:
            raise TypeError(f"a tensor of type {value.dtype} cannot be sent to other ranks")
        tensors.append(value.detach().cpu().contiguous())
        return ["tensor", len(tensors) - 1]
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return ["dict", {name: _described(part, tensors) for name, part in value.items()}]
    if type(value) in (list, tuple):
        return [type(value).__name__, [_described(part, tensors) for part in value]]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{type(value).__name__} is no plain value that can be sent to other ranks")


def _rebuilt(tree: Any, tensors: list[Tensor]) -> Any:
    if not isinstance(tree, list):
        return tree
    kind, content = tree
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {name: _rebuilt(part, tensors) for name, part in content.items()}
    parts = [_rebuilt(part, tensors) for part in content]
    return tuple(parts) if kind == "tuple" else parts
