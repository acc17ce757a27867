"""`RuleData`: training and measured lengths are disjoint, and a wrong range is an error that names its key."""

import pytest

from throughtime.data.synthetic.adding import Adding
from throughtime.data.synthetic.associative_recall import AssociativeRecall
from throughtime.data.synthetic.regular import ModularArithmetic, ParityCheck
from throughtime.data.synthetic.rule_data import RuleData
from throughtime.errors import UserError


@pytest.mark.parametrize("rule", [ParityCheck(), ModularArithmetic()])
def test_trained_and_measured_lengths_are_disjoint(rule: ParityCheck | ModularArithmetic) -> None:
    data = RuleData(rule, batch_size=1, batches=300)
    trained = {len(batch.inputs) for batch in data.loader("train")}
    for split in ("val", "test"):
        assert not trained & {len(batch.inputs) for batch in data.loader(split)}
    assert data.measured["test"][0] == 41 and data.measured["test"][-1] in (499, 500)


def test_all_lengths_are_measured_on_demand() -> None:
    data = RuleData(ParityCheck(), test_points=None, val_points=2)
    assert data.measured == {"val": [41, 100], "test": list(range(41, 501))}


def test_the_artifacts_tell_the_length_of_a_sequence_by_its_steps() -> None:
    data = RuleData(ModularArithmetic(), val_points=3, test_points=5)
    lengths = data.artifacts()["rule"]["lengths"]
    for batch, length in zip(data.loader("test"), data.measured["test"], strict=True):
        assert lengths[len(batch.inputs)] == length


def test_the_training_loader_is_one_object() -> None:
    data = RuleData(Adding(), 9, None, None, None)
    assert data.measured == {"val": [9], "test": [9]} and data.train_lengths == (9, 9)
    assert data.loader("train") is data.loader("train")
    assert data.sizes == {"train": 128_000, "val": 128, "test": 128}


def test_one_length_counts_where_a_split_has_no_range() -> None:
    data = RuleData(Adding(), 90, (4, 90), None, None, val_points=1, test_points=1, curriculum_batches=500)
    assert data.train_lengths == (4, 90) and data.measured == {"val": [90], "test": [90]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_lengths": (5, 4)}, r"data\.train_lengths=\[5, 4\] must be the first and the last length"),
        ({"test_lengths": (0, 4)}, r"data\.test_lengths=\[0, 4\] must be"),
        ({"train_lengths": (1, 20)}, r"data\.train_lengths=\[1, 20\] has no length .* begins at 24"),
        ({"val_lengths": (5, 9)}, r"data\.val_lengths=\[5, 9\] has no length"),
        ({"length": 30}, r"data\.train_lengths and data\.length exclude each other"),
        ({"val_lengths": None}, r"data\.val_lengths or data\.length is needed"),
        ({"test_points": 0}, r"data\.test_points must be above 0"),
        ({"curriculum_batches": -1}, r"data\.curriculum_batches=-1 must not be below 0"),
        ({"batch_size": 0}, r"data\.batch_size must be above 0"),
    ],
)
def test_a_wrong_range_is_an_error_that_names_its_key(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RuleData(AssociativeRecall(), **options)
