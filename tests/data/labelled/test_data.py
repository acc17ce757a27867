"""Labelled data: labels and standardisation are those of training, and other data are measured by them."""

import numpy as np
import pytest
from toy_sequences import ToySource, toy_set

from throughtime.data.labelled.data import LabelledData, check_like, targets_of
from throughtime.errors import UserError


def data_of(found=None, **settings):
    data = LabelledData(ToySource(found), **settings)
    data.setup()
    return data


def test_parts_and_sizes_agree():
    data = data_of()
    assert sum(data.sizes.values()) == 60
    for part in ("train", "val", "test"):
        assert sum(batch.count() for batch in data.loader(part)) == data.sizes[part] == len(data.part(part))
    assert data.loader("train") is data.loader("train")


def test_the_standardisation_is_that_of_training():
    data = data_of()
    values = np.concatenate([data.standardiser(sequence) for sequence in data.part("train").sequences])
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-5)


def test_groups_are_standardised_by_their_own_sequences():
    groups = [f"g{number // 10}" for number in range(60)]
    sequences = [sequence + 9 * (number // 10) for number, sequence in enumerate(toy_set().sequences)]
    found = toy_set(sequences=sequences, groups=groups)
    data = data_of(found, group=True, standardise="group", split=[0.5, 0, 0.5])
    for part in ("train", "test"):
        loader = data.loader(part)
        steps: dict[str, list[np.ndarray]] = {}
        for lanes, number in loader.buckets.chunks():
            batch = loader.batch(lanes, number)
            lengths = np.full(len(lanes), len(batch.inputs)) if batch.lengths is None else batch.lengths
            for place, lane in enumerate(lanes):
                own = batch.inputs[: int(lengths[place]), place].numpy()
                steps.setdefault(data.part(part).groups[lane], []).append(own)
        assert len(steps) == 3
        for own in steps.values():
            np.testing.assert_allclose(np.concatenate(own).mean(0), 0, atol=1e-5)
            np.testing.assert_allclose(np.concatenate(own).std(0), 1, atol=1e-5)


def test_standardisation_by_groups_needs_groups():
    with pytest.raises(UserError, match=r"data\.standardise=group needs data\.group"):
        LabelledData(ToySource(), standardise="group")


def test_restored_artifacts_decide_labels_and_standardisation():
    data = data_of()
    artifacts = data.artifacts()
    other = LabelledData(ToySource(toy_set(seed=5)))
    other.restore(artifacts)
    other.setup()
    assert other.labels == data.labels
    np.testing.assert_array_equal(other.standardiser.location, data.standardiser.location)
    assert other.artifacts()["output_sizes"] == artifacts["output_sizes"]


def test_labels_that_are_numbers_are_in_their_order():
    found = toy_set(classes=12, labels=[str(number % 12) for number in range(60)])
    assert data_of(found).labels == [str(number) for number in range(12)]


def test_class_counts_are_those_of_training():
    sizes = data_of().artifacts()["output_sizes"]
    assert sizes["vocabulary_size"] == 3 and sum(sizes["class_counts"]) == data_of().sizes["train"]


def test_several_labels_become_marks():
    assert targets_of([("b", "a"), (), ("b",)], ["a", "b"], True).tolist() == [[1, 1], [0, 0], [0, 1]]
    found = toy_set(labels=[("a",), ("a", "b"), ()] * 20)
    data = data_of(found)
    assert data.multilabel and data.labels == ["a", "b"]
    sizes, train = data.artifacts()["output_sizes"], data.part("train")
    assert (
        sizes["examples"] == data.sizes["train"] and "examples" not in data_of().artifacts()["output_sizes"]
    )
    assert sizes["class_counts"] == [sum(name in label for label in train.labels) for name in "ab"]


def test_the_fingerprint_tells_other_data_and_other_splits():
    def sha(**settings):
        return data_of(**settings).fingerprint()

    assert sha() == sha()
    assert sha()["sha256"] != sha(found=toy_set(seed=3))["sha256"]
    assert sha()["split"] != sha(split_seed=2)["split"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [f"{n / 7:.3f}" for n in range(60)]}, "the labels are numbers .* not classes"),
        ({"labels": ["a"] * 60}, "only one class, a"),
        ({"labels": ["a"] * 30 + [None] * 30}, "file:31 has no label"),
    ],
)
def test_labels_that_are_no_classes_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        data_of(toy_set(**changes))


def test_a_label_that_the_model_does_not_have_is_named():
    other = LabelledData(ToySource(toy_set(classes=4)))
    other.restore(data_of().artifacts())
    with pytest.raises(UserError, match="file:4: the label c3 is none of the model's, which are c0, c1, c2"):
        other.setup()


def test_other_features_than_those_of_training_are_refused():
    with pytest.raises(UserError, match="3 features a step, but the model was trained on 2"):
        check_like(data_of().artifacts(), toy_set(features=3))


def test_paths_that_exclude_each_other_are_refused():
    with pytest.raises(UserError, match=r"data\.path and data\.train_path exclude each other"):
        data_of(path="x", train_path="y")


def test_a_source_without_groups_by_name_says_so():
    with pytest.raises(UserError, match=r"data\.group=speaker"):
        data_of(group="speaker")
