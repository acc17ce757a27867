"""Lines are printed whole, once, and in their order, whichever process writes them."""

import re
import threading
from pathlib import Path

from throughtime.sweep.journal import Journal


def test_many_writers_tear_no_line(tmp_path: Path, capsys) -> None:
    reader = Journal(tmp_path, interval=0.001)

    def write(name: str) -> None:
        for number in range(50):
            Journal(tmp_path).add(f"{name * 30} {number}")

    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    with reader.followed():
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    lines = capsys.readouterr().out.splitlines()
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d  (a+|b+|c+|d+) \d+", line) for line in lines)
    for name in "abcd":
        told = [int(line.split()[-1]) for line in lines if f" {name}" in line]
        assert told == list(range(50))


def test_what_was_there_before_is_not_told_again(tmp_path: Path, capsys) -> None:
    Journal(tmp_path).add("yesterday")
    journal = Journal(tmp_path)
    journal.add("a sentence\nof two lines")
    journal.show()
    journal.show()
    assert capsys.readouterr().out.count("\n") == 1
    with (tmp_path / "journal.txt").open("a") as file:
        file.write("half a li")
    journal.show()
    assert capsys.readouterr().out == ""
