"""The oracle finds what is planted, and passes what is right."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from faults.command import Commands
from faults.comparison import leftovers, require_equal, stored_values
from faults.explore import KEPT, NAMES, Case, Target
from faults.killing import Kill
from faults.studies import TO_RUN
from faults.values import ODD, as_json, as_toml
from faults.verdict import FaultError, require_good_end, require_told_failures


@pytest.mark.parametrize(
    ("call", "signature"),
    [
        ("crash", "traceback: faults/planted.py:crash IndexError"),
        ("hang", "hang"),
        ("grow", "memory"),
        ("swell", "traceback: faults/planted.py:swell MemoryError"),
        ("say_nothing", "exit code 2 without a message"),
        ("steer", "control character '\\x1b' on stdout"),
        ("swallow", "text read as markup on stdout"),
        ("leave", "processes that outlive their run"),
        ("abort", "killed by signal 6"),
    ],
)
def test_planted_faults_are_found(
    commands: Commands, tmp_path: Path, call: str, signature: str
) -> None:
    options = {"limit_s": 0.5 if call == "hang" else 20, "grace_s": 0.2}
    done = commands.run(folder=tmp_path, call=f"faults.planted:{call}", **options)
    with pytest.raises(FaultError) as found:
        require_good_end(done)
    assert found.value.signature.startswith(signature)


def test_what_is_right_passes(commands: Commands, tmp_path: Path) -> None:
    require_good_end(commands.run(folder=tmp_path, call="faults.planted:end_well"))


def test_a_step_that_fails_by_a_bug_is_found(tmp_path: Path) -> None:
    steps = tmp_path / "runs" / "small" / "steps.jsonl"
    steps.parent.mkdir(parents=True)
    for error in (None, "the image is truncated", "BrokenProcessPool: a worker died"):
        steps.write_text(json.dumps({"error": error} if error else {}) + "\n", encoding="utf-8")
        require_told_failures(tmp_path / "runs")
    steps.write_text('{"error": "KeyError: 3"}\n', encoding="utf-8")
    with pytest.raises(FaultError, match="failure that is a bug"):
        require_told_failures(tmp_path / "runs")


def test_a_run_dies_where_it_is_told_to(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(as_toml(TO_RUN), encoding="utf-8")
    for at, code in ((0, 0), (20, -9)):
        kill = Kill(str(tmp_path / "runs"), str(tmp_path / f"counter{at}"), at)
        done = commands.run("run", "spec.toml", folder=tmp_path, environment=kill.environment)
        assert done.code == code, done.err
        assert kill.hit is bool(at)
        assert kill.counted == at or (not at and kill.counted > 50)


def test_changed_values_are_told_from_left_files(tmp_path: Path) -> None:
    store = tmp_path / "store" / "judge" / "0"
    store.mkdir(parents=True)
    pq.write_table(pa.table({"valid": [True, False]}), store / "rows.parquet")
    (store / "manifest.json").write_text('{"seconds": 1, "digest": "x", "facts": {}}')
    before = stored_values(tmp_path)
    (store / "manifest.json").write_text('{"seconds": 2, "digest": "y", "facts": {}}')
    require_equal(stored_values(tmp_path), before, "the store")
    pq.write_table(pa.table({"valid": [True, True]}), store / "rows.parquet")
    after = stored_values(tmp_path)
    with pytest.raises(FaultError, match=r"silent change of the store: judge/0/rows\.parquet"):
        require_equal(after, before, "the store")
    require_equal(after, before, "the store", untouched=after)
    (store / ".rows.parquet.part").touch()
    with pytest.raises(FaultError, match="left over in the store"):
        require_equal(stored_values(tmp_path), after, "the store")


def test_files_beside_those_of_a_run_are_left_over(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    for name in ("run.json", "steps.jsonl", ".run.json.part"):
        (tmp_path / "small" / name).touch()
    assert leftovers(tmp_path) == ["small/.run.json.part"]


def test_odd_values_can_be_written_down() -> None:
    for odd in ODD.values():
        as_json({"x": odd})
        as_toml({"x": odd})


def test_a_fault_is_told_with_its_smallest_case_and_how_to_do_it_again() -> None:
    def check(case: Case) -> None:
        if case["x"] > 100:
            raise FaultError("too large", str(case["x"]))

    cases = st.fixed_dictionaries({"x": st.integers(0, 9999)})
    with pytest.raises(
        FaultError, match=r"""again: make fuzz CASE='\{"target": "planted", "x"""
    ) as e:
        Target("planted", cases, check).explore(50)
    assert e.value.signature == "1 faults"


def test_kept_cases_are_of_targets() -> None:
    lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else []
    assert {json.loads(line)["target"] for line in lines} <= set(NAMES)
