"""A study with corruptions, as a user runs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rateval
from rateval.cli.main import main

SPEC = """
[study]
name = "corrupted"

[[dataset]]
use = "shapes"
train_size = 20
test_size = 24

[[model]]
use = "clip"

[[finetune]]
use = "zs"

[[attribution]]
use = "generic-attention"

[[evidence]]
use = "relevance-mass"

[[shift]]
use = "corruption"
name = "noise"
type = "gaussian_noise"
severity = 5

[[shift]]
use = "corruption"
name = "elastic"
type = "elastic_transform"
severity = 2
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)
    return path


def test_a_run_has_cells_of_both(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(spec)]) == 0
    assert "elastic" in capsys.readouterr().out
    (run,) = Path("runs").glob("*/run.json")
    record = rateval.load(run)
    assert [str(cell.key.shift) for cell in record.cells] == [
        "None",
        "noise gaussian_noise 5",
        "elastic elastic_transform 2",
    ]
    rows = [record.rows(cell)["probabilities"].to_pylist() for cell in record.cells]
    assert rows[0] != rows[1]
    assert rows[0] != rows[2]
    assert {cell.classifier for cell in record.cells} == {record.cells[0].classifier}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            'type = "gaussian_noise"',
            'type = "gausian_noise"',
            "shift[0].type = 'gausian_noise': must be 'gaussian_noise'",
        ),
        (
            'type = "gaussian_noise"',
            'type = "gausian_noise"',
            "saturate); did you mean 'gaussian_noise'?; see rateval show shift corruption",
        ),
        (
            'type = "gaussian_noise"',
            "type = []",
            "shift[0].type = []: is empty, and would leave no shift; give it a type",
        ),
        (
            "severity = 5",
            "severity = [1, 0]",
            "shift[0].severity[1] = 0: must be greater than or equal to 1",
        ),
        (
            "severity = 5",
            'severity = "high"',
            "shift[0].severity = 'high': must be a valid integer (1, the weakest, to 5)",
        ),
        (
            "severity = 5",
            "severity = [5, 5]",
            "shift[0].severity = [5, 5]: names 5 more than once; name each severity once",
        ),
        (
            "severity = 5",
            "severity = 6",
            "shift[0].severity = 6: must be less than or equal to 5",
        ),
        (
            "severity = 5",
            'severity = 5\nas = "imagenet"',
            "shift[0].as = 'imagenet': must be 'any' or 'imagenet-c'",
        ),
        ("severity = 5", "severity = 5\nsevere = 1", "shift[0].severe: unknown key"),
    ],
)
def test_a_bad_param_is_named(
    spec: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, said: str
) -> None:
    spec.write_text(SPEC.replace(before, after))
    assert main(["validate", str(spec)]) == 2
    told = capsys.readouterr()
    text = re.sub(r"\s+", " ", told.out + told.err).replace('"', "'")
    assert said in text
