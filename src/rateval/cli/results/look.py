"""``rateval look``: one photo explained, as a picture and on the terminal."""

from __future__ import annotations

import json
import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rateval.api.kinds import Kind
from rateval.cli import arguments
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import Problem, RatevalError, SpecError

_TABLES = {"model": "model", "attribution": "attribution", "evidence": "validator"}
"""Table of a spec to the option that stands for its one entry."""
_PLACE = re.compile(r"rateval\.look: (\w+)(?:\[\d+\])?(?:\.([^ =]+))?(?: = (.*))?", re.DOTALL)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="the photo")
    for name, what in (
        ("model", "a model by name, such as clip, with its params"),
        ("checkpoint", "a model that was fine-tuned elsewhere: its path, with params"),
        ("attribution", "how to explain (default: generic-attention)"),
    ):
        first = "PATH" if name == "checkpoint" else "NAME"
        parser.add_argument(
            f"--{name}",
            nargs="+",
            metavar=(first, "KEY=VALUE"),
            required=name == "model",
            help=what,
        )
    parser.add_argument(
        "--validator",
        nargs="+",
        action="append",
        metavar=("NAME", "KEY=VALUE"),
        help="how to judge evidence (default: relevance-mass); may be repeated",
    )
    _add_photo(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, mps, cuda or cuda:N")
    parser.add_argument(
        "--json", action="store_true", help="print JSON; a picture is then written to --out alone"
    )
    parser.add_argument("--plain", action="store_true", help="print ASCII without colours")


def _add_photo(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--classes",
        metavar="A,B,C|FILE",
        help="labels to choose from, or a file with one a line",
    )
    parser.add_argument(
        "--question",
        metavar="TEXT",
        help="what to ask a model that answers, in the place of classes; one that writes captions "
        "takes neither",
    )
    parser.add_argument(
        "--phrase",
        default="",
        metavar="TEXT",
        help="words of the answer or caption to explain (default: all of it)",
    )
    parser.add_argument("--label", metavar="TEXT", help="the right class, or the right answer")
    for name, metavar, what in (
        ("mask", "FILE", "evidence: an image of the photo's size, above 0 where it counts"),
        ("donors", "PATH", "photos with masks that lend their backgrounds, as init takes --data"),
        ("donor-masks", "PATH", "their masks, as init takes --masks"),
        ("out", "FILE", "the picture, a PNG (default: look-NAME.png)"),
    ):
        parser.add_argument(f"--{name}", type=arguments.path, metavar=metavar, help=what)
    parser.add_argument(
        "--exif",
        choices=("apply", "ignore"),
        default="apply",
        help="whether the photo is turned as its EXIF says; its mask must be of the same view",
    )


def execute(parsed: Namespace) -> int:
    """Explain one photo, draw it and print it."""
    image, entries = _sort(parsed)
    out = _find_out(parsed, image)
    # Threads that spin while they wait starve the others. Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from rateval.json_file import format_json
    from rateval.live.looking.call import look

    try:
        found = look(
            image,
            classes=None if parsed.classes is None else _read_classes(parsed.classes),
            question=parsed.question,
            phrase=parsed.phrase,
            label=parsed.label,
            mask=parsed.mask,
            donors=parsed.donors,
            donor_masks=parsed.donor_masks,
            exif=parsed.exif,
            device=parsed.device,
            **entries,
        )
    except SpecError as error:
        raise SpecError(map(_translate, error.problems)) from None
    except RatevalError as error:
        text = str(error).replace("rateval.look: donors = ", "--donors ")
        text = text.replace("rateval.look: phrase = ", "--phrase ")
        raise RatevalError(_name_options(text)) from None
    if out is not None:
        _save(out, found.png())
    console = Console(plain=parsed.plain)
    if parsed.json:
        say(Console(), format_json(found.as_json(), ascii_only=True).rstrip())
        return 0
    from rateval.live.looking.printing import show_look

    console.print(*show_look(found, console), sep="\n")
    say(console, f"\n{out}: the picture")
    return 0


def _sort(parsed: Namespace) -> tuple[str, dict[str, Any]]:
    """Return the photo and the components asked for.

    A photo after an option is taken for one more word of that. Raises RatevalError for several.
    """
    given: dict[str, list[list[str]]] = {
        name: [words] if (words := getattr(parsed, name)) else []
        for name in ("model", "checkpoint", "attribution")
    }
    given["validators"] = parsed.validator or []
    stray = [
        word
        for lists in given.values()
        for first, *rest in lists
        for word in rest
        if "=" not in word
    ]
    images = [*([parsed.image] if parsed.image else []), *stray]
    if len(images) != 1:
        what = "no photo is named" if not images else f"{', '.join(images)}: give one photo at once"
        raise RatevalError(f"{what}; write: rateval look photo.jpg --model clip --classes a,b")
    kinds: dict[str, Kind] = {"checkpoint": "finetuner", "validators": "validator"}
    entries: dict[str, Any] = {
        name: [_read_entry(kinds.get(name, name), words) for words in lists]  # type: ignore[arg-type]  # two are kinds
        for name, lists in given.items()
        if lists
    }
    return arguments.path(images[0]), {
        name: made if name == "validators" else made[0] for name, made in entries.items()
    }


def _read_entry(kind: Kind, words: Sequence[str]) -> dict[str, Any]:
    """Return a table of a spec: a name and the params that follow it, as ``data check`` has it."""
    from rateval.inspection.subject import read_param
    from rateval.registry.discovery import discover
    from rateval.registry.finding import find_component

    name, *params = words
    use, entry = (name, {"use": name}) if kind != "finetuner" else ("checkpoint", {"path": name})
    pairs = [word.partition("=") for word in params if "=" in word]
    if not pairs:
        return entry
    try:
        found = find_component(kind, use, discover(), Path())
    except RatevalError:
        return entry | {key: text for key, _, text in pairs}  # who checks all says so
    return entry | {key: read_param(found, key, text) for key, _, text in pairs}


def _read_classes(text: str) -> str | list[str]:
    """Return labels, or the path of their file.

    >>> _read_classes("heart, star"), _read_classes("labels.txt")
    (['heart', 'star'], 'labels.txt')
    """
    is_path = "," not in text and ("/" in text or text.endswith(".txt") or Path(text).is_file())
    return text if is_path else [part.strip() for part in text.split(",") if part.strip()]


def _translate(problem: Problem) -> Problem:
    """Return a problem under the name of the option that it is about."""
    found = _PLACE.fullmatch(problem.where)
    if found is None:
        return problem
    return Problem(" ".join(_name_place(*found.groups())), _name_options(problem.what))


def _name_options(text: str) -> str:
    return text.replace("donor_masks", "--donor-masks")


def _name_place(table: str, key: str | None, value: str | None) -> Iterator[str]:
    shown = "" if value is None else value.strip('"')
    if key is None and shown.startswith("{"):  # the whole entry
        shown = str(json.loads(shown).get("use", "")) if shown.endswith("}") else ""
    if table == "dataset" and key == "image":
        yield shown
        return
    if table in ("dataset", "run"):
        yield f"--{str(key).partition('[')[0]}"
    elif table in ("donors", "donor_masks", "phrase"):
        yield f"--{table.replace('_', '-')}"
    else:
        yield f"--{_TABLES.get(table, 'checkpoint')}"
        if key not in (None, "use", "path"):
            shown = f"{key}={shown}" if value is not None else str(key)
    if shown:
        yield shown


def _find_out(parsed: Namespace, image: str) -> Path | None:
    """Return where the picture goes; None where none is asked for."""
    if parsed.out is None:
        return None if parsed.json else Path(f"look-{Path(image).stem}.png")
    out = Path(parsed.out)
    if out.suffix.lower() != ".png":
        raise RatevalError(f"--out {out}: must end in .png; nothing else is written")
    if not out.parent.is_dir():
        raise RatevalError(f"--out {out}: there is no folder {out.parent}; make it first")
    for name, other in (("the photo", image), ("the mask", parsed.mask)):
        if other is not None and out.exists() and Path(other).exists() and out.samefile(other):
            raise RatevalError(f"--out {out}: is {name}; give another file")
    return out


def _save(path: Path, content: bytes) -> None:
    from rateval.json_file import write_whole

    try:
        write_whole(path, content)
    except OSError as error:
        raise RatevalError(
            f"{path}: cannot be written: {error.strerror}; give another file by --out"
        ) from error
