"""What became of a run's cells, as JUnit's XML: for build servers, where no gate is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.step import FailureRecord
from rateval.report.export.selecting import Selection
from rateval.report.gate.junit import Suite, make_case, plain, write_suite


def write_cells(selection: Selection, _what: str = "") -> Iterator[str]:
    """Yield a suite with a case for each cell of the plan, whatever was selected.

    A cell that has its results passes; one that hasn't is an error, by what failed first. What
    failed and took no cell with it is a case of its own.
    """
    record = selection.record
    there = {cell.key for cell in record.cells}
    planned = list(dict.fromkeys((*record.planned, *there)))
    cases = [_make_case(record, key, key in there) for key in planned]
    bad = sum(key not in there for key in planned)
    others = [one for one in record.failures if there.issuperset(one.cells)]
    cases += [_make_failure(record, one) for one in others]
    told = {"run": record.place, "error": record.error}
    if record.error is not None and not bad and not others:
        cases.append(_add_error(make_case(record.study, "the run"), "run", record.error))
        bad = 1
    suite = Suite("rateval run", record.study, record.started, record.seconds, told)
    said = f"{len(there)} of {len(planned)} cells have their results"
    yield write_suite(suite, cases, (len(cases), 0, bad + len(others)), said)


def _make_case(record: RunRecord, key: Key, there: bool) -> Element:
    case = make_case(f"{record.study}.{key.dataset}", record.label(key))
    if there:
        return case
    causes = [one for one in record.failures if key in one.cells]
    if not causes:
        return _add_error(case, "missing", record.error or "the run ended before this cell")
    return _add_error(case, causes[0].stage, causes[0].error, causes)


def _make_failure(record: RunRecord, failed: FailureRecord) -> Element:
    case = make_case(f"{record.study}.{failed.stage}", failed.label)
    return _add_error(case, failed.stage, failed.error, [failed])


def _add_error(
    case: Element, kind: str, message: str, causes: list[FailureRecord] | None = None
) -> Element:
    error = SubElement(case, "error", message=plain(message), type=plain(kind))
    lines = (f"{one.stage} {one.label}: {one.error}" for one in causes or ())
    error.text = "".join(f"\n{plain(line)}" for line in lines) + "\n"
    return case
