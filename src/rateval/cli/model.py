"""``rateval model check`` and ``rateval model fetch``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from rateval.api.component import Context
from rateval.checkpoints.official import Checkpoint, fetch, find_checkpoint, load_checkpoints
from rateval.cli import arguments
from rateval.cli.terminal import say
from rateval.console import Console, Text
from rateval.errors import RatevalError
from rateval.modelkit.digests import digest_of


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="load models and test that recording changes nothing")
    check.add_argument(
        "spec_or_name", type=arguments.path, metavar="SPEC|NAME", help="a spec, or a model by name"
    )
    check.add_argument("--device", default="cpu", help="auto, cpu, mps, cuda or cuda:N")
    fetching = actions.add_parser("fetch", help="download an official checkpoint")
    fetching.add_argument("name", nargs="?", metavar="NAME", help="none lists what is known")
    fetching.add_argument(
        "--folder", type=arguments.path, help="where to put it (default: the cache)"
    )
    fetching.add_argument("--dry-run", action="store_true", help="print address and path only")


def execute(parsed: Namespace) -> int:
    """Check models, or download a checkpoint."""
    if parsed.action == "fetch":
        return _fetch(parsed)
    return _check(parsed)


def _check(parsed: Namespace) -> int:
    from rateval.checkpoints.check import check_model
    from rateval.machine.device import resolve_device
    from rateval.workbench.build import build, determine

    console = Console()
    context = Context(device=resolve_device(parsed.device))
    for choice in _choices(parsed.spec_or_name):
        model = build(choice, context)
        checked = check_model(model)
        card = model.card
        console.print(Text(choice.label, style="bold"), Text(f"  {card.architecture}"), sep="")
        digest = determine(choice, None).get("digest", "")
        rows: list[tuple[str, object]] = [
            ("parameters", f"{checked.parameters:,} {checked.dtype} on {checked.device}"),
            ("patch grid", f"{model.grid[0]} × {model.grid[1]}"),
            ("prefix", f"{model.prefix_tokens} tokens before the patches"),
            ("layers", f"{model.depth} with self-attention, read out by {model.readout}"),
            ("image", f"{card.image_size[0]} × {card.image_size[1]} pixels"),
            ("mean, std", f"{_show(card.mean)}, {_show(card.std)}"),
            ("text", f"{card.text_length} tokens at most"),
            ("head", f"a linear head sits on the {card.head_feature}"),
            ("licence", card.licence),
            ("source", card.source),
            ("checkpoint", card.checkpoint or "none: random weights"),
            ("digest", digest),
            ("keys", f"{card.keys_used} used, {len(card.keys_ignored)} ignored"),
            ("ignored", ", ".join(card.keys_ignored[:10])),
            *(("assumed", sentence) for sentence in card.assumed),
            ("self-test", f"logits differ by {checked.difference:.1e} when recorded: fine"),
        ]
        console.print(_grid(rows))
    return 0


def _choices(spec_or_name: str) -> Iterable[Any]:
    from rateval.plan.choosing import choose_default
    from rateval.plan.planning import make_plan
    from rateval.registry.discovery import discover
    from rateval.registry.finding import find_component
    from rateval.spec.document import read_document

    registry = discover()
    if spec_or_name.endswith(".toml") or Path(spec_or_name).is_file():
        return make_plan(read_document(Path(spec_or_name)), registry, look=False).choices["model"]
    try:
        find_component("model", spec_or_name, registry, Path())
    except RatevalError as error:
        raise RatevalError(f"{spec_or_name}: {error}") from None
    return [choose_default("model", spec_or_name, registry)]


def _show(values: Iterable[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)


def _grid(rows: Iterable[tuple[str, object]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value:
            table.add_row(f"  {name}", Text(str(value)))
    return table


def _fetch(parsed: Namespace) -> int:
    console = Console()
    rows = load_checkpoints()
    if parsed.name is None:
        console.print(_grid((row.name, f"{row.file}, {row.licence}") for row in rows))
        return 0
    row = find_checkpoint(parsed.name, rows)
    path = Path(parsed.folder) / row.file if parsed.folder else _cache() / row.file
    if parsed.dry_run:
        _print_pairs(console, [("from", row.address), ("to", path), ("sha256", row.sha256)])
        return 0
    if path.exists():
        digest = digest_of(path)
        if row.sha256 and digest != row.sha256:
            raise RatevalError(
                f"{path}: is there, but its sha256 is {digest}, not {row.sha256} as published; "
                "delete it and fetch again"
            )
        say(console, f"{path} is there already")
    else:
        with _progress(console, row) as tell:
            digest = fetch(row, path, tell)
    published = "as published" if row.sha256 else "none is published to compare it with"
    pairs = [
        ("path", path),
        ("size", f"{path.stat().st_size:,} bytes"),
        ("sha256", f"{digest} ({published})"),
        ("licence", row.licence),
        ("in a spec", f'[[model]] with {row.use}, {row.parameter} = "{path}"'),
    ]
    _print_pairs(console, pairs)
    return 0


def _print_pairs(console: Console, pairs: Iterable[tuple[str, object]]) -> None:
    # Not a table: an address or a digest must come out in one piece, to be copied.
    for name, value in pairs:
        if value:
            text = Text.assemble((f"{name:<10}", "dim"), str(value))
            console.print(text, soft_wrap=True)


def _cache() -> Path:
    return Context().cache / "checkpoints"


@contextmanager
def _progress(console: Console, row: Checkpoint) -> Iterator[Any]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(row.file, total=None)
        yield lambda done, size: progress.update(task, completed=done, total=size)
