"""The base class of data: what a small data set must define, and what it need not."""

from typing import Any, ClassVar

import pytest
import torch

from throughtime.data.base import BatchList, DataModule
from throughtime.data.batch import Batch, Chunk
from throughtime.data.series.data import SeriesData
from throughtime.data.series.table_series import TableData
from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.data import TaggingData
from throughtime.data.text.lines import LinesData
from throughtime.data.text.running_text import TextData
from throughtime.errors import UserError
from throughtime.tokenizer.characters import Characters

ABSTRACT = {"restore", "setup", "artifacts", "loader", "describe", "fingerprint", "sizes"}


class Bits(DataModule):
    """Random bits, each sequence with its sum."""

    kind: ClassVar[str] = "bits"

    def setup(self, stage: str | None = None) -> None:
        bits = torch.randint(2, (5, 4), generator=torch.Generator().manual_seed(0))
        self.batches = [Batch(Chunk(bits), bits.sum(0), lane_axis=0)]

    def restore(self, artifacts: dict[str, Any]) -> None:
        pass

    def artifacts(self) -> dict[str, Any]:
        return {"input_sizes": {"vocabulary_size": 2}, "output_sizes": {"vocabulary_size": 6}}

    def loader(self, split: str) -> list[Batch] | None:
        return self.batches if split == "train" else None

    def describe(self) -> str:
        return "random bits"

    def fingerprint(self) -> dict[str, Any]:
        return {"seed": 0}

    @property
    def sizes(self) -> dict[str, int]:
        return {"train": 4}


def test_the_abstract_methods_are_all_that_a_data_set_must_define():
    assert DataModule.__abstractmethods__ == ABSTRACT
    data = Bits()
    data.setup()
    assert data.paths() == {} and data.pretrained() == {} and data.unit == "tokens"
    with pytest.raises(UserError, match="not tokenized text; leave tokenizer= out"):
        data.connect(Characters())


@pytest.mark.parametrize("method", sorted(ABSTRACT))
def test_data_without_one_of_them_are_no_data(method):
    with pytest.raises(TypeError, match=method):
        type("Partial", (Bits,), {method: getattr(DataModule, method)})()


def test_a_split_that_does_not_exist_is_an_empty_loader_for_lightning():
    data = Bits()
    data.setup()
    data.batches = BatchList(data.batches)
    assert data.train_dataloader() is data.loader("train")
    assert data.val_dataloader() == data.test_dataloader() == []


def test_a_list_of_batches_is_one_loader():
    data = Bits()
    data.setup()
    loader = data.train_dataloader()
    assert list(loader) == list(loader) == data.batches and len(loader) == 1
    assert not isinstance(loader, list)  # of which Lightning takes each member for a loader


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (iter, "gives a list_iterator, which is empty after one epoch"),
        (lambda batches: (batch for batch in batches), "gives a generator, which is empty after one epoch"),
        (lambda batches: 5, "gives a int; it must give batches"),
        (lambda batches: batches[0], "gives a Batch; it must give batches"),
    ],
)
def test_what_is_no_loader_is_one_sentence(make, said):
    data = Bits()
    data.setup()
    data.batches = make(data.batches)
    with pytest.raises(UserError, match=rf"Bits.loader\('train'\) {said}"):
        data.train_dataloader()


def test_paths_are_those_that_the_user_named(tmp_path):
    none = dict.fromkeys(("data.path", "data.train_path", "data.val_path", "data.test_path"))
    assert TextData(train_path="a.txt").paths() == none | {"data.train_path": "a.txt"}
    assert LinesData(path="*.txt").paths() == none | {"data.path": "*.txt"}
    assert TaggingData(Conll(), vectors="v.txt").paths() == none | {"data.vectors": "v.txt"}
    assert TableData("t.csv", look_back=2, horizon=1).paths() == {"data.path": "t.csv"}
    assert SeriesData(list, look_back=2, horizon=1).paths() == {}


def test_the_seed_of_all_data_obeys_one_rule():
    for make in (
        TextData,
        LinesData,
        lambda seed: TaggingData(Conll(), seed=seed),
        lambda seed: SeriesData(list, look_back=2, horizon=1, seed=seed),
    ):
        for seed in (-1, 2**32):
            with pytest.raises(UserError, match=f"seed={seed} is not a whole number from 0"):
                make(seed=seed)
