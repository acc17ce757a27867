"""A grid stands in straight columns, within 80 of them, and loses no letter of what it wraps."""

from throughtime.report.grid import WIDTH, TextGrid, as_markdown, as_terminal_text


def test_text_stands_to_the_left_and_numbers_to_the_right() -> None:
    assert str(TextGrid(["cell", "n"], [["gru", "5"], ["lstm", "12"]], 1)) == (
        "cell   n\n────  ──\ngru    5\nlstm  12\n"
    )


def test_the_first_grid_that_fits_is_drawn() -> None:
    wide = TextGrid(["a" * 50, "b" * 50], [["1", "2"]], 1)
    assert as_terminal_text([wide, TextGrid(["narrow"], [["1"]], 1)]).startswith("narrow")


def test_what_is_wrapped_is_whole() -> None:
    words = " ".join(f"key{number}=value{number}" for number in range(40)) + " " + "x" * 200
    shown = as_terminal_text([TextGrid(["configuration", "n"], [[words, "3"]], 1, wraps=1)])
    assert max(map(len, shown.splitlines())) <= WIDTH
    body = "".join(line.removesuffix("3").strip() for line in shown.splitlines()[2:])
    assert body == words.replace(" ", "") or body.replace(" ", "") == words.replace(" ", "")


def test_letters_of_two_columns_count_as_two() -> None:
    lines = str(TextGrid(["a", "n"], [["日本", "1"], ["abcd", "2"]], 1)).splitlines()
    assert lines[2].endswith("日本  1") and lines[3].endswith("abcd  2")


def test_markdown_has_a_rule_that_aligns() -> None:
    assert as_markdown(TextGrid(["a", "n"], [["x", "1"]], 1)).splitlines()[1] == "| --- | ---: |"
