"""Provenance of measurements: processor, versions, commit and date."""

from datetime import date
from typing import Any

import torch

from throughtime.run.environment import environment


def provenance() -> dict[str, Any]:
    """Date, commit, processor and versions, in plain containers."""
    known = environment({})
    return {
        "date": date.today().isoformat(),
        "git": known["git"],
        "processor": known["processor"],
        "cores": known["cores"],
        "platform": known["platform"],
        "python": known["python"],
        "torch": torch.__version__,
    }


def describe(known: dict[str, Any]) -> str:
    """Provenance as one line of text."""
    git = known["git"] or {"commit": "unknown", "dirty": False}
    commit = git["commit"][:7] + " with changes" * git["dirty"]
    cores = f"{known['cores']} cores"
    return f"{known['processor']}, {cores}, torch {known['torch']}, commit {commit}, {known['date']}"
