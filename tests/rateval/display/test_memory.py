"""Memory of a family of processes, from made-up files as Linux has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rateval.display.memory import Memory, find_family


def make(root: Path, process: int, parent: int, pages: int) -> None:
    folder = root / str(process)
    folder.mkdir()
    (folder / "stat").write_text(f"{process} (a name) R 1 (x) S {parent} 1 1 0 -1")
    (folder / "statm").write_text(f"9999 {pages} 1 1 0 1 0")


def test_all_that_descend_from_a_process_are_its_family(tmp_path: Path) -> None:
    for process, parent in ((5, 1), (7, 5), (9, 7), (8, 1), (11, 8)):
        make(tmp_path, process, parent, 1)
    (tmp_path / "self").mkdir()
    (tmp_path / "13").mkdir()  # it ended meanwhile
    assert sorted(find_family(tmp_path, 5)) == [5, 7, 9]


def test_their_memory_is_told_together(tmp_path: Path) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    make(tmp_path, os.getpid(), 1, 2_000_000_000 // page)
    make(tmp_path, os.getpid() + 1, os.getpid(), 1_100_000_000 // page)
    assert Memory(tmp_path).say().startswith("3.1 GB in 2 processes")


def test_nothing_is_told_where_nobody_says_it(tmp_path: Path) -> None:
    assert not Memory(tmp_path / "nowhere").say().startswith(("0", "1"))
    assert "processes" not in Memory(tmp_path).say()


def test_a_process_of_this_one_is_found() -> None:
    root = Path("/proc")
    if not (root / "self" / "stat").exists():
        assert Memory(root).say() == ""
        return
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in find_family(root, os.getpid())
        child.kill()
