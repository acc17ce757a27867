"""What tests/annotation_checks.py leaves to beartype and what to jaxtyping: both reject what an annotation excludes."""

from collections.abc import Iterator
from dataclasses import dataclass

import annotation_checks
import pytest
import torch
from jaxtyping import Float, TypeCheckError
from torch import Tensor

from throughtime.engine.bptt.loops import append_mask
from throughtime.tokenizer.vocabulary import Vocabulary


def sum_of(left: Float[Tensor, "B H"], right: Float[Tensor, "B H"]) -> Float[Tensor, " B"]:
    return (left + right).sum(-1)


def first(parts: list[Float[Tensor, "B H"]] | None) -> Tensor | None:
    return parts[0] if parts else None


def count(steps: int) -> Iterator[int]:
    yield from range(int(steps))


@dataclass
class Sizes:
    hidden: int


@dataclass
class State:
    hidden: Float[Tensor, "B H"]


def test_axes_of_one_name_have_one_size() -> None:
    checked = annotation_checks.checked(sum_of)
    assert checked(torch.ones(2, 3), torch.ones(2, 3)).shape == (2,)
    with pytest.raises(TypeCheckError):
        checked(torch.ones(2, 3), torch.ones(3, 3))


@pytest.mark.parametrize(
    ("decorated", "right", "wrong"),
    [
        (first, [torch.ones(1, 2)], [torch.ones(2)]),
        (Sizes, 3, "3"),
        (State, torch.ones(1, 2), torch.ones(2)),
    ],
)
def test_a_wrong_argument_is_rejected(decorated, right, wrong) -> None:
    checked = annotation_checks.checked(decorated)
    checked(right)
    with pytest.raises(TypeError):
        checked(wrong)


def test_a_generator_rejects_it_when_it_begins() -> None:
    checked = annotation_checks.checked(count)
    assert list(checked(3)) == [0, 1, 2]
    with pytest.raises(TypeError):
        next(checked("3"))


def test_the_package_is_checked() -> None:
    with pytest.raises(TypeCheckError):
        append_mask(torch.ones(2, 3, 4), torch.ones(3, 3, dtype=torch.bool))
    with pytest.raises(TypeError):
        Vocabulary(3)
