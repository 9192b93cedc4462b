"""Records that show themselves, by what is handed in from above: no record knows a report."""

from __future__ import annotations

from typing import Any, Protocol

from rateval.errors import RatevalError
from rateval.records.base import Record


class Presenter(Protocol):
    """What shows records to people."""

    def html(self, record: Any) -> str:
        """Return a fragment of HTML: what stands below a notebook's cell that ends with it."""
        ...

    def show(self, record: Any) -> None:
        """Show the whole report, in a notebook below its cell, else on the terminal."""
        ...


class Presented(Record):
    """A record that a notebook shows by its own table."""

    def show(self) -> None:
        """Show the whole report, in a notebook below its cell, else on the terminal.

        Raises RatevalError where the page of a notebook needs a library that is not installed.
        """
        presenter = _HANDED_IN.get("presenter")
        if presenter is None:
            raise RatevalError("nothing here shows records; import rateval, and load this one anew")
        presenter.show(self)

    def _repr_html_(self) -> str | None:
        presenter = _HANDED_IN.get("presenter")
        return None if presenter is None else presenter.html(self)


_HANDED_IN: dict[str, Presenter] = {}


def present_by(presenter: Presenter) -> None:
    """Let all records show themselves by ``presenter`` from now on."""
    _HANDED_IN["presenter"] = presenter
