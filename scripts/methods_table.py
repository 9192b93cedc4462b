"""Print what a run over several seeds came to, as the tables of docs/methods.md.

    python scripts/methods_table.py runs/methods-20260101-120000

Percent, mean over the seeds; in brackets the 95 % t interval of the mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import rateval
from rateval.records.run import RunRecord


def main() -> None:
    """Print one table per dataset and attribution."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    record = rateval.load(parser.parse_args().run)
    seen = [(cell.key.dataset, cell.key.attribution) for cell in record.over_seeds]
    for dataset, attribution in dict.fromkeys(seen):
        print(f"\n**{dataset}, {attribution}**\n")
        print_table(record, dataset, attribution)


def print_table(record: RunRecord, dataset: str, attribution: str) -> None:
    """Print the methods on one test, as one attribution explains them."""
    rows = [
        cell
        for cell in record.over_seeds
        if (cell.key.dataset, cell.key.attribution) == (dataset, attribution)
    ]
    headings = [score.heading for score in rows[0].evidence[0].scores]
    several = len({row.key.model for row in rows}) > 1
    labels = ["model", "method"] if several else ["method"]
    print("| " + " | ".join([*labels, *headings]) + " |")
    print("|" + "---|" * (len(labels) + len(headings)))
    for row in rows:
        shown = []
        for score in row.evidence[0].scores:
            value = score.value
            if value.value is None or value.low is None or value.high is None:
                shown.append("–")
            else:
                mean, low, high = (100 * x for x in (value.value, value.low, value.high))
                shown.append(f"{mean:.1f} ({low:.1f} to {high:.1f})")
        names = [row.key.model, row.key.finetuner] if several else [row.key.finetuner]
        print("| " + " | ".join([*names, *shown]) + " |")


if __name__ == "__main__":
    main()
