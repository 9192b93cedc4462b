"""Records in a notebook: tables below a cell, and the whole report in a frame."""

from __future__ import annotations

import sys
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rateval.records.run import RunRecord

_HEIGHT = "80vh"


class Notebook:
    """What shows records where somebody looks: a ``rateval.records.presenting.Presenter``."""

    def html(self, record: RunRecord) -> str:
        """Return the tables of a run, escaped and without scripts."""
        from rateval.report.html.fragment import write_fragment

        return write_fragment(record)

    def show(self, record: RunRecord) -> None:
        """Show the page of a run below a notebook's cell; elsewhere print the report."""
        display = find_display()
        if display is None:
            _print(record)
        else:
            from rateval.report.html.page import render

            display(Frame(render(record), f"report of {record.study}"))


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


def _print(record: RunRecord) -> None:
    from rateval.console import Console, Text
    from rateval.registry.discovery import discover
    from rateval.report.printing import print_report

    def warn(message: str) -> None:
        Console(stderr=True).print(Text(f"warning: {message}", style="yellow"), soft_wrap=True)

    print_report(record, Console(), discover(), warn)
