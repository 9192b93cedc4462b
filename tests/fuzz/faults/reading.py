"""A command that reads every result of a run through the public API, and prints what it read."""

from __future__ import annotations

import hashlib
import sys

import rateval
from rateval.errors import RatevalError


def main(arguments: list[str]) -> int:
    """Print digests of all rows, maps, curves and pictures; exit as the command line does."""
    try:
        record = rateval.load(arguments[0])
        for cell in record.cells:
            rows = record.rows(cell)
            print(record.label(cell.key), _digest(repr(rows.to_pydict())))
            print(_digest(repr(record.relevance(cell).tolist())))
            print(_digest(repr(record.curves(cell).to_pydict())))
            tokens = record.tokens_of(cell)
            if tokens is not None:
                print(_digest(repr(tokens.to_pydict())))
        for pictures in record.pictures:
            print(_digest(repr(record.images(pictures).to_pydict())))
    except RatevalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
