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

_BESIDE_DATA = ("masks", "checkpoint", "base")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "path", type=arguments.path, nargs="?", default="spec.toml", help="default: spec.toml"
    )
    parser.add_argument(
        "--data",
        type=arguments.path,
        metavar="PATH",
        help="your photos: a folder, or what lists them; the spec is then written for them",
    )
    parser.add_argument(
        "--masks",
        type=arguments.path,
        metavar="PATH",
        help="evidence of the photos: a folder of masks, or a file of annotations",
    )
    parser.add_argument(
        "--checkpoint",
        type=arguments.path,
        metavar="PATH",
        help="your fine-tuned model: a file of weights, or a folder with one",
    )
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help="the model that it was fine-tuned from: a path, or a name in your caches",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def execute(parsed: Namespace) -> int:
    """Write a spec. Raises RatevalError rather than replace a file unasked."""
    path = Path(parsed.path)
    if path.exists() and not parsed.force:
        raise RatevalError(f"{path}: exists already; name another file, or replace it with --force")
    if parsed.data is None:
        given = [f"--{name}" for name in _BESIDE_DATA if getattr(parsed, name) is not None]
        if given:
            raise RatevalError(
                f"{', '.join(given)}: belongs to photos; name them, too: --data PATH"
            )
        _write(path, starter_spec())
        say(Console(), f"wrote {path}; run it with: rateval run {shlex.quote(str(path))}")
        return 0
    return _draft(parsed, path)


def _draft(parsed: Namespace, path: Path) -> int:
    # Plugins and libraries that who wants the starter needn't wait for.
    from rateval.drafting.draft import make_draft
    from rateval.registry.discovery import discover

    draft = make_draft(
        discover(),
        _command(parsed),
        data=Path(parsed.data).expanduser(),
        masks=None if parsed.masks is None else Path(parsed.masks).expanduser(),
        checkpoint=None if parsed.checkpoint is None else Path(parsed.checkpoint).expanduser(),
        base=parsed.base or "",
    )
    _write(path, draft.text)
    console = Console()
    for place, facts in draft.found:
        say(console, place)
        for fact in facts:
            say(console, f"  {fact}")
    for lines, title in (
        (draft.unknown, "could not be found out, and stands in the spec as a comment:"),
        (draft.left_out, "left out of the spec, where it stands as a comment:"),
    ):
        if lines:
            say(console, f"\n{title}")
            for line in lines:
                say(console, f"  - {line}")
    say(console, f"\nwrote {path}; next:")
    for command in ("validate", "data check", "run"):
        say(console, f"  rateval {command} {shlex.quote(str(path))}")
    return 0


def _command(parsed: Namespace) -> str:
    words = ["rateval", "init"]
    for name in ("data", *_BESIDE_DATA):
        value = getattr(parsed, name)
        words += [] if value is None else [f"--{name}", value]
    return shlex.join([*words, parsed.path])


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RatevalError(f"{path}: cannot be written: {error.strerror}") from None
    except UnicodeEncodeError as error:
        raise RatevalError(f"{path}: holds a name that isn't UTF-8; rename it") from error


def starter_spec() -> str:
    """Return the commented spec that ships with rateval."""
    file = resources.files("rateval.cli").joinpath("starter.toml")
    return file.read_text(encoding="utf-8")
