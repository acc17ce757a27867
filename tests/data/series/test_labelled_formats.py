"""Formats of labelled series: what is written comes back, and each fault is named with its file and line."""

import numpy as np
import pytest

from throughtime.data.series.labelled_formats import Columns, read_long_table, read_ts, read_tsv
from throughtime.errors import UserError

HEADER = (
    "# a comment\n@problemName Toy\n@timeStamps false\n@univariate false\n@dimensions 2\n"
    "@classLabel true a b\n@data\n"
)


@pytest.fixture
def write(tmp_path):
    def write(text, name="toy.ts"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def cases_of_ts(file, labelled=True):
    return list(read_ts(file, labelled))


def test_ts_lengths_channels_missing_values_and_labels(write):
    file = write(HEADER + "1,2,3:4,?,6:a\n\n# between\n7:8.5e1:b\n")
    first, second = cases_of_ts(file)
    np.testing.assert_array_equal(first.values, [[1, 4], [2, np.nan], [3, 6]])
    np.testing.assert_array_equal(second.values, [[7, 85]])
    assert (first.label, second.label) == ("a", "b")
    assert first.name == f"{file}:8" and second.place == f"{file}, line 11"


def test_random_series_come_back_from_ts(write):
    generator = np.random.default_rng(1)
    wanted = [generator.normal(size=(int(generator.integers(1, 30)), 2)) for _ in range(40)]
    lines = [
        ":".join(",".join(map(repr, channel.tolist())) for channel in series.T) + f":{'ab'[number % 2]}\n"
        for number, series in enumerate(wanted)
    ]
    found = cases_of_ts(write(HEADER + "".join(lines)))
    for case, series in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(case.values, series)


def test_ts_without_labels_is_for_prediction_alone(write):
    file = write("@univariate true\n@classLabel false\n@data\n1,2\n3\n")
    assert [case.label for case in cases_of_ts(file, labelled=False)] == [None, None]
    with pytest.raises(UserError, match=r"toy\.ts has no @classLabel true"):
        cases_of_ts(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"toy\.ts is empty \(0 bytes\)"),
        ("@problemName Toy\n", "has no line @data"),
        ("@\n1,2:a\n", "line 2 has values, but no line @data stands above it"),
        ("1,2:a\n", "line 1 has values, but no line @data stands above it"),
        (HEADER, "has no series below its line @data"),
        (HEADER.replace("timeStamps false", "timeStamps true"), "has @timeStamps true; give series of equal"),
        ("@targetLabel true\n@data\n1:2.5\n", "targets are numbers, not classes"),
        (HEADER.replace("dimensions 2", "dimensions two"), "@dimensions two must be a whole number"),
        (HEADER + "(0,1),(1,2):(0,1),(1,3):a\n", "line 8 has timestamps"),
        (HEADER + "1,2:a\n", "line 8 has 1 channel, but the header says 2"),
        (HEADER + "1,2:3,4:5,6:a\n", "line 8 has 3 channels, but the header says 2"),
        (HEADER + "1,2:3,4:a\n1,2:3:b\n", "line 9: channel 2 has 1 value, but channel 1 has 2"),
        (HEADER + "1,2:3,4:c\n", "line 8: the class 'c' is not in @classLabel, which has a, b"),
        (HEADER + "1,2:3,x:a\n", "line 8: value 2 of channel 2 is 'x', no finite number; a missing value is"),
        (HEADER + "1,inf:3,4:a\n", "line 8: value 2 of channel 1 is 'inf', no finite number"),
        (HEADER + "1,:3,4:a\n", "line 8: value 2 of channel 1 is '', no finite number"),
        (
            "@univariate true\n@equalLength true\n@seriesLength 3\n@classLabel true a\n@data\n1,2:a\n",
            "line 6 has 2 values, but the header says @equalLength true and @seriesLength 3",
        ),
    ],
)
def test_faults_of_ts_are_named(write, text, message):
    with pytest.raises(UserError, match=message):
        cases_of_ts(write(text))


def test_bytes_that_are_no_text_are_named(tmp_path):
    for name, read in (("a.ts", cases_of_ts), ("a.tsv", lambda file: list(read_tsv(file)))):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00\x81")
        with pytest.raises(UserError, match=f"{name} is not text in UTF-8"):
            read(tmp_path / name)


def test_tsv_ends_where_nan_fills_up(write):
    first, second, third = read_tsv(
        write("1\t0.5\tNaN\t2\tNaN\tNaN\n-1.0\t1\t2\t3\t4\t5\n?\t1\t2\n", "toy.tsv")
    )
    np.testing.assert_array_equal(first.values[:, 0], [0.5, np.nan, 2])
    assert len(second.values) == 5
    assert (first.label, second.label, third.label) == ("1", "-1", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n", "line 1 has no tab"),
        ("1\t2\n2\tNaN\tNaN\n", "line 2 has no value"),
        ("1\t2\ta\n", "line 1: value 2 of the series is 'a', no finite number"),
        ("# nothing\n", "has no series"),
    ],
)
def test_faults_of_tsv_are_named(write, text, message):
    with pytest.raises(UserError, match=message):
        list(read_tsv(write(text, "toy.tsv")))


LONG = "patient,id,time,x,y2,class\np1,a,2,3,4,u\np1,a,1,1,2,u\np2,b,1,,6,v\np2,b,2,7,8,v\n"


def long_cases(file, labelled=True, **columns):
    channels, cases = read_long_table(file, Columns(**columns), labelled)
    return channels, list(cases)


def test_rows_of_a_long_table_are_ordered_by_time(write):
    channels, (first, second) = long_cases(write(LONG, "long.csv"), channels=["x", "y2"], group="patient")
    assert channels == ("x", "y2")
    np.testing.assert_array_equal(first.values, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(second.values, [[np.nan, 6], [7, 8]])
    assert (first.label, first.group, first.name[-10:]) == ("u", "p1", "long.csv:a")


def test_channels_are_all_other_columns(write):
    text = LONG.replace("patient", "w").replace("p1", "5").replace("p2", "6")
    assert long_cases(write(text, "long.csv"))[0] == ("w", "x", "y2")


def test_times_may_be_dates(write):
    rows = "id;date;x;label\na;2026-01-03;3;u\na;2026-01-02;2;u\na;2025-12-31;1;u\n"
    _, (case,) = long_cases(write(rows, "long.csv"))
    assert case.values[:, 0].tolist() == [1, 2, 3]


def test_a_long_table_to_predict_needs_no_class(write):
    _, (case,) = long_cases(write("id,x\na,1\na,2\n", "long.csv"), labelled=False, label="class", group="who")
    assert case.label is None and case.group is None


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (
            LONG.replace("id", "who"),
            {},
            r"does not say which series a row belongs to; name .* data\.source\.id",
        ),
        (
            LONG.replace("class", "kind"),
            {},
            r"does not say which column is the class; name .* data\.source\.label",
        ),
        (LONG, {"channels": ["x", "z"]}, r"z.*data\.source\.channels|data\.source\.channels.*z"),
        (
            LONG,
            {"channels": ["x", "y2"], "group": "doctor"},
            r"no column 'doctor', which data\.group asks for",
        ),
        (
            LONG.replace("3,4,u", "3,four,u"),
            {"channels": ["x", "y2"]},
            "line 2, column y2: 'four' is no number",
        ),
        (LONG.replace("2,3,4,u", "1,3,4,u"), {}, "line 3: id a has a row of this time already, in line 2"),
        (LONG.replace("1,1,2,u", "1,1,2,v"), {}, "line 2: the class of a is u, but v in line 3"),
        (
            LONG.replace("p1,a,2", "p1,a,soon"),
            {},
            "line 2, column time: 'soon' is neither a number nor a date",
        ),
        ("id,class\na,u\n", {}, "has no column of values"),
        ("", {}, "is empty"),
    ],
)
def test_faults_of_long_tables_are_named(write, text, columns, message):
    columns = columns if "channels" in columns else columns | {"channels": None}
    text = text if columns["channels"] else text.replace("p1", "1").replace("p2", "2")
    with pytest.raises(UserError, match=message):
        long_cases(write(text, "long.csv"), **columns)
