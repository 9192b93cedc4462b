"""From RunRecord to what a person reads. Computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rateval.api.hookspecs import hookimpl

if TYPE_CHECKING:
    from rich.console import Console

    from rateval.records.run import RunRecord
    from rateval.registry.registry import Registry


class _BuiltIn:
    """The report that is printed when no plugin did."""

    @hookimpl(trylast=True)
    def rateval_render_report(self, record: RunRecord, console: Console) -> bool:
        """Print the terminal report."""
        from rateval.report.terminal.report import render

        console.print(render(record, console.width))
        return True


def print_report(record: RunRecord, console: Console, registry: Registry) -> None:
    """Let the first plugin that wants to print the report; the built-in one is tried last."""
    manager = registry.manager
    if not manager.has_plugin("built-in report"):
        manager.register(_BuiltIn(), name="built-in report")
    manager.hook.rateval_render_report(record=record, console=console)
