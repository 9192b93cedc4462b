"""A gate in a test: what a run has to show, as an assertion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from rateval.console import Console
from rateval.records.gate import GateRecord
from rateval.records.run import RunRecord, load
from rateval.registry.discovery import discover
from rateval.report.gate.terminal import render_gate
from rateval.scoring.gate.gate import judge_run
from rateval.spec.gating import Given, read_gate


def assert_gate(
    run: RunRecord | str | Path,
    file: str | Path | None = None,
    *,
    require: Sequence[str] = (),
    against: str | Path | None = None,
    only: Mapping[str, str] | None = None,
) -> GateRecord:
    """Return what a gate decided of a run where it passed; else fail with its table.

    ``run`` is a record or a run's folder; ``file`` TOML with a ``[gate]``, that of the run's spec
    when None; ``require`` are more requirements, such as ``"accuracy>=0.80"``; ``against`` takes
    the place of the file's; ``only`` narrows all by labels, such as ``{"dataset": "biased"}``.
    Raises AssertionError where the gate failed or is undecided, and RatevalError for what is wrong
    with what was asked.
    """
    record = run if isinstance(run, RunRecord) else load(run)
    given = Given(
        require=tuple(require),
        against=None if against is None else str(against),
        only=dict(only or {}),
    )
    table: dict[str, Any] | None = record.spec_resolved.get("gate")
    gate = read_gate(None if file is None else Path(file), table, given)
    verdict = judge_run(record, gate, discover())
    if verdict.outcome != "passed":
        raise AssertionError(f"\n{_write_plain(verdict)}")
    return verdict


def _write_plain(verdict: GateRecord) -> str:
    written = StringIO()
    Console(plain=True, file=written, width=120).print(render_gate(verdict), crop=False)
    return written.getvalue()
