"""Small files of the kinds that people bring are read rightly, or refused with a sentence that says what to set.

The files lie in a folder `cases` beside the public data, a folder a case; the tests skip where it is absent.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughtime.data.series.table_series import TableSeries
from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.conllu import ConllU
from throughtime.data.tagged.data import TaggingData
from throughtime.data.tagged.entity_schemes import spans
from throughtime.data.tagged.sentences import SentenceTags, document_at
from throughtime.errors import UserError


@pytest.fixture(scope="module")
def cases(public_data: Path) -> Path:
    """The folder of cases."""
    folder = public_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    return folder


READ: list[tuple[str, dict[str, Any], tuple[str, str, str], int, list[float], list[str]]] = [
    # file, settings, (first time, last time, step), steps, the first row, words of the start message
    ("40/trailing.csv", {"time": "time"}, ("2023-01-01T00", "2023-01-17T15", "h"), 400, [104.68], []),
    ("40/trailing3.csv", {"values": ["a", "b"]}, ("0", "399", "None"), 400, [104.68, 209.35], []),
    (
        "41/fixed.csv",
        {"time": "time"},
        ("2023-10-19T23", "2023-11-09T18", "h"),
        500,
        [104.68],
        ["UTC+01:00"],
    ),
    ("41/utc.csv", {"time": "time"}, ("2023-10-20T00", "2023-11-09T19", "h"), 500, [104.68], ["(UTC)"]),
    (
        "41/offset.csv",
        {"time": "time"},
        ("2023-10-20T00", "2023-11-09T19", "h"),
        500,
        [104.68],
        ["offsets, which change", "data.time_zone"],
    ),
    (
        "41/offset.csv",
        {"time": "time", "time_zone": "Europe/Berlin"},
        ("2023-10-20T00", "2023-11-09T19", "h"),
        500,
        [104.68],
        ["2023-10-20 02:00:00 to 2023-11-09 20:00:00 (Europe/Berlin)"],
    ),
    (
        "41/naive.csv",
        {"time": "time", "time_zone": "Europe/Berlin"},
        ("2023-10-20T00", "2023-11-09T19", "h"),
        500,
        [104.68],
        [],
    ),
    (
        "41/gap.csv",
        {"time": "time", "time_zone": "Europe/Berlin"},
        ("2023-03-20T00", "2023-04-09T19", "h"),
        500,
        [104.68],
        ["none missing"],
    ),
    (
        "41/gap.csv",
        {"time": "time"},
        ("2023-03-20T01", "2023-04-09T21", "h"),
        501,
        [104.68],
        ["1 of 501 values missing"],
    ),
    (
        "44/Mformat.csv",
        {"time": "date"},
        ("2000-01-01", "2019-12-01", "MS"),
        240,
        [104.68],
        ["read as months"],
    ),
    ("44/busend.csv", {"time": "date"}, ("2000-01-31", "2019-12-31", "BME"), 240, [104.68], []),
    ("44/fiscal.csv", {"time": "date"}, ("1900-06-30", "2019-06-30", "YE-JUN"), 120, [104.68], []),
    ("44/month15.csv", {"time": "date"}, ("2000-01-15", "2019-12-15", "MS-15"), 240, [104.68], []),
    ("44/month30.csv", {"time": "date"}, ("2000-01-30", "2019-12-30", "MS-30"), 240, [104.68], []),
    ("44/monthend.csv", {"time": "date"}, ("2000-01-31", "2019-12-31", "ME"), 240, [104.68], []),
    ("44/monthname.csv", {"time": "date"}, ("2000-01-01", "2019-12-01", "MS"), 240, [104.68], ["%b-%y"]),
    ("44/quarterend.csv", {"time": "date"}, ("2000-03-31", "2019-12-31", "QE"), 80, [104.68], []),
    ("44/quarterfeb.csv", {"time": "date"}, ("2000-02-01", "2029-11-01", "QS-FEB"), 120, [104.68], []),
    (
        "44/quartername.csv",
        {"time": "date"},
        ("2000-01-01", "2029-10-01", "QS"),
        120,
        [104.68],
        ["read as quarters"],
    ),
    ("44/quarterstart.csv", {"time": "date"}, ("2000-01-01", "2029-10-01", "QS"), 120, [104.68], []),
    ("44/year.csv", {"time": "year"}, ("1900-01-01", "2019-01-01", "YS"), 120, [104.68], ["read as %Y"]),
    ("44/yearfloat.csv", {"values": "spots"}, ("0", "199", "None"), 200, [104.68], ["without times"]),
    ("44/yearmonth.csv", {"time": "date"}, ("2000-01-01", "2019-12-01", "MS"), 240, [104.68], []),
    ("44/yyyymm.csv", {"time": "date"}, ("2000-01-01", "2019-12-01", "MS"), 240, [104.68], ["%Y%m"]),
    (
        "46/float.csv",
        {"time": "timestamp"},
        ("2023-01-01T00", "2023-01-01T00:01:19.8", "200ms"),
        400,
        [104.68],
        ["Unix seconds"],
    ),
    (
        "46/millis.csv",
        {"time": "timestamp"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        ["Unix milliseconds"],
    ),
    (
        "46/seconds.csv",
        {"time": "timestamp"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        ["Unix seconds"],
    ),
    (
        "46/millis.parquet",
        {"time": "timestamp"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        ["Unix milliseconds"],
    ),
    (
        "46/seconds.parquet",
        {"time": "timestamp"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        ["Unix seconds"],
    ),
    (
        "46/berlin.parquet",
        {"time": "time"},
        ("2022-12-31T23", "2023-01-17T14", "h"),
        400,
        [104.68],
        ["2023-01-01 to 2023-01-17 15:00:00 (Europe/Berlin)"],
    ),
    (
        "46/index.parquet",
        {"time": "time"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68, 209.35],
        [],
    ),
    (
        "46/noname.parquet",
        {"time": "index"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68, 209.35],
        [],
    ),
    (
        "46/types.parquet",
        {"time": "time", "values": ["a", "flag", "n"]},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68, 1, 1],
        ["200 of 1,200 values missing"],
    ),
    ("47/daily_ddmm.csv", {"time": "date"}, ("2022-01-03", "2023-08-25", "D"), 600, [104.68], ["%d/%m/%Y"]),
    ("47/daily_dots.csv", {"time": "date"}, ("2022-01-03", "2023-08-25", "D"), 600, [104.68], ["%d.%m.%Y"]),
    ("47/excel_us.csv", {"time": "date"}, ("2022-01-03", "2023-08-25", "D"), 600, [104.68], ["%m/%d/%y"]),
    (
        "47/monthly_ddmm.csv",
        {"time": "date", "time_format": "%d/%m/%Y"},
        ("2000-01-01", "2019-12-01", "MS"),
        240,
        [104.68],
        ["%d/%m/%Y"],
    ),
    (
        "48/german.csv",
        {"time": "Datum"},
        ("2022-01-03", "2023-08-25", "D"),
        600,
        [2093.53],
        ['decimal mark ","', 'thousands mark "."'],
    ),
    (
        "48/german_half.csv",
        {"time": "Datum"},
        ("2022-01-03", "2023-08-25", "D"),
        600,
        [104.68],
        ['decimal mark ","'],
    ),
    (
        "48/german_int.csv",
        {"time": "Datum", "thousands": "."},
        ("2022-01-03", "2023-08-25", "D"),
        600,
        [2093],
        [],
    ),
    (
        "48/us.csv",
        {"time": "date"},
        ("2022-01-03", "2023-08-25", "D"),
        600,
        [2093.53],
        ['thousands mark ","'],
    ),
    (
        "48/money.csv",
        {"time": "date"},
        ("2022-01-03", "2023-08-25", "D"),
        600,
        [104.68, 34.9],
        ["sales in $", "share in %"],
    ),
    (
        "48/cp1252.csv",
        {"time": "date", "encoding": "cp1252"},
        ("2022-01-03", "2023-08-25", "D"),
        600,
        [104.68],
        ["Temp °C"],
    ),
    (
        "48/utf16.csv",
        {"time": "date"},
        ("2022-01-03", "2023-08-25", "D"),
        600,
        [104.68],
        ["utf-16", "Temp °C"],
    ),
    (
        "52/index.csv",
        {"time": "time"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68, 209.35],
        ["without a name that counts the rows left out"],
    ),
    (
        "52/timeindex.csv",
        {"time": "unnamed_1"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68, 209.35],
        [],
    ),
    (
        "54/spaces.csv",
        {"time": "time"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68, 209.35],
        ["columns load a, load b"],
    ),
    (
        "54/dup.csv",
        {"time": "1", "header": False, "skip_rows": 1},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68, 209.35],
        [],
    ),
    (
        "60/comment.csv",
        {"time": "time", "comment": "#"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        [],
    ),
    (
        "60/meta.csv",
        {"time": "time", "skip_rows": 2},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        [],
    ),
    (
        "60/noheader.csv",
        {"time": 1, "values": 2, "header": False},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        [],
    ),
    ("60/sep.csv", {"time": "time"}, ("2023-01-01T00", "2023-01-17T15", "h"), 400, [104.68], ['";"']),
    (
        "60/units.csv",
        {"time": "time", "units_rows": 1},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        [],
    ),
    ("61/blankend.csv", {"time": "time"}, ("2023-01-01T00", "2023-01-17T15", "h"), 400, [104.68], []),
    (
        "61/blankmid.csv",
        {"time": "time"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        ["3 blank rows left out"],
    ),
    ("61/commasend.csv", {"time": "time"}, ("2023-01-01T00", "2023-01-17T15", "h"), 400, [104.68], []),
    (
        "61/footer.csv",
        {"time": "time", "skip_footer": 1},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        [],
    ),
    (
        "62/excelna.csv",
        {"time": "time"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        ["8 of 400 values missing"],
    ),
    (
        "62/fred.csv",
        {"time": "observation_date"},
        ("2022-01-03", "2023-08-25", "B"),
        430,
        [104.68],
        ["18 of 430"],
    ),
    (
        "62/m999.csv",
        {"time": "time"},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        ["load is -999 in 8 rows (set data.missing=-999"],
    ),
    (
        "62/m999.csv",
        {"time": "time", "missing": -999},
        ("2023-01-01T00", "2023-01-17T15", "h"),
        400,
        [104.68],
        ["8 of 400 values missing"],
    ),
    (
        "63/uci.csv",
        {"time": ["Date", "Time"]},
        ("2006-12-16T17:24", "2006-12-17T08:23", "min"),
        900,
        [104.676, 209.35],
        ["%d/%m/%Y %H:%M:%S", "30 of 1,800"],
    ),
]


@pytest.mark.parametrize(("file", "settings", "grid", "steps", "first", "said"), READ)
def test_a_table_gives_its_times_and_numbers(
    cases: Path,
    file: str,
    settings: dict[str, Any],
    grid: tuple[str, str, str],
    steps: int,
    first: list[float],
    said: list[str],
) -> None:
    read = TableSeries(str(cases / file), **settings)()
    (series,) = read
    start, stop, step = grid
    assert str(read.frequency) == step
    if read.frequency is not None:
        assert series.times[0] == np.datetime64(start)
        assert series.times[-1] == np.datetime64(stop)
    assert len(series) == steps
    assert series.values[0].tolist() == first
    notes = "; ".join(read.notes)
    assert [words for words in said if words not in notes] == []


@pytest.mark.parametrize(
    ("file", "settings", "said"),
    [
        ("41/naive.csv", {"time": "time"}, "data.time_zone"),
        ("44/yearfloat.csv", {"time": "year"}, "a decimal year"),
        ("46/types.parquet", {"time": "time"}, "data.values"),
        ("47/mixed.csv", {"time": "date"}, "line 3"),
        ("47/monthly_ddmm.csv", {"time": "date"}, "data.time_format to %d/%m/%Y or %m/%d/%Y"),
        ("48/cp1252.csv", {"time": "date"}, "data.encoding"),
        ("48/german_int.csv", {"time": "Datum"}, 'set data.decimal="." or data.thousands="."'),
        ("52/timeindex.csv", {}, "data.time=unnamed_1"),
        ("54/dup.csv", {"time": "time"}, "2 columns that are called 'load'"),
        ("54/dup_space.csv", {"time": "time"}, "2 columns that are called 'load'"),
        ("60/comment.csv", {"time": "time"}, "data.comment"),
        ("60/meta.csv", {"time": "time"}, "data.skip_rows=2"),
        ("60/noheader.csv", {"time": "time"}, "data.header=false"),
        ("60/units.csv", {"time": "time"}, "data.units_rows=1"),
        ("61/footer.csv", {"time": "time"}, "data.skip_footer=1"),
        ("63/uci.csv", {}, "data.time=[Date,Time]"),
        ("63/uci.csv", {"time": "Date"}, "data.time=[Date,Time]"),
    ],
)
def test_a_table_that_does_not_tell_names_the_setting(
    cases: Path, file: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as error:
        TableSeries(str(cases / file), **settings)()
    assert said in str(error.value)


def tags_of(path: Path) -> tuple[TaggingData, set[str]]:
    data = TaggingData(Conll(), path=str(path))
    data.setup()
    return data, set(data.lexicon.tags)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("20/conll03.txt", "lines between documents"),
        ("22/comment2.txt", "74 comment lines such as '# doc0'"),
        ("22/comment4.txt", "220 comment lines such as '# sent_id = 0'"),
        ("22/tweets.txt", ""),
        ("28/bmes.txt", "(BIOES)"),  # no entity of three words: the same tags in both,
        ("28/bmes2.txt", "(BMES)"),
    ],
)
def test_tagged_lines_are_tokens_and_nothing_else_is(cases: Path, file: str, said: str) -> None:
    data, tags = tags_of(cases / file)
    rows = [line.split() for line in (cases / file).read_text().splitlines()]
    rows = [
        row for row in rows if row and row[0] != "-DOCSTART-" and not (row[0] == "#" and "tweets" not in file)
    ]
    assert sum(data.sizes.values()) == len(rows)
    assert said in data.describe()
    assert tags <= {"O"} | {f"{letter}-{kind}" for letter in "BI" for kind in ("PER", "LOC", "ORG", "MISC")}
    document = document_at(cases / file)
    sentences = data.format.read(document)
    assert [token for one in sentences for token in one.tokens] == [row[0] for row in rows]
    written = data.format.write(sentences, [SentenceTags(one.tags) for one in sentences])
    assert written == (cases / file).read_text()


def test_entities_of_bmes_are_whole(cases: Path) -> None:
    sentences = Conll().read(document_at(cases / "28/bmes2.txt"))
    found = {one.tokens[start:stop] for one in sentences for _, start, stop in spans(one.tags)}
    assert ("Hong", "Kong") in found
    assert not any(entity[0] in ("Kong", "de", "la") for entity in found)


@pytest.mark.parametrize(
    ("field", "advice"), [("upos", "UPOS"), ("Numbr", "did you mean Number?"), ("Nowhere", "choose one of")]
)
def test_a_field_that_a_treebank_lacks_names_the_nearest(public_data: Path, field: str, advice: str) -> None:
    with pytest.raises(UserError, match="field") as error:
        TaggingData(ConllU(field), path=str(public_data / "conllu" / "en_ewt-ud-dev.conllu")).setup()
    assert advice in str(error.value)


def test_lemmas_of_a_treebank_are_tags(public_data: Path) -> None:
    data = TaggingData(ConllU("LEMMA"), path=str(public_data / "conllu" / "en_ewt-ud-dev.conllu"))
    data.setup()
    assert len(data.lexicon.tags) > 1000
