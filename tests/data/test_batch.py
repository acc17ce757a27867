import torch

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
