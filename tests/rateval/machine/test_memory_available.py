from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rateval.machine.memory import find_available


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_nobody_says_it(tmp_path: Path) -> None:
    assert find_available(tmp_path) is None


def test_the_least_of_what_the_system_and_the_group_say(tmp_path: Path) -> None:
    write(tmp_path, proc__meminfo="MemTotal:  100 kB\nMemAvailable:   40 kB\n")
    assert find_available(tmp_path) == 40 * 1024
    write(tmp_path, proc__self__cgroup="0::/jobs/7\n")
    group = tmp_path / "sys/fs/cgroup/jobs/7"
    write(group, **{"memory.max": "max\n", "memory.current": "5000\n"})
    assert find_available(tmp_path) == 40 * 1024
    write(group, **{"memory.max": "9000\n"})
    assert find_available(tmp_path) == 4000
    write(group, **{"memory.stat": "anon 1\ninactive_file 500\n"})
    assert find_available(tmp_path) == 4500
    write(group, **{"memory.max": "4000\n"})
    assert find_available(tmp_path) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="read of Linux's own files")
def test_this_machine_has_some() -> None:
    found = find_available()
    assert found is not None
    assert found > 0
