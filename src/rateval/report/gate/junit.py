"""What a gate decided, as JUnit's XML: what build servers read."""

from __future__ import annotations

import re
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
    counts = {
        "tests": str(len(record.checks)),
        "failures": str(record.count("failed")),
        "errors": str(record.count("undecided")),
        "time": f"{seconds:.3f}",
    }
    suites = Element("testsuites", {"name": "rateval gate"} | counts)
    named = {
        "name": _plain(record.study),
        "skipped": "0",
        "timestamp": re.sub(r"(\+00:00|Z)$", "", started),
        "hostname": "localhost",
    }
    suite = SubElement(suites, "testsuite", named | counts)
    properties = SubElement(suite, "properties")
    told = {"run": record.run, "against": record.against, "outcome": record.outcome}
    for name, value in told.items():
        if value is not None:
            SubElement(properties, "property", name=name, value=_plain(value))
    for check in record.checks:
        _add(suite, record, check)
    SubElement(suite, "system-out").text = sum_up(record)
    SubElement(suite, "system-err").text = ""
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _add(suite: Element, record: GateRecord, check: CheckRecord) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=_plain(f"{record.study}.{check.cell}"),
        name=_plain(f"{check.metric} {write_rule(check)}"),
        time="0.000",
    )
    if check.outcome == "passed":
        return
    reason = " ".join(filter(None, (write_reason(check), check.told)))
    element = "failure" if check.outcome == "failed" else "error"
    bad = SubElement(case, element, message=_plain(reason), type=check.outcome)
    lines = {
        "value": write_value(check),
        "interval": write_interval(check),
        "worst": check.at,
        "against": check.against,
        "would decide": write_needed(check),
    }
    bad.text = "".join(f"\n{name}: {_plain(text)}" for name, text in lines.items() if text) + "\n"


def _plain(text: str) -> str:
    return _NEVER.sub("\N{REPLACEMENT CHARACTER}", show_controls(text))
