"""The memory that data take while they are read."""

import pytest

from throughtime.data import memory
from throughtime.data.memory import MemoryCount, largest_batch
from throughtime.errors import UserError


def test_data_must_fit_twice_and_the_file_and_the_remedy_are_named(monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 1000)
    count = MemoryCount("set data.source.size")
    count.add(300, "a.mp4")
    count.add(200, "b.mp4")
    with pytest.raises(
        UserError, match=r"^c\.mp4: the data up to this file need more .*; set data\.source\.size$"
    ):
        count.add(1, "c.mp4")


@pytest.mark.parametrize(
    ("counts", "lanes"),
    [({"train": 8, "test": 8}, 8), ({"train": 900, "val": 90}, 90), ({"train": 900, "val": 9}, 64), ({}, 0)],
)
def test_no_batch_has_more_sequences_than_its_part(counts, lanes):
    assert largest_batch(70, counts, 64, 256) == {"steps": 70, "lanes": lanes}
