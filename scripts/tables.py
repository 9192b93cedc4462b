"""Print or write the tables of the documents, from docs/figures.

    python scripts/tables.py             # every table, by its name
    python scripts/tables.py --write     # into the documents, below each <!-- table: NAME -->
    python scripts/tables.py --study methods    # of any study of one model, of shifts
                                                or of training sets, in docs/figures

A test compares what stands there with what this prints.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence

import choice
import figures
import power
import studies
from columns import Column, cell, table, write_share
from figures import Figures
from prose import documents

from rateval.stats.wilson import wilson_interval

MARKER = re.compile(r"^<!-- table: (.+) -->\n\n((?:^\|.*\n)*)", re.MULTILINE)
"""A table's name, and the rows below it."""


def of_methods(study: str, test: str, columns: Sequence[Column]) -> str:
    """Write a row for each method of a study's only model."""
    found = figures.read(study)
    (model,) = found.listed("model")
    rows = [
        [method, *(cell(found, test, model, method, column) for column in columns)]
        for method in found.listed("method")
    ]
    return table(["method", *(column.heading for column in columns)], rows)


def of_models(study: str, test: str, columns: Sequence[Column]) -> str:
    """Write a row for each model of a study: how it starts, and what ``ft`` does to it."""
    found = figures.read(study)
    rows = [
        [model, *(cell(found, test, model, "ft", column) for column in columns)]
        for model in sorted(found.listed("model"))
    ]
    return table(["model", *(column.heading for column in columns)], rows)


def of_candidates() -> str:
    """Write how often each pre-trained model is right; those that are shipped in bold."""
    found = choice.read()
    shipped = choice.choose(found).values()
    rows = []
    for one in found:
        shares = [
            write_share((count / choice.SCENES, *wilson_interval(count, choice.SCENES)))
            for count in (one.clean, one.hard)
        ]
        rows.append([f"**{one.name}**" if one in shipped else one.name, *shares])
    return table(["model", "clean scenes", "hard scenes"], rows)


def of_seeds(study: str) -> str:
    """Write a row for each test and method of a check by several seeds, and one of the change."""
    found = figures.read(study)
    (model,), (depth,) = found.listed("model"), found.listed("attribution")
    rows = [
        [test, name, *(cell(found, test, model, method, column) for column in columns)]
        for test in found.listed("test")
        for name, method, against in (
            ("zero-shot", "zs", None),
            ("fine-tuned", "ft", None),
            ("change", "ft", "zs"),
        )
        for columns in [[dataclasses.replace(c, against=against) for c in by_map(depth)]]
    ]
    return table(["test", "method", "accuracy", "PT", "IR"], rows)


def by_map(attribution: str) -> list[Column]:
    """Return the columns of accuracy, PT and IR by relevance mass."""
    return [
        Column(name, metric, "relevance-mass", attribution)
        for name, metric in (("accuracy", "accuracy"), ("PT", "pt"), ("IR", "ir"))
    ]


def by_causes(found: Figures) -> list[Column]:
    """Return the columns of what edited images say, and of maps that edits contradict."""
    first, *others = found.listed("attribution")
    edits, mass = "counterfactual", "relevance-mass"
    return [
        Column("PT causal", "pt", edits, first),
        Column("IR causal", "ir", edits, first),
        Column("right for the object", "right-for-the-object", mass, first),
        *(
            Column(f"looks right, is not: {name}", "looks-right-is-not", mass, name)
            for name in (first, *others)
        ),
    ]


def of_study(study: str) -> Iterator[tuple[str, str]]:
    """Yield the tables of a study: of its shifts or training sets, else of each test of a model."""
    found = figures.read(study)
    special = list(studies.of_study(found))
    if special:
        yield from special
        return
    for test in found.listed("test"):
        for attribution in found.listed("attribution"):
            yield f"{test}, {attribution}", of_methods(study, test, by_map(attribution))
        if "counterfactual" in found.listed("validator"):
            yield f"{test}, causes", of_methods(study, test, by_causes(found))


def before_and_after() -> list[Column]:
    """Return accuracy and PT by two scores and by edits: zero-shot's, and the change."""
    mass, edits = "relevance-mass", "counterfactual"
    scores = {
        "accuracy": ("accuracy", mass, "raw"),
        "PT, raw": ("pt", mass, "raw"),
        "PT, margin": ("pt", mass, "margin"),
        "PT causal": ("pt", edits, "raw"),
    }
    return [
        column
        for heading, found in scores.items()
        for column in (
            Column(heading, *found, method="zs", interval=False),
            Column("ft − zs", *found, against="zs"),
        )
    ]


def raw_and_margin() -> list[Column]:
    """Return the columns of PT by two maps and by edits."""
    mass, edits = "relevance-mass", "counterfactual"
    return [
        Column("PT by raw", "pt", mass, "raw"),
        Column("PT by margin", "pt", mass, "margin"),
        Column("PT causal", "pt", edits, "raw"),
    ]


def by_depth_and_causes() -> list[Column]:
    """Return accuracy, PT by two depths and by edits, and what causes say of all images."""
    mass, edits, last, every = "relevance-mass", "counterfactual", "last block", "all blocks"
    return [
        Column("accuracy", "accuracy", mass, every),
        Column("PT, last block", "pt", mass, last),
        Column("PT, all blocks", "pt", mass, every),
        Column("PT causal", "pt", edits, every),
        Column("right for the object", "right-for-the-object", mass, every),
        Column("looks right, is not", "looks-right-is-not", mass, every),
    ]


def _models(test: str) -> Callable[[], str]:
    return lambda: of_models("pretrainings", test, before_and_after())


def _methods(test: str) -> Callable[[], str]:
    return lambda: of_methods("methods", test, by_depth_and_causes())


TABLES: dict[str, Callable[[], str]] = {
    **{f"methods, {test}": _methods(test) for test in ("biased", "unbiased")},
    "quickstart, biased, raw and margin": lambda: of_methods(
        "quickstart", "biased", raw_and_margin()
    ),
    "choice": of_candidates,
    **{f"pretrainings, {test}": _models(test) for test in ("biased", "unbiased")},
    "shapes-c, biased, types": lambda: studies.of_counts("shapes-c", "biased"),
    "shapes-c, biased, levels": lambda: studies.of_levels("shapes-c", "biased"),
    "shapes-c, biased, ft": lambda: studies.of_shifts("shapes-c", "biased", "ft"),
    "shapes-c-seeds, biased, types": lambda: studies.of_counts("shapes-c-seeds", "biased"),
    "shapes-c-seeds, unbiased, types": lambda: studies.of_counts("shapes-c-seeds", "unbiased"),
    "shapes-c-seeds, biased, levels": lambda: studies.of_levels("shapes-c-seeds", "biased"),
    "shapes-c-seeds, unbiased, levels": lambda: studies.of_levels("shapes-c-seeds", "unbiased"),
    "why, biased": lambda: studies.of_trainings("why", "clip", "biased"),
    "why, unbiased": lambda: studies.of_trainings("why", "clip", "unbiased"),
    "why, albef, biased": lambda: studies.of_trainings("why", "albef", "biased"),
    "why, albef, unbiased": lambda: studies.of_trainings("why", "albef", "unbiased"),
    "why, blip, biased": lambda: studies.of_trainings("why", "blip", "biased"),
    "why, blip, unbiased": lambda: studies.of_trainings("why", "blip", "unbiased"),
    "check-quickstart": lambda: of_seeds("check-quickstart"),
    "power": power.of_images,
}
"""Every table that a document may ask for by its name."""


def held(text: str) -> Iterator[tuple[str, str]]:
    r"""Yield the name and the rows of each table that a document's text holds.

    >>> list(held("<!-- table: a -->\n\n| b |\n|---|\n\nWords.\n"))
    [('a', '| b |\n|---|\n')]
    """
    for found in MARKER.finditer(text):
        yield found[1], found[2]


def main() -> None:
    """Print all tables, or write them into the documents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--study", help="print every table of this study instead")
    options = parser.parse_args()
    if options.study:
        for title, text in of_study(options.study):
            print(f"**{title}**\n\n{text}")
        return
    if not options.write:
        for name, make in TABLES.items():
            print(f"<!-- table: {name} -->\n\n{make()}")
        return
    for path in documents():
        text = path.read_text(encoding="utf-8")
        new = MARKER.sub(lambda m: f"<!-- table: {m[1]} -->\n\n{TABLES[m[1]]()}", text)
        if new != text:
            path.write_text(new, encoding="utf-8")
            print(path.name)


if __name__ == "__main__":
    main()
