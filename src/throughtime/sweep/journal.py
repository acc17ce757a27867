"""Journal of a sweep: a line for each job that starts or ends, from all processes.

Each process appends to one file in the sweep's folder, and the process at the terminal prints its new lines. So jobs on
other machines are reported like those of this process, and lines are never interleaved.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from throughtime.errors import printable
from throughtime.files import no_follow

JOURNAL = "journal.txt"


class Journal:
    """Journal of the sweep in `folder`.

    Args:
        folder: the sweep's.
        interval: seconds between two reads while `followed`.
    """

    def __init__(self, folder: Path, interval: float = 0.1) -> None:
        self.path = folder / JOURNAL
        self.interval = interval
        self._offset = self.path.stat().st_size if self.path.exists() else 0

    def add(self, line: str) -> None:
        """Append a line with the time, in one write."""
        text = f"{time.strftime('%H:%M:%S')}  {printable(' '.join(line.split(chr(10))))}\n"
        descriptor = no_follow(str(self.path), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def show(self) -> None:
        """Print the complete lines that were added since the last call."""
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        if whole:
            self._offset += len(whole)
            print(whole.decode(errors="replace"), end="", flush=True)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Inside this block lines are printed as they are added."""
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
