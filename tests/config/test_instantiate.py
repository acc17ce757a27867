"""Configuration to objects: from the inside out, with every slip told by its key."""

import pytest

from throughtime.cell.elman import Elman
from throughtime.config.instantiate import instantiate
from throughtime.errors import UserError

ELMAN = "throughtime.cell.Elman"


def test_a_target_becomes_an_object_and_a_partial_waits_for_the_rest() -> None:
    whole = instantiate({"_target_": ELMAN, "input_size": 2, "hidden_size": 3})
    factory = instantiate({"_target_": ELMAN, "_partial_": True, "hidden_size": 3}, "cell")
    assert isinstance(whole, Elman)
    assert factory(input_size=5).input_size == 5


def test_containers_are_built_item_by_item() -> None:
    built = instantiate(
        {"plain": [1, {"deep": {"_target_": ELMAN, "input_size": 1, "hidden_size": 1}}], "none": None}
    )
    assert isinstance(built["plain"][1]["deep"], Elman)
    assert built["none"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_size": "abc"}, r"cell\.hidden_size=abc is of the wrong kind; a whole number is needed"),
        ({"hidden_size": 1.5}, r"cell\.hidden_size=1\.5 .* a whole number"),
        ({"hidden_size": True}, r"cell\.hidden_size=True .* a whole number"),
        ({"learned_state": 3}, r"cell\.learned_state=3 .* true or false"),
        ({"hiden_size": 3}, r"cell\.hiden_size: Elman takes no such argument; it takes .*hidden_size"),
        ({"hidden_size": -3}, r"cell: .*hidden_size must be above 0, not -3"),
        ({"activation": "tahn"}, r"cell: .*tahn"),
    ],
)
def test_a_slip_is_told_by_its_key(arguments: dict, message: str) -> None:
    given = {"input_size": 2, "hidden_size": 3} | arguments
    with pytest.raises(UserError, match=message):
        instantiate({"_target_": ELMAN, **given}, "cell")


def test_a_slip_in_a_partial_is_told_when_it_is_typed_not_when_it_is_used() -> None:
    with pytest.raises(UserError, match=r"cell\.hidden_size=abc"):
        instantiate({"_target_": ELMAN, "_partial_": True, "hidden_size": "abc"}, "cell")


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(UserError, match=r"cell \(Elman\): .*hidden_size"):
        instantiate({"_target_": ELMAN, "input_size": 2}, "cell")


def test_what_a_part_cannot_take_from_the_data_is_told_by_its_key() -> None:
    head = instantiate({"_target_": "throughtime.head.Softmax", "_partial_": True}, "head")
    with pytest.raises(UserError, match=r"head: Softmax does not fit this task's data; it takes no channels"):
        head(input_size=3, channels=2)
