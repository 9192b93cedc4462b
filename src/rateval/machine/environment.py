"""What software and hardware a run used."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from rateval.machine.device import describe_device
from rateval.machine.processor import read_processor
from rateval.records.environment import EnvironmentRecord, GitRecord


def describe_environment(
    device: str, readers: int, folder: Path, plugins: Iterable[str], files: Mapping[str, str]
) -> EnvironmentRecord:
    """Describe this process, its machine, and the device and readers that it takes.

    ``folder`` is where a checkout is looked for; ``plugins`` are distributions to name in any case,
    ``files`` those that components are from, to their digests.
    """
    return EnvironmentRecord(
        python=platform.python_version(),
        platform=platform.platform(),
        processor=read_processor().name,
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        readers=readers,
        device=describe_device(device),
        distributions=imported_distributions(plugins),
        files=dict(files),
        git=describe_checkout(folder),
    )


def imported_distributions(besides: Iterable[str] = ()) -> dict[str, str]:
    """Return name and version of every distribution of which a module is imported.

    Those in ``besides`` are named too: an editable install does not tell which modules it brings.
    """
    modules = {name.partition(".")[0] for name in sys.modules}
    names = {
        name
        for module, providers in importlib.metadata.packages_distributions().items()
        if module in modules
        for name in providers
    } | set(besides)
    return {name: importlib.metadata.version(name) for name in sorted(names, key=str.lower)}


def describe_checkout(folder: Path) -> GitRecord | None:
    """Return revision and state of the checkout that ``folder`` lies in; None when in none."""
    revision = _git(folder, "rev-parse", "HEAD")
    if revision is None:
        return None
    return GitRecord(
        revision=revision,
        dirty=bool(_git(folder, "status", "--porcelain", "--untracked-files=no")),
    )


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
