import torch

from throughtime.engine.bptt.workspace import Room


def test_blocks_of_one_size_share_their_memory():
    room, like = Room(), torch.zeros(1)
    assert room("a", like, 2, 3) is room("a", like, 2, 3)
    assert room("a", like, 2, 3) is not room("b", like, 2, 3)
    assert room("a", like, 2, 3) is not room("a", like, 1, 3)
