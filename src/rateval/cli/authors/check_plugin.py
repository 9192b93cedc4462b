"""``rateval check-plugin``: every suite on every component of a plugin."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rateval.api.kinds import KINDS
from rateval.api.use import FileUse, read_use
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.wording import write_count

if TYPE_CHECKING:
    from rateval.testing.plugin.report import Broken, ComponentReport, PluginReport

CODES = {"kept": 0, "broken": 3, "undecided": 4}
"""Exit codes, those of a gate."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.epilog = (
        "Exit code 0: all promises are kept. 3: some are broken. 4: none is broken, and some "
        "component could not be tried. 2: there is no such plugin."
    )
    parser.add_argument(
        "plugin",
        metavar="DIST|PATH",
        help="an installed distribution, the folder of one, or one Python file",
    )
    parser.add_argument(
        "--kind",
        choices=[*KINDS],
        metavar="KIND",
        help=f"of a Python file, what its function makes: {', '.join(KINDS)}",
    )
    parser.add_argument(
        "--with",
        dest="params",
        action="append",
        default=[],
        type=read_param,
        metavar="COMPONENT.KEY=VALUE",
        help="a param of one of its components; VALUE is JSON, or else text",
    )
    parser.add_argument("--no-types", action="store_true", help="leave mypy out")
    parser.add_argument("--json", action="store_true", help="print JSON")


def read_param(text: str) -> tuple[str, str, Any]:
    """Return component, key and value. Raises ArgumentTypeError where a text has no such parts.

    >>> read_param("eyes-metric.least=3"), read_param("eyes-dataset.root=photos")[2]
    (('eyes-metric', 'least', 3), 'photos')
    """
    place, equals, value = text.partition("=")
    component, dot, key = place.partition(".")
    if not (component and dot and key and equals):
        raise ArgumentTypeError(f"{text:.60}: write COMPONENT.KEY=VALUE, as eyes-metric.least=3")
    try:
        return component, key, json.loads(value)
    except ValueError:
        return component, key, value


def execute(parsed: Namespace) -> int:
    """Print what is broken, as a text or as JSON, and return the code of the verdict."""
    given: dict[str, dict[str, Any]] = {}
    for component, key, value in parsed.params:
        given.setdefault(component, {})[key] = value
    with redirect_stdout(sys.stderr):  # what a plugin prints is no part of the report
        report = _check(parsed, given)
    if parsed.json:
        told = asdict(report) | {"verdict": report.verdict}
        say(Console(), json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _print(report)
    return CODES[report.verdict]


def _check(parsed: Namespace, given: dict[str, dict[str, Any]]) -> PluginReport:
    from rateval.testing.plugin.check import check_plugin
    from rateval.testing.plugin.one_file import check_file
    from rateval.testing.plugin.subject import opened

    aside = Console(stderr=True)

    def tell(what: str) -> None:
        say(aside, f"trying: {what}", "dim")

    use = _read_file(parsed)
    if use is not None:
        return check_file(use, parsed.kind, given, tell=tell)
    with opened(parsed.plugin) as subject:
        return check_plugin(subject, given, typed=not parsed.no_types, tell=tell)


def _read_file(parsed: Namespace) -> FileUse | None:
    """Return the function in a Python file that is to be checked; None where it is a plugin."""
    use = None if Path(parsed.plugin).is_dir() else read_use(parsed.plugin)
    is_file = use is not None and Path(use.file).suffix == ".py"
    if is_file and parsed.kind is None:
        raise RatevalError(
            f"{parsed.plugin}: a file doesn't say of which kind it is; give it by --kind, such as "
            "--kind metric"
        )
    if not is_file and parsed.kind is not None:
        raise RatevalError(
            f"{parsed.plugin}: --kind is for a Python file; a plugin says itself of which "
            "kinds its components are; leave --kind out"
        )
    return use if is_file else None


def _print(report: PluginReport) -> None:
    console = Console()
    needs = f"needs {report.needs}" if report.needs else "says no version that it needs"
    asked = f"{needs}; this is {report.offered}" if report.start_up else "a file"
    say(console, f"{report.distribution} {report.version}: {asked}")
    for start in report.start_up:
        costs = ", ".join(f"{name} {cost * 1000:.0f} ms" for name, cost in start.costs.items())
        say(console, f"start-up: {start.module} {start.seconds * 1000:.0f} ms ({costs})")
    _print_broken(console, report.broken)
    for component in report.components:
        _print_component(console, component)
    for note in report.notes:
        say(console, f"note: {note}", "yellow")
    count = sum(len(one.broken) for one in report.components) + len(report.broken)
    tried = sum(one.untried is None for one in report.components)
    say(
        console,
        f"\n{write_count(count, 'broken promise')}; "
        f"{tried} of {len(report.components)} components tried: {report.verdict}",
        "red" if count else "",
    )


def _print_component(console: Console, component: ComponentReport) -> None:
    state = "broken" if component.broken else "not tried" if component.untried else "kept"
    style = {"broken": "red", "not tried": "yellow", "kept": "green"}[state]
    say(console, f"\n{component.kind} {component.name}: {state}", style)
    if component.untried:
        say(console, f"  not tried: {component.untried}", "yellow")
    _print_broken(console, component.broken)


def _print_broken(console: Console, broken: Iterable[Broken]) -> None:
    for one in broken:
        say(console, f"  - {one}")
        if one.line:
            say(console, f"    {one.line}", "dim")
