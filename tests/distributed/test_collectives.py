"""Ranks that tell each other something all know the same afterwards; one alone knows it anyway."""

from collections import Counter

import pytest
import torch

from throughtime.distributed.collectives import all_gather, all_max, all_sum, rank, world_size

CPU = torch.device("cpu")


def exchanged() -> dict:
    own = torch.tensor([0.1, 1e8, -1e8, float("nan")], dtype=torch.float64) * (rank() + 1)
    return {
        "rank": rank(),
        "ranks": world_size(),
        "total": all_sum(own).tolist()[:3],
        "nan": bool(all_sum(own)[3].isnan()),
        "all": all_gather({"name": rank(), "counts": Counter(a=rank()), "tensor": own[:1]}),
        "largest": all_max(7 - rank(), CPU),
    }


def test_three_ranks_know_the_same(in_processes):
    found = in_processes(exchanged, count=3)
    assert [one.pop("rank") for one in found] == [0, 1, 2]
    for one in found:
        assert one["ranks"] == 3 and one["nan"] and one["largest"] == 7
        assert one["total"] == found[0]["total"] == pytest.approx([0.6, 6e8, -6e8])
        assert [part["name"] for part in one["all"]] == [0, 1, 2]
        assert [part["counts"]["a"] for part in one["all"]] == [0, 1, 2]
        assert torch.cat([part["tensor"] for part in one["all"]]).tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_one_alone_is_rank_0_of_1_and_keeps_what_it_has():
    tensor = torch.ones(2)
    assert (rank(), world_size(), all_max(5, CPU)) == (0, 1, 5)
    assert all_sum(tensor) is tensor and all_gather(tensor)[0] is tensor


def test_a_rank_that_fails_is_told(in_processes):
    with pytest.raises(AssertionError, match="rank 0: ZeroDivisionError"):
        in_processes(lambda: 1 / rank())
