"""``rateval init``."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from importlib import resources
from pathlib import Path

from rateval.cli import arguments
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import RatevalError


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "path", type=arguments.path, nargs="?", default="spec.toml", help="default: spec.toml"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def execute(parsed: Namespace) -> int:
    """Write the starter spec. Raises RatevalError rather than replace a file unasked."""
    path = Path(parsed.path)
    if path.exists() and not parsed.force:
        raise RatevalError(f"{path}: exists already; name another file, or replace it with --force")
    try:
        path.write_text(starter_spec(), encoding="utf-8")
    except OSError as error:
        raise RatevalError(f"{path}: cannot be written: {error.strerror}") from None
    say(Console(), f"wrote {path}; run it with: rateval run {shlex.quote(str(path))}")
    return 0


def starter_spec() -> str:
    """Return the commented spec that ships with rateval."""
    file = resources.files("rateval.cli").joinpath("starter.toml")
    return file.read_text(encoding="utf-8")
