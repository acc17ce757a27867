import torch
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.batch import Batch

STEPS = torch.zeros(3, 2, dtype=torch.int64)


def test_all_targets_count_where_nothing_else_is_said():
    assert Batch(STEPS, STEPS, fresh=True).target_mask() is None


def test_targets_count_before_each_lane_ends():
    mask = Batch(STEPS, STEPS, fresh=True, lengths=torch.tensor([3, 1])).target_mask()
    assert mask.tolist() == [[True, True], [True, False], [True, False]]


def test_a_mask_goes_before_lengths():
    mask = torch.ones(3, 2, dtype=torch.bool)
    assert Batch(STEPS, STEPS, fresh=True, lengths=torch.tensor([3, 1]), mask=mask).target_mask() is mask


@given(lanes=st.integers(1, 7), ranks=st.integers(1, 4), optional=st.booleans())
def test_every_lane_is_in_one_share_and_every_rank_has_one(lanes, ranks, optional):
    targets = torch.arange(3 * lanes).view(3, lanes)
    marks = {"lengths": torch.arange(lanes), "resets": targets % 2 == 0, "mask": targets % 3 > 0}
    batch = Batch(targets[..., None], targets, fresh=False, **(marks if optional else {}))
    shares = [batch.share(rank, ranks) for rank in range(ranks)]
    assert all(share.targets.shape[1] >= 1 and not share.fresh for share in shares)
    working, idle = shares[:lanes], shares[lanes:]
    assert sum(share.targets.shape[1] for share in working) == lanes
    for rank, share in enumerate(working):
        assert torch.equal(share.targets, targets[:, rank::ranks])
        assert torch.equal(share.inputs[..., 0], share.targets)
        for name in marks:
            part = getattr(share, name)
            assert (part is None) != optional
            assert part is None or torch.equal(part, marks[name][..., rank::ranks])
    for share in idle:
        assert share.mask.shape == share.targets.shape and not share.mask.any()
