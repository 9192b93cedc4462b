"""A component in one file, checked: every suite on what its function makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rateval.api.kinds import Kind
from rateval.api.use import MAKE, FileUse
from rateval.api.version import API_VERSION
from rateval.errors import RatevalError
from rateval.registry.file_component import find_in_file
from rateval.testing.plugin.check import check_one
from rateval.testing.plugin.report import PluginReport


def check_file(
    use: FileUse,
    kind: Kind,
    given: Mapping[str, Mapping[str, Any]],
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> PluginReport:
    """Check what a function of a Python file makes; it is called ``make`` where none is named.

    ``given`` are params by the function's name. Raises RatevalError where the file has no such
    function.
    """
    if not Path(use.file).expanduser().is_file():
        raise RatevalError(f"{use.file}: there is no such file; its path starts from this folder")
    found = find_in_file(kind, FileUse(use.file, use.function or MAKE), Path.cwd())
    report, notes = check_one(found, given, tell)
    notes += [f"types were not checked: mypy --strict {use.file} does that"]
    return PluginReport(
        use.file,
        found.plugin.version[:19],
        needs=None,
        offered=API_VERSION,
        start_up=(),
        components=(report,),
        notes=tuple(notes),
    )
