"""`environment.json`: versions, machine, command and data of a run."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

RESUMED = "resumed_with"
"""The entry with the overrides of each resumption."""

PACKAGES = (
    "throughtime",
    "torch",
    "lightning",
    "hydra-core",
    "torchmetrics",
    "tensorboard",
    "numpy",
    "tokenizers",
)


def environment(data_fingerprint: dict[str, Any]) -> dict[str, Any]:
    """Versions, commit, host, devices, command and the data's fingerprint, in plain containers."""
    return {
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "git": _git_state(Path(__file__).parent),
        "host": platform.node(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "devices": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "command": sys.argv,
        "folder": os.getcwd(),
        "data": data_fingerprint,
    }


def _git_state(folder: Path) -> dict[str, Any] | None:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):  # not a checkout, or no git
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )
