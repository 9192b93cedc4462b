"""The gallery cut to a size: single tokens, then images, then maps, then counts by threshold."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from rateval.report.html.markup import write_json

FLOOR = 40
"""Images of each test that are kept as long as leaving out maps of cells helps."""

Data = dict[str, Any]


def size(value: object) -> int:
    """Return the bytes of a value as the page holds it.

    >>> size({"class": "<"})
    18
    """
    return len(write_json(value).encode())


def fit(data: Data, budget: int) -> None:
    """Cut ``data`` in place until its JSON has at most ``budget`` bytes, and note what was cut.

    Every test loses the images chosen last; no test loses more than another one that has as many.
    What a cut leaves is whole: no image without its row. Where nothing is left to cut, the rest
    stays, whatever its size.
    """
    _drop_transitions(data, budget // 10)
    rest = budget - _fixed(data)
    most = max((len(test["images"]) for test in data["tests"]), default=0)
    _drop_maps(data, "tokens", rest, most)
    keep = _largest(_costs(data), rest, most)
    if keep < min(FLOOR, most):
        _drop_maps(data, "map", rest, min(FLOOR, most))
        keep = _largest(_costs(data), rest, min(FLOOR, most))
    for number, test in enumerate(data["tests"]):
        _keep_images(data, number, test, keep)
    _drop_curves(data, budget)


def _drop_transitions(data: Data, budget: int) -> None:
    """Keep the transitions from zero-shot alone where all pairs are too many, then none."""
    if size(data["transitions"]) > budget:
        data["cut"].append("transitions")
        data["transitions"] = [
            found for found in data["transitions"] if not data["cells"][found["against"]]["trained"]
        ]
    if size(data["transitions"]) > budget:
        data["transitions"] = []


def _fixed(data: Data) -> int:
    """Return the bytes of all that is not of one image."""
    tests = [{**test, "images": []} for test in data["tests"]]
    cells = [
        {
            **cell,
            "columns": _emptied(cell["columns"]),
            "verdicts": {name: _emptied(found) for name, found in cell["verdicts"].items()},
        }
        for cell in data["cells"]
    ]
    return size({**data, "tests": tests, "cells": cells})


def _emptied(columns: Data) -> Data:
    return {name: [] for name in columns}


def _costs(data: Data) -> list[list[int]]:
    """Return of each test the bytes of its first 0, 1, 2 … images, with their rows and maps."""
    costs = []
    for number, test in enumerate(data["tests"]):
        found = [size(image) + 1 for image in test["images"]]
        for cell in data["cells"]:
            if cell["test"] == number:
                found = [cost + _cost(cell, at) for at, cost in enumerate(found)]
        costs.append(list(accumulate(found, initial=0)))
    return costs


def _cost(cell: Data, at: int) -> int:
    """Return the bytes of one image in the columns of a cell."""
    columns = [*cell["columns"].values()]
    columns += [values for found in cell["verdicts"].values() for values in found.values()]
    return sum(size(values[at]) + 1 for values in columns)


def _largest(costs: list[list[int]], rest: int, most: int) -> int:
    """Return how many images of each test fit, at most.

    >>> _largest([[0, 10, 20], [0, 5]], 20, 2)
    1
    """
    keep = most
    while keep and _total(costs, keep) > rest:
        keep -= 1
    return keep


def _total(costs: list[list[int]], keep: int) -> int:
    return sum(of_test[min(keep, len(of_test) - 1)] for of_test in costs)


def _drop_maps(data: Data, name: str, rest: int, keep: int) -> None:
    """Take maps of the last cells out until ``keep`` images of each test fit, or none has any.

    ``name`` is that of their column.
    """
    total = _total(_costs(data), keep)
    for cell in reversed(data["cells"]):
        if total <= rest:
            return
        maps = cell["columns"].pop(name, None)
        if maps:
            total -= sum(size(one) + 1 for one in maps[:keep])
            cell["cut"].append("maps" if name == "map" else name)


def _keep_images(data: Data, number: int, test: Data, keep: int) -> None:
    test["dropped"] = max(len(test["images"]) - keep, 0)
    del test["images"][keep:]
    for cell in data["cells"]:
        if cell["test"] == number:
            for values in cell["columns"].values():
                del values[keep:]
            for found in cell["verdicts"].values():
                for values in found.values():
                    del values[keep:]


def _drop_curves(data: Data, budget: int) -> None:
    """Take the counts by threshold of the last cells out until the whole fits, or none has any."""
    total = size(data)
    for cell in reversed(data["cells"]):
        if total <= budget:
            return
        if cell["curves"]:
            total -= size(cell["curves"]) - 2
            cell["curves"] = {}
            cell["cut"].append("counts")
