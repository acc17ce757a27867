"""A table needs only what differs, and an option that was chosen is one thing, however many keys it sets."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from throughtime.errors import UserError
from throughtime.report.columns import columns, differing, short_names
from throughtime.report.record import Record


def keys(records: list[Record]) -> list[str]:
    return [column.key for column in columns(records)]


def test_alike_runs_and_those_of_other_seeds_differ_in_nothing(record: Callable[..., Record]) -> None:
    assert columns([record(seed=seed) for seed in (1, 2, 3)]) == []


def test_a_chosen_cell_is_one_column(record: Callable[..., Record]) -> None:
    (column,) = columns([record("lstm"), record("gru"), record("elman")])
    assert (column.key, column.values) == ("cell", ("lstm", "gru", "elman"))


def test_an_older_run_without_choices_is_known_by_its_class(record: Callable[..., Record]) -> None:
    (column,) = columns([record("lstm", choices={}, overrides=[]), record("gru", choices={}, overrides=[])])
    assert column.values == ("lstm", "gru")


def test_two_options_of_one_class_keep_their_names(record: Callable[..., Record]) -> None:
    irnn = record("elman", choices={"task": "textgen", "cell": "irnn"}, set={"cell.activation": "relu"})
    assert columns([record("elman"), irnn])[0].values == ("elman", "irnn")


def test_what_was_typed_is_shown_beside_the_choice(record: Callable[..., Record]) -> None:
    sizes = [record("lstm", set={"cell.hidden_size": 64}), record("gru", set={"cell.hidden_size": 128})]
    assert keys(sizes) == ["cell", "cell.hidden_size"]


def test_what_differs_within_a_choice_is_shown(record: Callable[..., Record]) -> None:
    records = [record("lstm"), record("gru"), record("gru")]
    records[2].config["cell.reset"] = "before"
    assert keys(records) == ["cell", "cell.reset"]


def test_what_differs_beside_a_choice_is_never_hidden(record: Callable[..., Record]) -> None:
    """Another learning rate that nobody typed (the shipped one has changed since) is a reason of its own."""
    records = [record("lstm"), record("gru")]
    records[1].config["optim.lr"] = 0.001
    assert keys(records) == ["cell", "optim.lr"]


def test_an_interpolation_does_not_repeat_its_source(record: Callable[..., Record]) -> None:
    records = [
        record(set={"decode.temperature": value}, overrides=[f"decode.temperature={value}"])
        for value in (1, 2)
    ]
    for one in records:
        one.config["callback.samples.decoder.temperature"] = one.config["decode.temperature"]
    assert keys(records) == ["decode.temperature"]


def test_a_seed_of_its_own_is_a_setting(record: Callable[..., Record]) -> None:
    records = [record(seed=1), record(seed=1)]
    records[1].config["data.seed"] = 5
    assert keys(records) == ["data.seed"]


def test_bookkeeping_is_no_difference(record: Callable[..., Record]) -> None:
    records = [record(), record()]
    records[0].config.update(
        {"resume": "runs/x", "sweep.fail_fast": True, "trainer.dirpath": str(records[0].path)}
    )
    records[1].config.update({"trainer.dirpath": str(records[1].path)})
    assert differing(records) == []


def test_true_is_not_one_and_one_is_one_point_zero(record: Callable[..., Record]) -> None:
    def pair(one: object, other: object) -> list[str]:
        return differing([record(set={"x": one}), record(set={"x": other})])

    assert pair(True, 1) == ["x"] and pair(1, 1.0) == [] and pair([1, 2], [1, 2]) == []


def test_columns_that_are_asked_for_are_given_even_where_nothing_differs(
    record: Callable[..., Record],
) -> None:
    (column,) = columns([record(), record(seed=2)], by=["optim.lr"])
    assert column.values == (0.01, 0.01)
    with pytest.raises(
        UserError, match=r"hidden_size is in none of these runs; did you mean cell\.hidden_size"
    ):
        columns([record()], by=["hidden_size"])


def test_names_are_as_short_as_they_can_be_told_apart() -> None:
    assert short_names(["optim.optimizer.lr", "cell.size", "model.front.size", "cell"]) == {
        "optim.optimizer.lr": "lr",
        "cell.size": "cell.size",
        "model.front.size": "front.size",
        "cell": "cell",
    }


def test_a_number_is_not_taken_for_the_name_of_a_run(record: Callable[..., Record], tmp_path: Path) -> None:
    """The jobs of a sweep are named 0, 1, 2, ..., and so are many digits of what they are given."""
    rates = [
        replace(record("lstm", set={"optim.optimizer.lr": rate}), path=tmp_path / str(number))
        for number, rate in enumerate((0.1, 1e-3, 0.02))
    ]
    assert keys(rates) == ["optim.optimizer.lr"]
    places = [
        replace(
            record("lstm", set={"trainer.profiler.dirpath": f"{tmp_path}/{number}"}),
            path=tmp_path / str(number),
        )
        for number in range(3)
    ]
    assert differing(places) == []
