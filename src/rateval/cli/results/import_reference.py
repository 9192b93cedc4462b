"""``rateval import-reference``: a run of the JSON files of the paper's authors."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rateval.cli.arguments import path
from rateval.cli.terminal import say, warn
from rateval.console import Console
from rateval.errors import Problem, SpecError
from rateval.store.remote.mirror import local_folder

METRICS = ("accuracy", "pt", "ir")
"""Metrics that the files tell."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--labels", metavar="FILE", type=path, required=True, help="a class number for each image"
    )
    parser.add_argument(
        "--method",
        nargs=3,
        metavar=("NAME", "PREDICTIONS", "EVIDENCE"),
        action="append",
        required=True,
        help="a method, its class number for each image, its evidence: 1 valid, 0 not; zs is what "
        "others are compared with",
    )
    parser.add_argument("--classes", metavar="FILE", type=path, help="a JSON list of their names")
    for option in ("study", "dataset", "model"):
        parser.add_argument(f"--{option}", metavar="NAME", default="reference", help="its name")
    parser.add_argument(
        "--output", metavar="FOLDER", type=path, default="runs", help="where runs and results go"
    )


def execute(parsed: Namespace) -> int:
    """Read the files, write the run, and print its report."""
    # Whatever is wrong with the files is said before torch is imported.
    from rateval.reference.files import MethodFiles, read_answers

    files = [MethodFiles(name, Path(said), Path(valid)) for name, said, valid in parsed.method]
    answers = read_answers(Path(parsed.labels), files)
    from rateval.facade import create
    from rateval.reference.importing import Naming, count_classes, make_run
    from rateval.registry.discovery import discover
    from rateval.report.printing import print_report

    _check_names(parsed)
    classes = _read_classes(parsed.classes, count_classes(answers))
    naming = Naming(parsed.study, parsed.dataset, parsed.model, classes)
    metrics = {name: create("metric", name) for name in METRICS}
    record = make_run(answers, naming, metrics, local_folder(parsed.output))
    print_report(record, Console(), discover(), warn)
    say(Console(stderr=True), f"run  {record.place}")
    return 0


def _check_names(parsed: Namespace) -> None:
    """Raise SpecError for a study whose name can't be that of a folder, and for empty names."""
    names = {f"--{option}": getattr(parsed, option) for option in ("study", "dataset", "model")}
    names |= {"--method": next((name for name, *_ in parsed.method if not name.strip()), "x")}
    problems = [
        Problem(f'{option} "{name}"', "is empty; give a name")
        for option, name in names.items()
        if not name.strip()
    ]
    if not all(sign.isalnum() or sign in "-_. " for sign in parsed.study) or (
        parsed.study.startswith(".")
    ):
        what = "must be of letters, digits, blanks, - _ and ., as a folder gets it; name another"
        problems.append(Problem(f'--study "{parsed.study}"', what))
    if problems:
        raise SpecError(problems)


def _read_classes(given: str | None, count: int) -> tuple[str, ...]:
    if given is None:
        return tuple(f"class {at}" for at in range(count))
    try:
        names = json.loads(Path(given).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        what = f"cannot be read as JSON: {error}; name another file"
        raise SpecError([Problem(f"--classes {given}", what)]) from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        what = "must be a list of names; name another file"
    elif len(names) < count:
        what = f"has {len(names):,} names, and the files have {count:,} classes; add the others"
    else:
        return tuple(names)
    raise SpecError([Problem(f"--classes {given}", what)])
