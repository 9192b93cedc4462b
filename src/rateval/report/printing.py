"""From RunRecord to what a person reads. Computes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rateval.errors import OutputError

if TYPE_CHECKING:
    from rateval.console import Console
    from rateval.records.run import RunRecord
    from rateval.registry.registry import Registry


def print_report(
    record: RunRecord,
    console: Console,
    registry: Registry,
    warn: Callable[[str], None],
    *,
    details: bool = False,
) -> None:
    """Let the first plugin that wants to print the report; the built-in one comes last.

    ``details`` asks for more than the built-in one prints by itself.

    A plugin that fails at it is reported by ``warn``, and the next one is asked.
    """
    values = {"record": record, "console": console}
    # The plugin that was registered last goes first, as pluggy has it.
    for found in reversed(registry.manager.hook.rateval_render_report.get_hookimpls()):
        try:
            if found.function(**{name: values[name] for name in found.argnames}):
                return
        except (OutputError, BrokenPipeError):
            raise
        except (Exception, SystemExit) as error:  # a plugin must not cost anybody the report
            warn(
                f"rateval_render_report of {found.plugin_name} failed with "
                f"{type(error).__name__}: {error}"
            )
    from rateval.report.terminal.report import render

    console.print(render(record, console.width, details=details), crop=False)
