import pytest

from throughtime.engine.base import Engine


def test_an_engine_is_a_run_and_a_reason_why_not():
    assert Engine.__abstractmethods__ == {"_run", "unsupported_reason"}
    with pytest.raises(TypeError, match="abstract"):
        Engine()
