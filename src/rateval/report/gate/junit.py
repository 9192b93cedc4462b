"""What a gate decided, as JUnit's XML: what build servers read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from rateval.records.gate import CheckRecord, GateRecord
from rateval.report.gate.words import (
    sum_up,
    write_interval,
    write_needed,
    write_reason,
    write_rule,
    write_value,
)
from rateval.wording import show_controls

_NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 can't hold, escaped or not."""


def write_junit(record: GateRecord, started: str, seconds: float) -> str:
    """Return a suite with a case for each check; an undecided one is an error.

    So it is as red as a failure, and told from it. ``started`` and ``seconds`` are the run's.
    """
    told = {"run": record.run, "against": record.against, "outcome": record.outcome}
    cases = [_make_case(record, check) for check in record.checks]
    counts = len(cases), record.count("failed"), record.count("undecided")
    suite = Suite("rateval gate", record.study, started, seconds, told)
    return write_suite(suite, cases, counts, sum_up(record))


@dataclass(frozen=True, slots=True)
class Suite:
    """What a suite says of itself."""

    tool: str
    name: str
    started: str
    """In ISO 8601."""
    seconds: float
    properties: Mapping[str, str | None]


def write_suite(
    suite: Suite, cases: Sequence[Element], counts: tuple[int, int, int], said: str
) -> str:
    """Return the file of one suite; ``counts`` are its tests, failures and errors."""
    numbers = {
        "tests": str(counts[0]),
        "failures": str(counts[1]),
        "errors": str(counts[2]),
        "time": f"{suite.seconds:.3f}",
    }
    suites = Element("testsuites", {"name": suite.tool} | numbers)
    named = {
        "name": plain(suite.name),
        "skipped": "0",
        "timestamp": re.sub(r"(\+00:00|Z)$", "", suite.started),
        "hostname": "localhost",
    }
    inner = SubElement(suites, "testsuite", named | numbers)
    properties = SubElement(inner, "properties")
    for name, value in suite.properties.items():
        if value is not None:
            SubElement(properties, "property", name=name, value=plain(value))
    inner.extend(cases)
    SubElement(inner, "system-out").text = plain(said)
    SubElement(inner, "system-err").text = ""
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def make_case(group: str, name: str, seconds: float = 0.0) -> Element:
    """Return a case that passed, to which what went wrong may be added."""
    return Element("testcase", classname=plain(group), name=plain(name), time=f"{seconds:.3f}")


def _make_case(record: GateRecord, check: CheckRecord) -> Element:
    case = make_case(f"{record.study}.{check.cell}", f"{check.metric} {write_rule(check)}")
    if check.outcome == "passed":
        return case
    reason = " ".join(filter(None, (write_reason(check), check.told)))
    element = "failure" if check.outcome == "failed" else "error"
    bad = SubElement(case, element, message=plain(reason), type=check.outcome)
    lines = {
        "value": write_value(check),
        "interval": write_interval(check),
        "worst": check.at,
        "against": check.against,
        "would decide": write_needed(check),
    }
    bad.text = "".join(f"\n{name}: {plain(text)}" for name, text in lines.items() if text) + "\n"
    return case


def plain(text: str) -> str:
    """Return text with nothing in it that XML can't hold, nor a control character."""
    return _NEVER.sub("\N{REPLACEMENT CHARACTER}", show_controls(text))
