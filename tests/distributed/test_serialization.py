"""What is decoded is what was encoded, and code is never a part of it."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.distributed.serialization import TYPES, deserialize, serialize


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": 1, "b": [True, 2.5, "ü\n"], "c": (None, [], {}, ())},
        [0.1, 1e-300, math.inf, -math.inf],
        (("tensor", 0), ["dict", {}], {"tensor": ["tuple", 3]}),
    ],
)
def test_plain_values_come_back_with_their_kinds(value: Any) -> None:
    assert deserialize(serialize(value)) == value


@pytest.mark.parametrize("name", TYPES)
def test_tensors_come_back_to_the_last_bit(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    values = (torch.randn(3, 5, generator=generator) * 50).to(TYPES[name])
    sent = {
        "matrix": values,
        "turned": values.T,
        "scalar": values[0, 0],
        "empty": values[:0],
        "odd": values[:1, :1],
    }
    found = deserialize(serialize(sent))
    for key, tensor in sent.items():
        assert found[key].dtype == tensor.dtype and torch.equal(found[key], tensor), key
        assert found[key].shape == tensor.shape


def test_a_nan_keeps_its_bits() -> None:
    nan = torch.tensor([0x7FF8_0000_0000_0001], dtype=torch.int64).view(torch.float64)
    assert deserialize(serialize(nan)).view(torch.int64).item() == 0x7FF8_0000_0000_0001


def test_counts_come_back_as_a_dictionary() -> None:
    assert deserialize(serialize(Counter(a=2))) == {"a": 2}


@pytest.mark.parametrize("value", [Path("x"), print, {1: 2}, {"a": {3}}, torch.zeros(1, dtype=torch.uint32)])
def test_what_is_not_plain_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot be sent|that can be sent"):
        serialize(value)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"float32", b"floatXX"), (b'"float32", [2]', b'"float32", [9]')],
)
def test_bytes_that_are_no_encoding_are_refused(before: bytes, after: bytes) -> None:
    data = serialize(torch.zeros(2)).numpy().tobytes()
    assert data.count(before) == 1
    with pytest.raises(ValueError, match=r"no tensor of type|are missing"):
        deserialize(torch.frombuffer(bytearray(data.replace(before, after)), dtype=torch.uint8))
