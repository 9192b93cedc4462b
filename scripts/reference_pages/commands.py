"""Commands: what each takes, and examples."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from rateval.cli.examples import EXAMPLES
from rateval.cli.main import COMMANDS, make_parser
from reference_pages.markdown import NOTICE, cell, code, table

WIDTH = "80"
HEAD = f"""{NOTICE}# Commands

`rateval COMMAND --help` prints what stands here. `rateval completion bash` (or `zsh`, `fish`)
prints what lets Tab complete commands, options and names.

| exit code | |
|---|---|
| 0 | done |
| 1 | a step failed, data are unfit, `doctor` found something broken, or a bug (a traceback) |
| 2 | something that you can mend: the message says what, and what to do |
| 3 | `gate`: a requirement is shown to be broken; `check-plugin`: a promise is broken |
| 4 | `gate`: the images leave it open; `check-plugin`: a component could not be tried |
| 130 | interrupted by Ctrl-C; the same command goes on where it stopped |

"""


def pages() -> Iterator[tuple[str, str]]:
    """Yield name and text of the page."""
    os.environ["COLUMNS"] = WIDTH
    parsers = dict(_parsers(make_parser()))
    listing = table(
        ["command", "what it does"],
        [[f"[{name}](#rateval-{name})", cell(what)] for name, what in COMMANDS.items()],
    )
    yield "commands.md", HEAD + listing + "".join(_command(*item) for item in parsers.items())


def _parsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield one.prog.partition(" ")[2], one
                yield from _parsers(one)


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    level = "#" * (2 + name.count(" "))
    lines = [f"# {what}\n$ rateval {typed}\n" for typed, what in EXAMPLES[name]]
    examples = f"```console\n{''.join(lines)}```\n\n"
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    rows = [
        [code(_name(action)), cell((action.help or "").replace("%%", "%"))]
        for action in parser._actions
        if action.dest not in ("help", "action") and action.help != argparse.SUPPRESS
    ]
    return (
        f"{level} rateval {name}\n\n{cell(parser.description or '')}\n\n{examples}"
        f"`{usage}`\n\n{table(['argument', ''], rows)}"
        + (f"{cell(parser.epilog)}\n\n" if parser.epilog else "")
    )


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return str(action.metavar or action.dest)
    value = action.metavar if action.metavar is not None else action.dest.upper()
    if action.nargs == 0:
        value = ""
    elif action.choices is not None and action.metavar is None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    elif isinstance(value, tuple):
        value = " ".join(value)
    return f"{', '.join(action.option_strings)} {value}".strip()
