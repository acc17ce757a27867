"""The digits that scikit-learn ships are those that are read, and files are read like them."""

import numpy as np
import pytest

from throughtime.data.images.digits import Digits
from throughtime.errors import UserError


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    found, expected = Digits().shipped(), load_digits()
    found.check()
    np.testing.assert_allclose(np.stack(found.sequences) * 16, expected.images)
    assert found.labels == [str(target) for target in expected.target]
    assert found.frame_shape == (1, 1, 8)


def test_a_row_of_a_file_is_read_like_the_digits_themselves(tmp_path):
    from sklearn.datasets import load_digits

    values = load_digits().data[:3].astype(int)
    (tmp_path / "rows.csv").write_text("\n".join(",".join(map(str, row)) for row in values))
    source = Digits("pixels", order="permuted")
    read = source.read_for_prediction([tmp_path / "rows.csv"])
    for one, other in zip(read.sequences, source.shipped().sequences, strict=False):
        np.testing.assert_array_equal(one, other)
    assert read.names[2].endswith("rows.csv:3") and read.labels == [None] * 3


def test_there_is_no_file_to_read():
    with pytest.raises(UserError, match=r"data\.path=x: these digits come with scikit-learn"):
        Digits().read("x")


def test_a_source_is_made_again_from_its_state():
    source = Digits("patches", 2, "snake")
    again = Digits.from_state(source.state())
    assert again.state() == source.state()
    np.testing.assert_array_equal(again.shipped().sequences[5], source.shipped().sequences[5])
