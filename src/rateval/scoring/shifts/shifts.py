"""What a study's shifts do to its methods: changes, relative errors, orders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from rateval.records.scores.shifts import OrderRecord, ShiftsRecord
from rateval.scoring.comparing import Comparer
from rateval.scoring.judged import Judged
from rateval.scoring.shifts.changes import ShiftChanges
from rateval.scoring.shifts.grid import list_families, list_tests
from rateval.scoring.shifts.orders import Orders


def record_shifts(
    comparer: Comparer, judged: Sequence[Judged]
) -> tuple[tuple[ShiftsRecord, ...], tuple[OrderRecord, ...]]:
    """Return what shifts change of each method, and of the methods' order.

    One for each test, family and validator; over the seeds where there are several.
    """
    families = list_families(comparer.plan)
    changes, orders = ShiftChanges(comparer), Orders(comparer)
    found: list[ShiftsRecord] = []
    turned: list[OrderRecord] = []
    tests = list_tests(comparer.plan, judged)
    for test, kinds, validator in product(
        tests, families.values(), range(len(comparer.plan.validators))
    ):
        by_method = (changes.record(test, method, kinds, validator) for method in test.methods)
        found += [one for one in by_method if one is not None]
        turned += orders.record(test, kinds, validator)
    return tuple(found), tuple(turned)
