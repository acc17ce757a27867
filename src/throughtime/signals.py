"""Signals by which a run is asked to stop, and the terminal that is closed with one of them."""

import errno
import os
import signal
import termios


def stopping_signals() -> list[signal.Signals]:
    """The signals by which a run is asked to stop: Ctrl-C, SIGTERM, and SIGHUP unless it is ignored, as by nohup."""
    hangup = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hangup]


def leave_closed_terminal() -> None:
    """Let output that would go to a terminal that was closed lead nowhere: to write to it is an error."""
    for descriptor in (1, 2):
        try:
            termios.tcgetattr(descriptor)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                with open(os.devnull, "wb") as nowhere:
                    os.dup2(nowhere.fileno(), descriptor)
