"""A process that has imported what workers need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import gc, json, os, sys
from concurrent.futures import ProcessPoolExecutor
from rateval.machine import nursery

def look():
    return {"has": [n for n in NAMES if n in sys.modules],
            "kept": gc.isenabled() and gc.get_freeze_count() > 1000,
            "says": os.environ.get("SAYS"), "left": nursery.IMPORTS in os.environ}

NAMES = ["xml.dom.minidom", "broken_one", "no_such_one", "wave"]

if __name__ == "__main__":
    if "closed" not in sys.argv:
        nursery.open_nursery(NAMES)
        nursery.open_nursery(["wave"])  # there is one already
    if "changed" in sys.argv:
        os.environ["SAYS"] = "something else"
    context = nursery.find_context()
    with ProcessPoolExecutor(1, context) as pool:
        print(json.dumps({"method": context.get_start_method(), **pool.submit(look).result()}))
"""


SAID = {"says": "something else", "left": False}


def look(folder: Path, *arguments: str) -> dict[str, object]:
    script = folder / "look.py"
    script.write_text(SCRIPT)
    (folder / "broken_one.py").write_text("raise RuntimeError('not today')\n")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, object] = json.loads(done.stdout)
    return found


linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no nursery")


@linux
def test_a_worker_begins_with_what_was_imported_and_a_broken_module_stops_nobody(
    tmp_path: Path,
) -> None:
    found = look(tmp_path)
    assert found["method"] == "forkserver"
    assert found["has"] == ["xml.dom.minidom", "wave"]
    assert found["left"] is False
    assert found["kept"] is True


@linux
def test_a_changed_environment_begins_workers_anew(tmp_path: Path) -> None:
    found = look(tmp_path, "changed")
    assert found == {"method": "spawn", "has": [], "kept": False} | SAID


def test_without_a_nursery_workers_begin_anew(tmp_path: Path) -> None:
    assert look(tmp_path, "closed")["method"] == "spawn"
