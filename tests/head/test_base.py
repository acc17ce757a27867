import pytest

from throughtime.head.base import Head


def test_a_head_is_a_loss_and_a_prediction():
    assert Head.__abstractmethods__ == {"loss", "predict"}
    with pytest.raises(TypeError, match="abstract"):
        Head()
