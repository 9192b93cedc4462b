"""Whether mypy agrees that what a factory makes is what its kind asks for."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rateval.api.component import EDITS
from rateval.api.kinds import KINDS
from rateval.errors import RatevalError
from rateval.registry.registry import Registered
from rateval.store.cache import default_cache
from rateval.testing.plugin.protocol_lines import find_line
from rateval.testing.plugin.report import Broken

_SETTINGS = """[mypy]
follow_imports = silent
warn_unused_configs = False
[mypy-torch.*]
follow_imports = skip
[mypy-pyarrow.*,safetensors.*,fsspec.*]
ignore_missing_imports = True
"""
"""What is torch's passes, because reading its sources takes minutes."""
_SAID = re.compile(r"^check_types\.py:(\d+): (error|note): (.*?)(?:  \[[\w-]+\])?$", re.M)


def is_there() -> bool:
    """Return whether mypy is installed."""
    return importlib.util.find_spec("mypy") is not None


def check_types(components: Sequence[Registered]) -> Mapping[Registered, tuple[Broken, ...]]:
    """Return what mypy --strict says of each component's factory.

    It is called as ``(params, context)``, and what it returns is handed to its kind's protocol.
    Raises RatevalError where mypy can't finish, such as at a file that it can't read.
    """
    lines: list[tuple[str, Registered | None]] = [("from rateval.api import Context", None)]
    for number, found in enumerate(components):
        lines += [(line, found) for line in _program(found, number)]
    said = _run("".join(f"{line}\n" for line, _ in lines))
    broken: dict[Registered, list[Broken]] = {found: [] for found in components}
    for number, message in said:
        owner = lines[number - 1][1]
        if owner is None:
            continue
        protocol = _protocol(owner).partition(":")[2]
        where = f"{owner.component.name}: factory"
        asked = f"return a {protocol} of (params, context), as mypy --strict sees it"
        broken[owner].append(Broken(where, asked, message, find_line(protocol)))
    return {found: tuple(errors[:3]) for found, errors in broken.items()}


def _protocol(found: Registered) -> str:
    if found.kind == "validator" and found.component.needs == EDITS:
        return "rateval.api.edits:EditsValidator"
    return found.component.protocol or KINDS[found.kind].protocol


def _program(found: Registered, number: int) -> list[str]:
    """Return lines of a module that uses a factory as its protocol says."""
    imports = {
        f"Protocol{number}": _protocol(found),
        f"Params{number}": found.component.params,
        f"make{number}": found.component.factory,
    }
    parted = {name: reference.partition(":") for name, reference in imports.items()}
    return [
        *(f"from {module} import {what} as {name}" for name, (module, _, what) in parted.items()),
        f"def check{number}(params: Params{number}, context: Context) -> Protocol{number}:",
        f"    return make{number}(params, context)",
    ]


def _run(program: str) -> list[tuple[int, str]]:
    with tempfile.TemporaryDirectory(prefix="rateval-types-") as name:
        folder = Path(name)
        (folder / "mypy.ini").write_text(_SETTINGS, encoding="utf-8")
        (folder / "check_types.py").write_text(program, encoding="utf-8")
        done = subprocess.run(  # noqa: S603  # the program is mypy, the file is ours
            [
                *(sys.executable, "-m", "mypy", "--strict", "--no-error-summary"),
                *("--config-file", "mypy.ini", "--no-pretty", "--hide-error-context"),
                *("--cache-dir", str(default_cache() / "mypy"), "check_types.py"),
            ],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode not in (0, 1):  # it found errors, or none
        told = (done.stdout.strip() or done.stderr.strip()).splitlines()
        raise RatevalError(f"mypy can't finish: {told[0] if told else done.returncode}")
    return [(int(line), said) for line, kind, said in _SAID.findall(done.stdout) if kind == "error"]
