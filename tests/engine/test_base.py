import pytest

from throughtime.engine.base import Engine


def test_an_engine_is_a_run():
    assert Engine.__abstractmethods__ == {"_run"}
    with pytest.raises(TypeError, match="abstract"):
        Engine()
