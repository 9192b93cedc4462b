"""Print or write the tables of the documents, from docs/figures.

    python scripts/tables.py             # every table, by its name
    python scripts/tables.py --write     # into the documents, below each <!-- table: NAME -->

A test compares what stands there with what this prints.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import choice
import figures
from figures import Figures, Triple

from rateval.stats.wilson import wilson_interval

ROOT = Path(__file__).resolve().parents[1]
MARKER = re.compile(r"^<!-- table: (.+) -->\n\n((?:^\|.*\n)*)", re.MULTILINE)
"""A table's name, and the rows below it."""
ABSENT = "–"


@dataclass(frozen=True)
class Column:
    """What one column shows of each row's method."""

    heading: str
    metric: str
    validator: str
    attribution: str
    method: str | None = None
    """Another method than the row's own."""
    against: str | None = None
    """Shows the change against this method in place of the value."""
    interval: bool = True


def write_share(share: Triple, *, signed: bool = False, interval: bool = True) -> str:
    """Write a share in percent, with its interval; a plus where the other end has a minus.

    >>> write_share((-0.095, -0.146, -0.045), signed=True)
    '−9.5 (−14.6 to −4.5)'
    >>> write_share((0.095, -0.001, 0.146), signed=True)
    '+9.5 (−0.1 to +14.6)'
    >>> write_share((0.5, None, None)), write_share((None, None, None))
    ('50.0', '–')
    """
    value, low, high = share
    if value is None:
        return ABSENT
    text = format(100 * value + 0.0, "+.1f" if signed else ".1f")
    if interval and low is not None and high is not None:
        text += f" ({100 * low:.1f} to {100 * high:{'+.1f' if low < 0 < high else '.1f'}})"
    return text.replace("-", "−")


def cell(found: Figures, test: str, model: str, method: str, column: Column) -> str:
    """Write one cell; what the study does not have is told by a dash."""
    place = (test, model, column.method or method, column.attribution, column.validator)
    row = found.find(place)
    if column.against is None:
        share = row.values.get(column.metric, (None, None, None))
        return write_share(share, interval=column.interval)
    change = row.changes.get(column.against, {}).get(column.metric, (None, None, None))
    return write_share(change, signed=True, interval=column.interval)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table as Markdown has it, with a newline at its end."""
    lines = [" | ".join(heading), *(" | ".join(row) for row in rows)]
    text = [f"| {line} |\n" for line in lines]
    return "".join([text[0], "|" + "---|" * len(heading) + "\n", *text[1:]])


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


def by_causes(attributions: Mapping[str, str]) -> list[Column]:
    """Return the columns of what edited images say; ``attributions`` are headings by label."""
    first = next(iter(attributions))
    edits, mass = "counterfactual", "relevance-mass"
    return [
        Column("PT causal", "pt", edits, first),
        Column("IR causal", "ir", edits, first),
        Column("right for the object", "right-for-the-object", mass, first),
        *(
            Column(f"looks right, is not: {heading}", "looks-right-is-not", mass, label)
            for label, heading in attributions.items()
        ),
    ]


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


def _methods(test: str, depth: str) -> Callable[[], str]:
    return lambda: of_methods("methods", test, by_map(depth))


def _causes(test: str) -> Callable[[], str]:
    depths = {"last block": "last block", "all blocks": "all blocks"}
    return lambda: of_methods("methods", test, by_causes(depths))


def raw_and_margin() -> list[Column]:
    """Return the columns of PT by two maps and by edits."""
    mass, edits = "relevance-mass", "counterfactual"
    return [
        Column("PT by raw", "pt", mass, "raw"),
        Column("PT by margin", "pt", mass, "margin"),
        Column("causal", "pt", edits, "raw"),
    ]


def _models(test: str) -> Callable[[], str]:
    return lambda: of_models("pretrainings", test, before_and_after())


TABLES: dict[str, Callable[[], str]] = {
    **{
        f"methods, {test}, {depth}": _methods(test, depth)
        for test in ("biased", "unbiased")
        for depth in ("last block", "all blocks")
    },
    **{f"methods, {test}, causes": _causes(test) for test in ("biased", "unbiased")},
    "quickstart, biased, raw and margin": lambda: of_methods(
        "quickstart", "biased", raw_and_margin()
    ),
    "choice": of_candidates,
    **{f"pretrainings, {test}": _models(test) for test in ("biased", "unbiased")},
    "check-quickstart": lambda: of_seeds("check-quickstart"),
}
"""Every table that a document may ask for by its name."""


def documents() -> list[Path]:
    """Return the documents that may hold such tables."""
    return [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]


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
    if not parser.parse_args().write:
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
