"""A class that is typed in an option's place takes what it can of the option's values."""

from throughtime.config.typed_targets import without_unknown_arguments

CONFIG = {
    "cell": {"_target_": "throughtime.cell.GRU", "_partial_": True, "hidden_size": 8, "forget_bias": 1.0},
    "seed": 1,
}


def test_what_the_typed_class_does_not_take_is_left_out_and_named() -> None:
    adapted, messages = without_unknown_arguments(CONFIG, ["cell._target_=throughtime.cell.GRU", "seed=1"])
    assert adapted["cell"] == {"_target_": "throughtime.cell.GRU", "_partial_": True, "hidden_size": 8}
    assert messages == ["cell: GRU takes no forget_bias; left out"]
    assert "forget_bias" in CONFIG["cell"]


def test_what_was_typed_stays() -> None:
    typed = ["cell._target_=throughtime.cell.GRU", "+cell.forget_bias=1.0"]
    assert without_unknown_arguments(CONFIG, typed) == (CONFIG, [])


def test_a_configuration_without_typed_classes_stays_as_it_is() -> None:
    assert without_unknown_arguments(CONFIG, ["seed=2"]) == (CONFIG, [])


def test_a_class_that_is_taken_out_is_no_typed_class() -> None:
    without = {**CONFIG, "cell": {"hidden_size": 8}}
    assert without_unknown_arguments(without, ["~cell._target_"]) == (without, [])
