"""Records in a notebook: tables below a cell, and the whole report in a frame."""

from __future__ import annotations

import sys
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rateval.records.compare import CompareRecord
    from rateval.records.run import RunRecord

    Shown = RunRecord | CompareRecord

_HEIGHT = "80vh"


class Notebook:
    """What shows records where somebody looks: a ``rateval.records.presenting.Presenter``."""

    def html(self, record: Shown) -> str:
        """Return the tables of a run, or of runs compared, escaped and without scripts."""
        from rateval.records.compare import CompareRecord

        if isinstance(record, CompareRecord):
            from rateval.report.html.compared.fragment import write_fragment as write_compared

            return write_compared(record)
        from rateval.report.html.fragment import write_fragment

        return write_fragment(record)

    def show(self, record: Shown) -> None:
        """Show the page of a record below a notebook's cell; elsewhere print its report."""
        display = find_display()
        if display is None:
            _print(record)
        else:
            display(_frame(record))


class Frame:
    """A page in a frame of its own, which can neither read the notebook nor leave it."""

    def __init__(self, page: str, title: str) -> None:
        self._page, self._title = page, title

    def _repr_html_(self) -> str:
        page, title = escape(self._page, quote=True), escape(self._title, quote=True)
        return (
            f'<iframe title="{title}" sandbox="allow-scripts" srcdoc="{page}" '
            f'style="width: 100%; height: {_HEIGHT}; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<{self._title}>"


def find_display() -> Any:
    """Return what shows objects in a notebook; None where this is none, as in IPython's shell."""
    ipython = sys.modules.get("IPython")  # whoever runs in one has it
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:
        return None
    return import_module("IPython.display").display


def _frame(record: Shown) -> Frame:
    from rateval.records.compare import CompareRecord

    if isinstance(record, CompareRecord):
        from rateval.report.html.compared.page import render as render_compared

        return Frame(render_compared(record), "runs side by side")
    from rateval.report.html.page import render

    return Frame(render(record), f"report of {record.study}")


def _print(record: Shown) -> None:
    from rateval.console import Console, Text
    from rateval.records.compare import CompareRecord
    from rateval.registry.discovery import discover
    from rateval.report.printing import print_report

    if isinstance(record, CompareRecord):
        from rateval.report.terminal.compare import render_compare

        console = Console()
        console.print(render_compare(record, console.width), crop=False)
        return

    def warn(message: str) -> None:
        Console(stderr=True).print(Text(f"warning: {message}", style="yellow"), soft_wrap=True)

    print_report(record, Console(), discover(), warn)
