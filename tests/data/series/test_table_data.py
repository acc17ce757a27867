"""A file becomes forecasting data, its settings all checked in one place."""

import numpy as np
import pandas as pd
import pytest

from throughtime.data.series.table_data import from_table
from throughtime.errors import UserError


def test_a_table_becomes_series_with_its_columns_as_channels_or_as_series(tmp_path):
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=80, freq="h"),
            "a": np.arange(80.0),
            "b": np.arange(80.0),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    sizes = {"look_back": 8, "horizon": 4}
    for joint, expected in ((False, (2, 1)), (True, (1, 2))):
        data = from_table(str(tmp_path / "t.csv"), time="time", joint=joint, **sizes)
        data.setup()
        found = data.artifacts()["input_sizes"]
        assert (found["series_count"], found["channels"]) == expected


def test_settings_of_the_file_and_of_the_windows_are_both_checked(tmp_path):
    with pytest.raises(UserError, match=r"data\.duplicates"):
        from_table("t.csv", duplicates="all", look_back=8, horizon=4)
    with pytest.raises(UserError, match=r"data\.horizon"):
        from_table("t.csv", look_back=8, horizon=0)
