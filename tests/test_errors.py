"""A mistake is told with its name, its value and what would be right."""

import math

import pytest

from throughtime.errors import UserError, check_choice, check_fraction, check_positive, first_line


@pytest.mark.parametrize("value", [0, -1, -0.5, math.nan])
def test_what_is_not_above_0_is_refused_by_its_name(value: float) -> None:
    with pytest.raises(UserError, match="batch_size must be above 0"):
        check_positive(steps=1, batch_size=value)


@pytest.mark.parametrize("value", [-0.1, 1, 2, math.nan])
def test_a_fraction_is_at_least_0_and_below_1(value: float) -> None:
    check_fraction(dropout=0, other=0.999)
    with pytest.raises(UserError, match="dropout must be at least 0 and below 1"):
        check_fraction(dropout=value)


def test_a_choice_names_the_others() -> None:
    check_choice(("a", "b"), order="a")
    with pytest.raises(UserError, match="order=c is not known; choose one of: a, b"):
        check_choice(("b", "a"), order="c")


def test_the_first_line_of_a_message_is_its_class_where_there_is_none() -> None:
    assert first_line(ValueError("\n one\ntwo")) == "one"
    assert first_line(KeyboardInterrupt()) == "KeyboardInterrupt"
