"""Dotted keys lead to every value of a nested configuration, once."""

from throughtime.run.keys import flat


def test_every_value_has_the_key_that_leads_to_it() -> None:
    nested = {"seed": 1, "cell": {"hidden_size": 3, "deep": {"x": None}}, "split": [0.9, 0.1]}
    assert flat(nested) == {"seed": 1, "cell.hidden_size": 3, "cell.deep.x": None, "split": [0.9, 0.1]}
