"""``rateval score``: judge and count a run anew from what it stored, without a model."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from rateval.cli.arguments import path
from rateval.cli.studies.run import exit_code, keeping, open_registry
from rateval.cli.terminal import say, warn
from rateval.console import Console
from rateval.machine.interrupts import INTERRUPTED, remembered_interrupts
from rateval.progress import make_reporter
from rateval.records.run import load
from rateval.report.printing import print_report
from rateval.spec.document import Document, read_document
from rateval.spec.rescoring import read_entry, read_word

_NAME = "rateval score"
_STATISTICS = ("level", "cluster", "correction", "margin")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Judge and count a run anew, from the maps, masks and answers that it stored, into a new "
        "run beside it. No model is made and no image is read."
    )
    parser.add_argument("run", type=path, help="a run's folder")
    _add_components(parser)
    parser.add_argument(
        "--threshold", metavar="X", help="threshold of the run's own validators that have one"
    )
    parser.add_argument(
        "--tables",
        metavar="FILE",
        type=path,
        help="TOML with any of [[evidence]], [[metric]], [statistics], [counterfactual] keep and "
        "[[tracker]]",
    )
    _add_keys(parser)
    parser.add_argument("--device", help="auto, cpu, mps, cuda or cuda:N (default: the run's)")
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        type=path,
        help="where the new run goes, with a copy of maps and rows (default: beside the run)",
    )
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="print the report only")
    amount.add_argument("-v", "--verbose", action="store_true", help="print identities too")


def _add_components(parser: ArgumentParser) -> None:
    own = "in place of the run's own, such as {}; may be repeated"
    for option, told in (
        ("evidence", own.format("relevance-mass:threshold=0.3")),
        ("metric", own.format("valid-rate")),
        ("tracker", "note the new run there, too, such as mlflow (default: nowhere)"),
    ):
        parser.add_argument(
            f"--{option}", metavar="NAME[:key=value,…]", action="append", default=[], help=told
        )
    parser.add_argument(
        "--add",
        action="store_true",
        help="keep the run's own validators and metrics beside those",
    )


def _add_keys(parser: ArgumentParser) -> None:
    """Declare the keys of ``[statistics]`` and ``[counterfactual]`` that can be changed."""
    parser.add_argument("--level", metavar="X", help="of the intervals, such as 0.9")
    parser.add_argument("--cluster", metavar="GROUP", help="none, class, or a group of the data")
    parser.add_argument("--correction", metavar="WHICH", help="of p: holm or none")
    parser.add_argument("--margin", metavar="X", help="a fall that would not matter, such as 0.02")
    parser.add_argument(
        "--keep", metavar="X", help="share of other backgrounds on which an answer has to stay"
    )


def execute(parsed: Namespace) -> int:
    """Score a run anew and print the new run's report."""
    record = load(parsed.run)
    documents = [Document(_NAME, _read_tables(parsed), "")]
    if parsed.tables is not None:
        documents.insert(0, read_document(Path(parsed.tables)))
    options = {name: getattr(parsed, name) for name in ("device", "output")}
    errors, registry = Console(stderr=True), open_registry()
    # Only who has asked for something that can be read waits for what counts.
    from rateval.engine.anew.asked import Asked
    from rateval.engine.anew.call import score_anew

    asked = Asked(
        _NAME,
        documents,
        add=parsed.add,
        threshold=None if parsed.threshold is None else read_word(parsed.threshold),
        options={key: value for key, value in options.items() if value is not None},
        words=tuple(_repeat(parsed)),
    )
    reporter = make_reporter(errors, quiet=parsed.quiet, verbose=parsed.verbose)
    try:
        with remembered_interrupts():
            made = score_anew(record, asked, registry, reporter)
    except KeyboardInterrupt:
        again = shlex.join(["rateval", "score", parsed.run, *asked.words])
        say(errors, f"interrupted: what is finished is kept; go on with: {again}")
        return INTERRUPTED
    with keeping([made]):
        print_report(made, Console(), registry, warn)
    return exit_code([made])


def _read_tables(parsed: Namespace) -> dict[str, Any]:
    """Return what options ask for, as tables of a spec."""
    found: dict[str, Any] = {
        table: [read_entry(text, f"--{table}") for text in getattr(parsed, table)]
        for table in ("evidence", "metric", "tracker")
        if getattr(parsed, table)
    }
    statistics = {
        key: value if key in ("cluster", "correction") else read_word(value)
        for key in _STATISTICS
        if (value := getattr(parsed, key)) is not None
    }
    found |= {"statistics": statistics} if statistics else {}
    return found | (
        {} if parsed.keep is None else {"counterfactual": {"keep": read_word(parsed.keep)}}
    )


def _repeat(parsed: Namespace) -> list[str]:
    """Return the options that a new run's record repeats: all that decide what is in it."""
    words: list[str] = []
    tables = ("tables", "evidence", "metric", "tracker")
    for name in (*tables, "threshold", *_STATISTICS, "keep", "device"):
        given = getattr(parsed, name)
        for value in [given] if isinstance(given, str) else given or ():
            words += [f"--{name}", value]
    words += ["--add"] if parsed.add else []
    return words + ([] if parsed.output is None else ["--output", parsed.output])
