"""Memory that is freed is kept for what comes next, unless somebody has chosen otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import json, resource, sys
import torch
from rateval.machine.allocation import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if "kept" in sys.argv:
    keep_freed_memory()
found = []
for _ in range(12):
    before = faults()
    blocks = [torch.ones(10_000_000) for _ in range(4)]
    del blocks
    found.append(faults() - before)
print(json.dumps(found))
"""
PAGES = 4 * 40_000_000 // 4096

pytestmark = pytest.mark.skipif(
    not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or "")
    if sys.platform == "linux"
    else True,
    reason="only the GNU C library is told",
)


def count(*arguments: str, **chosen: str) -> list[int]:
    """Return the pages that each of some rounds asked the system for."""
    ours = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={**plain, **chosen},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: list[int] = json.loads(done.stdout)
    return found


def test_later_rounds_take_what_the_first_freed() -> None:
    found = count("kept")
    assert found[0] > PAGES // 2
    assert max(found[-4:]) < PAGES // 10


def test_the_library_alone_asks_again_each_time() -> None:
    assert min(count()) > PAGES // 2


def test_who_has_chosen_by_the_environment_is_left_alone() -> None:
    found = count("kept", MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072")
    assert min(found) > PAGES // 2
