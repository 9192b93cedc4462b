"""What software and hardware a run used."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path

import torch

from rateval.machine.device import describe_device
from rateval.machine.processor import read_processor
from rateval.records.about.environment import EnvironmentRecord, GitRecord


def describe_environment(
    device: str, readers: int, folder: Path, plugins: Collection[str], files: Mapping[str, str]
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


def imported_distributions(besides: Collection[str] = ()) -> dict[str, str]:
    """Return name and version of every distribution of which a module is imported.

    Those in ``besides`` are named too: an editable install does not tell which modules it brings.
    """
    modules = {name.partition(".")[0] for name in sys.modules}
    found: dict[str, str] = {}
    for place in map(os.path.abspath, sys.path):
        for name, version, brought in _list_distributions(place, _changed(place)):
            if name in besides or not modules.isdisjoint(brought):
                found.setdefault(name, version)  # the first place that has it is imported from
    for name in besides:  # of which an importer of another kind knows
        if name not in found:
            found[name] = importlib.metadata.version(name)
    return dict(sorted(found.items(), key=lambda one: one[0].lower()))


def _changed(place: str) -> int:
    """Return when something was installed or removed there last, in ns."""
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _list_distributions(place: str, changed: int) -> tuple[tuple[str, str, frozenset[str]], ...]:
    """Return the distributions in a folder: name, version and the modules that each brings.

    To read what each of a hundred distributions brings takes half a second, longer than a small
    study: it is done once for as long as nothing has ``changed`` there.
    """
    found = importlib.metadata.distributions(path=[place])
    about = ((one.metadata, _brought(one)) for one in found)
    return tuple((told["Name"], told["Version"], brought) for told, brought in about)


def _brought(distribution: importlib.metadata.Distribution) -> frozenset[str]:
    declared = distribution.read_text("top_level.txt")
    if declared:
        return frozenset(declared.split())
    return frozenset(map(top_level, map(str, distribution.files or ()))) - {""}


def top_level(path: str) -> str:
    """Return the module that an installed file belongs to; empty for one that is no module.

    >>> top_level("torch/nn/functional.py"), top_level("six.py"), top_level("torch/LICENSE")
    ('torch', 'six', '')
    """
    return path.removesuffix(".py").partition("/")[0] if path.endswith(".py") else ""


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
