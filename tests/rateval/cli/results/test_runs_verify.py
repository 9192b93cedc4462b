"""``rateval runs verify``: what is damaged or gone is found, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package
from rateval.records.run import RunRecord

Rateval = Callable[..., Any]


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def verified(rateval: Rateval, *words: str) -> tuple[int, dict[str, Any]]:
    done = rateval("runs", "verify", "-q", "--json", *words)
    return done.code, json.loads(done.out)


def test_a_whole_run(rateval: Rateval, small: RunRecord) -> None:
    code, found = verified(rateval)
    files = [path for path in Path("runs/store").rglob("*") if path.is_file()]
    content = [p for p in files if p.name != "manifest.json" and "view" not in p.parts]
    assert (code, found["whole"], found["runs"], found["flaws"]) == (0, True, 1, [])
    assert (found["files"], found["bytes"]) == (
        len(content),
        sum(p.stat().st_size for p in content),
    )
    stored = [one for one in small.stages if one.stage != "load"]
    assert found["results"] == len(stored)
    done = rateval("runs", "verify", str(small.path))
    assert (done.code, "all as it was stored" in done.out) == (0, True)


def test_a_damaged_byte_a_lost_file_and_a_lost_result_are_found(
    rateval: Rateval, small: RunRecord
) -> None:
    (cell,) = small.cells
    rows = Path("runs/store/infer") / cell.identity / "rows.parquet"
    flip(rows)
    (evidence,) = cell.evidence
    verdicts = Path("runs/store/judge") / evidence.identity / "rows.parquet"
    verdicts.unlink()
    gone = Path("runs/store/thresholds") / str(evidence.curves)
    shutil.rmtree(gone)
    code, found = verified(rateval)
    flaws = {flaw["path"]: flaw for flaw in found["flaws"]}
    assert code == 1
    assert {path: flaw["what"] for path, flaw in flaws.items()} == {
        str(rows): "was changed since it was stored",
        str(verdicts): "is missing",
        str(gone): "is gone",
    }
    assert all(flaw["runs"] == [small.path.name] for flaw in flaws.values())
    assert f"rateval runs resume {small.path} --again" in flaws[str(gone)]["advice"]
    assert f"delete {rows.parent}, then" in flaws[str(rows)]["advice"]
    done = rateval("runs", "verify")
    assert done.code == 1
    assert "3 things damaged or gone" in done.out
    # What is told to do mends it.
    for path in (rows, verdicts):
        shutil.rmtree(path.parent)
    assert rateval("runs", "resume", str(small.path), "--again", "-q").code == 0
    assert verified(rateval, "--all")[0] == 0


def test_a_manifest_that_was_changed_or_moved_is_found(rateval: Rateval, small: RunRecord) -> None:
    (cell,) = small.cells
    manifest = Path("runs/store/infer") / cell.identity / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seconds"', '"second"'))
    assert [flaw["path"] for flaw in verified(rateval)[1]["flaws"]] == [str(manifest)]
    (evidence,) = cell.evidence
    judged = Path("runs/store/judge") / evidence.identity
    shutil.rmtree(manifest.parent)
    shutil.copytree(judged, manifest.parent)
    (flaw,) = verified(rateval)[1]["flaws"]
    assert (flaw["path"], flaw["what"]) == (str(manifest.parent), "holds another result")


def test_a_record_that_cannot_be_read_is_told_and_the_others_are_verified(
    rateval: Rateval, small: RunRecord
) -> None:
    broken = Path("runs/small-broken")
    shutil.copytree(small.path, broken)
    (broken / "run.json").write_text('{"format": 6')
    code, found = verified(rateval, "--all")
    assert (code, found["runs"]) == (1, 2)
    (flaw,) = found["flaws"]
    assert flaw["path"] == str(broken / "run.json")
    assert f"rateval run {broken / 'spec.toml'} --output runs" in flaw["advice"]
    assert found["results"] > 0


def test_what_a_scored_run_left_in_the_store_of_its_parent_is_not_missed(
    rateval: Rateval, small: RunRecord
) -> None:
    made = package.score(small.path, threshold=0.9, into="elsewhere")
    assert verified(rateval, str(made.path))[0] == 0
    assert verified(rateval, "--all", "--output", "elsewhere")[0] == 0


def test_of_a_dead_run_is_verified_what_it_has(rateval: Rateval, killed: Path) -> None:
    assert verified(rateval, str(killed))[0] == 0


@pytest.mark.parametrize(
    "words", [["nowhere"], ["--all", "runs/x"], ["--output", "nowhere"], ["--al1"]]
)
def test_what_is_asked_for_wrongly(rateval: Rateval, words: list[str]) -> None:
    done = rateval("runs", "verify", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err
