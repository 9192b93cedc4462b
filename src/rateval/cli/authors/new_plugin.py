"""``rateval new-plugin``: a plugin that works, to put one's own component into."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rateval.api.kinds import KINDS, Kind
from rateval.cli import arguments
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.scaffolding.distribution import complete, write_distribution, write_one_file
from rateval.scaffolding.names import Names, read_names, read_stem
from rateval.scaffolding.writing import write_files


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", help="of the distribution: rateval-eyes, or eyes")
    parser.add_argument(
        "--kind",
        action="append",
        required=True,
        choices=[*KINDS, "all"],
        metavar="KIND",
        help=f"what it offers, once for each: {', '.join(KINDS)}, or all",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--folder", type=arguments.path, metavar="PATH", help="where to (default: the name)"
    )
    place.add_argument(
        "--in-place",
        type=arguments.path,
        metavar="FILE",
        help="write one Python file, and no distribution; of one kind",
    )


def execute(parsed: Namespace) -> int:
    """Write the files. Raises RatevalError rather than replace one."""
    kinds = list(KINDS) if "all" in parsed.kind else list(dict.fromkeys(parsed.kind))
    if parsed.in_place is not None:
        return _write_file(parsed.name, kinds, Path(parsed.in_place).expanduser())
    names = read_names(parsed.name)
    folder = Path(parsed.folder or names.distribution).expanduser()
    files = write_distribution(names, kinds)
    write_files(folder, files)
    _tell(names, folder, kinds, len(files))
    return 0


def _tell(names: Names, folder: Path, kinds: list[Kind], count: int) -> None:
    console, written = Console(), complete(kinds)
    offered = ", ".join(names.component(kind) for kind in written)
    say(console, f"wrote {count} files into {folder}: {names.distribution}, with {offered}")
    more = [kind for kind in written if kind not in kinds]
    if more:
        say(console, f"a task needs what serves it, and so there are these, too: {', '.join(more)}")
    say(console, "\nnext:")
    for command in (
        f"cd {shlex.quote(str(folder))}",
        "pip install --editable '.[dev]'",
        "pytest",
        "rateval run study.toml",
        f"rateval check-plugin {names.distribution}",
    ):
        say(console, f"  {command}")


def _write_file(name: str, kinds: list[Kind], file: Path) -> int:
    if len(kinds) > 1:
        raise RatevalError("--in-place: one file holds one component; give one --kind")
    (kind,) = kinds
    if kind == "task":
        raise RatevalError(
            "--in-place: a task can't be in one file, because datasets name it; leave --in-place "
            "out to write a distribution"
        )
    if file.suffix != ".py":
        raise RatevalError(f"{file}: must be a Python file; give one that ends in .py")
    stem = read_stem(name)
    write_files(file.parent, {file.name: write_one_file(Names(f"rateval-{stem}", stem), kind)})
    console, facts = Console(), KINDS[kind]
    say(console, f"wrote {file}; a spec beside it uses it by\n")
    say(console, f'  {facts.heading}\n  use = "./{file.name}:make"')
    return 0
