"""What a gate decided in JUnit's XML and in Markdown, whatever the names hold."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from rateval.console import Console
from rateval.records.gate import CheckRecord, GateRecord, Outcome
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.step import FailureRecord
from rateval.report.export.junit import write_cells
from rateval.report.export.selecting import Selection
from rateval.report.gate.junit import write_junit
from rateval.report.gate.markdown import code, write_markdown
from rateval.report.gate.terminal import render_gate
from rateval.report.gate.words import sum_up, write_rule

HOSTILE = "a|b`c``<b>&\"']]> @team #1 \x1b[31m\n\ufffe ![x](http://x) \u202e"

# What the schemas that go round for JUnit's reports have in common, of what is used here.
SCHEMA = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:complexType name="bad"><xs:simpleContent><xs:extension base="xs:string">
    <xs:attribute name="message" type="xs:string"/>
    <xs:attribute name="type" type="xs:string" use="required"/>
  </xs:extension></xs:simpleContent></xs:complexType>
  <xs:attributeGroup name="counts">
    <xs:attribute name="name" type="xs:string" use="required"/>
    <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="failures" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="errors" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="time" type="xs:decimal" use="required"/>
  </xs:attributeGroup>
  <xs:element name="testsuites"><xs:complexType>
    <xs:sequence><xs:element name="testsuite" maxOccurs="unbounded"><xs:complexType>
      <xs:sequence>
        <xs:element name="properties"><xs:complexType><xs:sequence>
          <xs:element name="property" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
            <xs:attribute name="name" type="xs:string" use="required"/>
            <xs:attribute name="value" type="xs:string" use="required"/>
          </xs:complexType></xs:element>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
          <xs:choice minOccurs="0">
            <xs:element name="error" type="bad"/>
            <xs:element name="failure" type="bad"/>
          </xs:choice>
          <xs:attribute name="name" type="xs:string" use="required"/>
          <xs:attribute name="classname" type="xs:string" use="required"/>
          <xs:attribute name="time" type="xs:decimal" use="required"/>
        </xs:complexType></xs:element>
        <xs:element name="system-out" type="xs:string"/>
        <xs:element name="system-err" type="xs:string"/>
      </xs:sequence>
      <xs:attributeGroup ref="counts"/>
      <xs:attribute name="skipped" type="xs:nonNegativeInteger"/>
      <xs:attribute name="timestamp" use="required"><xs:simpleType>
        <xs:restriction base="xs:dateTime">
          <xs:pattern value="[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"/>
        </xs:restriction>
      </xs:simpleType></xs:attribute>
      <xs:attribute name="hostname" type="xs:token" use="required"/>
    </xs:complexType></xs:element></xs:sequence>
    <xs:attributeGroup ref="counts"/>
  </xs:complexType></xs:element>
</xs:schema>
"""


def verdict(name: str = "ft") -> GateRecord:
    key = Key(dataset=name, model="m", finetuner=name, attribution="a")

    def check(number: int, outcome: Outcome, **more: Any) -> CheckRecord:
        return CheckRecord(
            requirement=number,
            metric=name,
            rule="at_least",
            bound=0.8,
            worst=None,
            key=key,
            cell=key.text(),
            outcome=outcome,
            why="the interval reaches over the bound",
            **more,
        )

    return GateRecord(
        outcome="failed",
        study=name,
        run=name,
        against=name,
        decide="interval",
        level=0.95,
        checks=(
            check(0, "passed", value=0.9, low=0.85, high=0.95),
            check(1, "failed", value=0.5, low=0.4, high=0.6, at=name),
            check(2, "undecided", told=name, images=1234),
        ),
    )


@pytest.mark.parametrize("name", ["ft", HOSTILE])
def test_the_xml_keeps_to_the_schema(name: str) -> None:
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.fromstring(SCHEMA))
    text = write_junit(verdict(name), "2026-01-01T12:00:00+00:00", 12.5)
    suites = etree.fromstring(text.encode())
    schema.assertValid(suites)
    outcomes = [[child.tag for child in case] for case in suites.iter("testcase")]
    assert outcomes == [[], ["failure"], ["error"]]
    broken = etree.fromstring(text.replace("<properties>", "<property/><properties>").encode())
    assert not schema.validate(broken)


@pytest.mark.parametrize("name", ["ft", HOSTILE])
def test_cells_in_xml_keep_to_the_schema(name: str) -> None:
    etree = pytest.importorskip("lxml.etree")
    keys = [Key(dataset=name, model="m", finetuner=f, attribution="a") for f in (name, "b", "c")]
    failed = FailureRecord(stage="infer", label=name, error=name, cells=(keys[1],))
    alone = FailureRecord(stage="pictures", label=name, error="ValueError: no", cells=(keys[0],))
    whole: Any = RunRecord
    part: Any = CellRecord
    record = whole.model_construct(
        study=name,
        started="2026-01-01T12:00:00+00:00",
        seconds=12.5,
        error=None,
        planned=tuple(keys),
        cells=(part.model_construct(key=keys[0]),),
        failures=(failed, alone),
        seeds=(),
    )
    record._path = Path("runs/one")
    (text,) = write_cells(Selection(record, frozenset(), ()))
    suites = etree.fromstring(text.encode())
    etree.XMLSchema(etree.fromstring(SCHEMA)).assertValid(suites)
    outcomes = [[child.tag for child in case] for case in suites.iter("testcase")]
    assert outcomes == [[], ["error"], ["error"], ["error"]]
    assert [suites.get(count) for count in ("tests", "failures", "errors")] == ["4", "0", "3"]
    missing = next(case for case in suites.iter("testcase") if "m · c" in case.get("name"))
    assert missing[0].get("message") == "the run ended before this cell"


def test_names_are_text_in_markdown() -> None:
    text = write_markdown(verdict(HOSTILE))
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 3
    for line in table:
        # A bar within code is escaped; those that are not part cells.
        assert len(re.findall(r"(?<!\\)\|", line)) == 8
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not set("<@`[\x1b\u202e") & set(outside)
    assert "1,234 images" in text


@pytest.mark.parametrize("text", ["plain", "a`b", "``", "`x", "|", "\\|", ""])
def test_code_holds_any_text(text: str) -> None:
    written = code(text)
    fence = re.match("`+", written)
    assert fence is not None
    inner = written[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall("`+", inner)
    assert inner.strip().replace("\\|", "|") == text.strip()


def test_the_outcome_in_one_line() -> None:
    assert sum_up(verdict()) == "failed: 1 passed, 1 failed, 1 undecided of 3"


def test_what_rows_share_is_said_once_at_80_columns() -> None:
    lacking = (
        verdict()
        .checks[-1]
        .model_copy(
            update={"outcome": "undecided", "why": "the run has no such metric", "images": None}
        )
    )
    slow = lacking.model_copy(update={"cell": "clip · ft on un, gaussian_noise 4", "times": 496.3})
    other = lacking.model_copy(update={"why": "it failed"})
    passed = lacking.model_copy(update={"outcome": "passed"})
    checks = (lacking, slow, passed, lacking, other)
    record = verdict().model_copy(update={"checks": checks})
    console = Console(width=80, file=StringIO())
    console.print(render_gate(record))
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"^1–2 undecided +.*, 2 cells: the run has no such metric", text, re.M)
    assert re.search(r"^4 undecided ", text, re.M)
    assert re.search(r"^5 undecided +.*: it failed", text, re.M)
    assert re.search(r"496 × seeds\n.* and images", text)
    assert "gaussian_noise 4" in " ".join(text.split())


def test_one_point_is_one() -> None:
    check = verdict().checks[-1].model_copy(update={"rule": "drop_at_most"})
    said = [write_rule(check.model_copy(update={"bound": bound})) for bound in (0.01, 0.02)]
    assert said == ["drop ≤ 1 point", "drop ≤ 2 points"]
