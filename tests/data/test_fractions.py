"""Three fractions make a whole."""

import pytest

from throughtime.data.fractions import check_split_fractions
from throughtime.errors import UserError


@pytest.mark.parametrize("split", [(0.9, 0.1), (0.9, 0.2, 0.0), (0.0, 0.5, 0.5), (1.1, -0.1, 0.0)])
def test_fractions_that_make_no_whole_are_refused(split):
    with pytest.raises(UserError, match=r"data\.split="):
        check_split_fractions(split)
