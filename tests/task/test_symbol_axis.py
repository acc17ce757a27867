"""The same symbol is found wherever it stands in either vocabulary."""

from throughtime.task.symbol_axis import SymbolAxis


def test_common_symbols_are_found_in_the_order_of_the_first_axis() -> None:
    here, there = SymbolAxis("words", ["a", "b", "c"]).common(SymbolAxis("words", ["c", "x", "a"]))
    assert here.tolist() == [0, 2] and there.tolist() == [2, 0]


def test_an_axis_is_itself() -> None:
    axis = SymbolAxis("symbols", [b"a", "<unk>", 0])
    here, there = axis.common(axis)
    assert here.tolist() == there.tolist() == [0, 1, 2]


def test_a_symbol_that_stands_twice_is_found_at_its_first_place() -> None:
    _, there = SymbolAxis("tags", ["a"]).common(SymbolAxis("tags", ["b", "a", "a"]))
    assert there.tolist() == [1]


def test_without_a_common_symbol_there_are_no_places() -> None:
    here, there = SymbolAxis("tags", ["a"]).common(SymbolAxis("tags", ["b"]))
    assert len(here) == len(there) == 0
