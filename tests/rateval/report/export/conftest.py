"""A real run to export, and one whose labels are hostile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import rateval
from rateval.cli.main import main
from rateval.records.run import RunRecord, load

SPEC = """
[study]
name = "exported"
[[dataset]]
name = "biased"
use = "shapes"
train_size = 60
test_size = 60
[[model]]
use = "clip"
[[finetune]]
use = "zs"
[[finetune]]
use = "lp"
epochs = 3
[[evidence]]
use = "relevance-mass"
[[evidence]]
use = "counterfactual"
[counterfactual]
donors = 2
[report]
pictures = 20
[run]
device = "cpu"
"""
HOSTILE = '=cmd|"x"!A1 & 50% of $a_b#{c}~^\\ *b* <i> `d` [e](f)\n\x1b[31m'
"""A label that tries to be a formula, LaTeX, Markdown, HTML, two lines, and a colour."""


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """A run of 60 images, two methods, two validators, pictures of 20 images."""
    folder: Path = tmp_path_factory.mktemp("exported")
    (folder / "spec.toml").write_text(SPEC + f'output = "{folder}/runs"\n')
    return load(rateval.run(folder / "spec.toml").path)


@pytest.fixture(scope="session")
def hostile(run: RunRecord) -> RunRecord:
    """The same run, whose trained method and whose dataset have a hostile name."""
    text = run.model_dump_json()
    for label in ("lp", "biased"):
        text = text.replace(json.dumps(label), json.dumps(HOSTILE + label))
    record = RunRecord.model_validate_json(text)
    record._path = run.path
    return record


@pytest.fixture
def export(
    run: RunRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Return a function that exports the run and returns code, output and what was said."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["export", str(run.path), *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call
