import torch

from throughtime.engine.bptt.workspace import Workspace


def test_blocks_of_one_size_share_their_memory():
    workspace, like = Workspace(), torch.zeros(1)
    assert workspace("a", like, 2, 3) is workspace("a", like, 2, 3)
    assert workspace("a", like, 2, 3) is not workspace("b", like, 2, 3)
    assert workspace("a", like, 2, 3) is not workspace("a", like, 1, 3)
