"""The lines of a sweep: what its jobs say as they start and end, wherever they run.

Each process appends to one file in the sweep's folder, and the process at the terminal prints what is new in it: so a
job on another machine is told of like one in this process, and no line is torn by another.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

JOURNAL = "journal.txt"


class Journal:
    """The journal of the sweep in `folder`.

    Args:
        folder: the sweep's.
        interval: seconds between two looks while `followed`.
    """

    def __init__(self, folder: Path, interval: float = 0.1) -> None:
        self.path = folder / JOURNAL
        self.interval = interval
        self._place = self.path.stat().st_size if self.path.exists() else 0

    def add(self, line: str) -> None:
        """Append a line with the time, in one piece."""
        text = f"{time.strftime('%H:%M:%S')}  {' '.join(line.split(chr(10)))}\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def show(self) -> None:
        """Print the whole lines that came since the last look."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._place)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        if whole:
            self._place += len(whole)
            print(whole.decode(errors="replace"), end="", flush=True)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Within this block lines are printed as they come."""
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(self.interval):
                self.show()

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            ended.set()
            follower.join()
            self.show()
