"""A word on runs that still go on, or died: what is said of them is of what there is."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from rateval.cli.terminal import say
from rateval.console import Console
from rateval.engine.keeping.runs import RunFolder, read_run
from rateval.records.run import FILE_NAME


def tell_going(*given: str | Path) -> None:
    """Say on the standard error which of some runs go on or died, a line each."""
    for one in given:
        path = Path(one)
        run = read_run(path.parent if path.name == FILE_NAME else path)
        line = _tell(run)
        if line:
            say(Console(stderr=True), line, "yellow")


def _tell(run: RunFolder) -> str:
    cells = f"{run.done} of {run.planned} cells are there, and numbers are of them"
    if run.state == "running":
        return f"{run.path}: the run still goes on: {cells}"
    if run.state == "running or dead":
        return f"{run.path}: the run goes on, or died: {cells}"
    if run.state == "dead":
        again = f"rateval runs resume {quote(str(run.path))}"
        return f"{run.path}: the run died: {cells}; start it again by: {again}"
    return ""
