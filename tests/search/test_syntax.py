"""What a search types for a trial is read back as the value that was drawn."""

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from throughtime.errors import UserError
from throughtime.search.space import distribution
from throughtime.search.syntax import as_text, sweep_entry

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=8).filter(
    lambda text: not text.startswith(("[", "{"))
)


def parse(text: str) -> Any:
    return OverridesParser.create().parse_override(text)


@given(SCALARS | TEXTS | st.lists(SCALARS | TEXTS, max_size=3))
def test_a_value_is_read_back(value: Any) -> None:
    override = parse(f"key={as_text(value)}")
    assert override.value() == value and type(override.value()) is type(value)
    assert not override.is_sweep_override()


@pytest.mark.parametrize(
    "value", [{"a": [1, "b c"], "d": None}, ["null", "true", "1", "1e3", "", "it's", "a\\"]]
)
def test_containers_are_read_back(value: Any) -> None:
    assert parse(f"key={as_text(value)}").value() == value


@pytest.mark.parametrize(
    ("typed", "entry"),
    [
        ("gru,lstm", ["gru", "lstm"]),
        ("choice(gru,'a b',1)", ["gru", "a b", 1]),
        ("choice([1,2],[3])", [[1, 2], [3]]),
        ("range(32,257,32)", {"low": 32, "high": 256, "step": 32}),
        ("range(0,0.5,0.1)", {"low": 0, "high": 0.4, "step": 0.1}),
        ("range(3)", {"low": 0, "high": 2, "step": 1}),
        ("interval(0,1)", {"low": 0.0, "high": 1.0}),
        ("int(interval(1,8))", {"low": 1, "high": 8}),
        ("tag(log,interval(1e-4,1e-2))", {"low": 1e-4, "high": 1e-2, "log": True}),
        ("tag(log,int(interval(1,8)))", {"low": 1, "high": 8, "log": True}),
    ],
)
def test_hydras_notation_says_what_yaml_says(typed: str, entry: Any) -> None:
    assert sweep_entry(parse(f"key={typed}")) == entry


@pytest.mark.parametrize("typed", ["range(0,0.5,0.1)", "range(1,9,3)", "range(0,7,3)"])
def test_a_range_has_the_numbers_that_hydra_would_try(typed: str) -> None:
    override = parse(f"key={typed}")
    space = distribution("key", sweep_entry(override))
    steps = round((space.high - space.low) / space.step) + 1
    assert [space.low + place * space.step for place in range(steps)] == pytest.approx(
        list(override.sweep_iterator())
    )


@pytest.mark.parametrize("typed", ["range(3,3)", "range(0,5,9)", "range(9,1,-2)", "tag(exp,interval(1,2))"])
def test_a_slip_is_told_by_its_key(typed: str) -> None:
    with pytest.raises(UserError, match=r"^key: "):
        sweep_entry(parse(f"key={typed}"))
