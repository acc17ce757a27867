"""The quoted form of a value is one that a shell and Hydra's grammar turn back into the value."""

import subprocess

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.config.override_syntax import expand_home, quoted, quoted_form, several_values
from throughtime.search.syntax import _unquoted

REFUSED = (
    "a=b.txt",
    "文.txt",
    "it's.txt",
    "a(1).txt",
    "a,b",
    ";",
    ",",
    "a#b",
    'say "hi"',
    "cost $5",
    "a\\'b",
    "`x`",
)


def value_of(form: str) -> object:
    """The value that Hydra reads after a POSIX shell has read the words."""
    word = subprocess.run(["sh", "-c", f"printf %s {form}"], capture_output=True, check=True).stdout.decode()
    return _unquoted(OverridesParser.create().parse_override(word).value())


@pytest.mark.parametrize("value", REFUSED)
def test_the_form_to_paste_gives_the_value_that_was_meant(value: str) -> None:
    assert value_of(quoted_form(f"data.path={value}")) == value


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1))
def test_the_form_holds_for_any_text(value: str) -> None:
    if value.startswith("["):
        return
    form = quoted_form(f"data.path={value}")
    assert form is None or value_of(form) == value


def test_the_members_of_a_list_are_quoted_one_by_one() -> None:
    form = quoted_form("data.values=[Temp °C, Wind (m/s)]")
    assert value_of(form) == ["Temp °C", "Wind (m/s)"]


def test_a_word_without_a_key_has_no_form() -> None:
    assert quoted_form("lstm") is None and quoted_form("=5") is None


def test_several_values_without_the_flag_name_both_ways_out() -> None:
    sentence = several_values("data.path=a,b")
    assert "add -m" in sentence and 'data.path="a,b"' in sentence


def test_the_home_folder_is_expanded_in_paths_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/it's")
    words = ["data.path=~/x.txt", "+init_from=~/run", "resume=~", "~callback.speed", "cell=~/x", "seed=1"]
    expanded = expand_home(words)
    assert expanded[:3] == [
        f"data.path={quoted('/home/it' + chr(39) + 's/x.txt')}",
        f"+init_from={quoted('/home/it' + chr(39) + 's/run')}",
        f"resume={quoted('/home/it' + chr(39) + 's')}",
    ]
    assert expanded[3:] == words[3:]
