"""A run stops at a signal that asks it to, and a terminal that is closed takes no result with it."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from throughtime.signals import leave_closed_terminal, stopping_signals

PROGRAM = """
import fcntl, os, signal, sys, termios
from throughtime.signals import leave_closed_terminal

def stop(number, frame):
    leave_closed_terminal()
    print("stopped", flush=True)
    print("stopped", file=sys.stderr, flush=True)
    open(sys.argv[1], "w").write("saved")
    sys.exit(128 + number)

signal.signal(signal.SIGHUP, stop)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
print("ready", flush=True)
while True:
    signal.pause()
"""


def test_a_hangup_counts_unless_it_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert stopping_signals() == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        assert stopping_signals() == [signal.SIGINT, signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_printed_after_a_terminal_was_closed_is_no_error(tmp_path: Path) -> None:
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "state")],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    os.close(other_end)
    assert b"ready" in os.read(terminal, 100)
    os.close(terminal)
    assert process.wait(timeout=60) == 128 + signal.SIGHUP
    assert (tmp_path / "state").read_text() == "saved"


def test_a_file_or_a_pipe_is_left_as_it_is() -> None:
    before = [os.fstat(descriptor) for descriptor in (1, 2)]
    leave_closed_terminal()
    assert [os.fstat(descriptor).st_ino for descriptor in (1, 2)] == [one.st_ino for one in before]
