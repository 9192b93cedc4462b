"""``rateval export-checkpoint``: write a classifier of a run in its model's own format."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rateval.checkpoints.export import export, require_room
from rateval.checkpoints.restore import OPTIONS, choose_classifier, restore_classifier
from rateval.cli.arguments import path
from rateval.console import Console, Text
from rateval.records.run import load
from rateval.registry.discovery import discover


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("run", type=path, help="a run's folder")
    parser.add_argument(
        "--to", metavar="FOLDER", type=path, required=True, help="where to write it"
    )
    for option in ("model", "finetune", "dataset"):
        parser.add_argument(f"--{option}", metavar="LABEL", help=f"which {option} of the study")
    parser.add_argument("--seed", metavar="N", type=int, help="which seed of the study")
    parser.add_argument("--force", action="store_true", help="write into a folder with files in it")


def execute(parsed: Namespace) -> int:
    """Find the classifier that is asked for, rebuild it and write it."""
    folder = Path(parsed.to)
    require_room(folder, force=parsed.force)
    record = load(parsed.run)
    given = {option: getattr(parsed, option) for option in OPTIONS}
    asked = {option: str(value) for option, value in given.items() if value is not None}
    cell = choose_classifier(record, asked)
    restored = restore_classifier(record, cell, discover())
    origin = {
        "study": record.study,
        "started": record.started,
        "model": cell.key.model,
        "finetune": cell.key.finetuner,
        "dataset": cell.key.dataset,
        "seed": cell.key.seed,
    }
    files = export(restored, folder, origin)
    console = Console()
    for file in files:
        # A path must come out in one piece, to be copied.
        console.print(Text.assemble(("wrote  ", "dim"), str(file)), soft_wrap=True)
    return 0
