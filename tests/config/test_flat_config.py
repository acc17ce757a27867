"""Dotted keys lead to every value of a nested configuration, once."""

from throughtime.config.flat_config import differences, flat


def test_every_value_has_the_key_that_leads_to_it() -> None:
    nested = {"seed": 1, "cell": {"hidden_size": 3, "deep": {"x": None}}, "split": [0.9, 0.1]}
    assert flat(nested) == {"seed": 1, "cell.hidden_size": 3, "cell.deep.x": None, "split": [0.9, 0.1]}


def test_what_differs_is_told_from_both_sides() -> None:
    one, other = {"a": 1, "b": [1, 2], "c": None}, {"a": 1, "b": [1, 3], "d": 0}
    assert differences(one, other) == {"b": ([1, 2], [1, 3]), "c": (None, "–"), "d": ("–", 0)}
    assert differences(one, one) == {}
