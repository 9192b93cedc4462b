from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import rateval
from rateval.cli.main import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_distribution_is_written_and_told_of(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-plugin", "eyes", "--kind", "metric", "--kind", "shift"]) == 0
    said = capsys.readouterr().out
    assert "wrote 14 files into rateval-eyes: rateval-eyes, with eyes-metric, eyes-shift" in said
    project = tomllib.loads((folder / "rateval-eyes/pyproject.toml").read_text())["project"]
    assert project["entry-points"]["rateval"] == {"eyes": "rateval_eyes.plugin"}
    assert main(["new-plugin", "eyes", "--kind", "metric"]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def test_a_file_is_used_where_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-plugin", "eyes", "--kind", "metric", "--in-place", "eyes.py"]) == 0
    assert '  [[metric]]\n  use = "./eyes.py:make"' in capsys.readouterr().out
    spec = folder / "spec.toml"
    spec.write_text(
        '[study]\nname = "x"\n[[dataset]]\nuse = "shapes"\ntest_size = 6\n[[model]]\nuse = "clip"\n'
        '[[finetune]]\nuse = "zs"\n[[metric]]\nuse = "./eyes.py:make"\nleast = 2\n'
        '[run]\ndevice = "cpu"\n'
    )
    record = rateval.run(spec)
    assert record.status == "finished"
    assert record.cells[0].evidence[0].scores[0].heading == "RR/N"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["x", "--kind", "metric", "--kind", "shift", "--in-place", "x.py"], "give one --kind"),
        (["x", "--kind", "task", "--in-place", "x.py"], "leave --in-place out"),
        (["x", "--kind", "metric", "--in-place", "x.txt"], "must be a Python file"),
        (["X", "--kind", "metric"], 'such as "x"'),
    ],
)
def test_what_can_not_be_is_said(
    words: list[str], complaint: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-plugin", *words]) == 2
    assert complaint in capsys.readouterr().err
    assert not list(folder.iterdir())
