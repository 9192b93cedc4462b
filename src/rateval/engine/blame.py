"""Errors of components, with the component at fault in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rateval.errors import PluginError
from rateval.plan.cells import Choice
from rateval.workbench.build import name_plugin


@contextmanager
def blaming(*choices: Choice) -> Iterator[None]:
    """Put the component at fault into the error when one of those in use breaks its protocol.

    That is the one of the error's kind; without a kind it may be any of them. A kind that none of
    them is of belongs to an error that names its component already.
    """
    try:
        yield
    except PluginError as error:
        at_fault = [c for c in choices if error.kind in (None, c.registered.kind)]
        if not at_fault:
            raise
        names = ", ".join(map(name_plugin, at_fault))
        raise PluginError(f"{error} ({names})", kind=error.kind) from error
    except SystemExit as error:
        names = ", ".join(map(name_plugin, choices))
        raise PluginError(
            f"SystemExit: {error}: a plugin wanted to exit, where it must raise an error ({names})"
        ) from error
