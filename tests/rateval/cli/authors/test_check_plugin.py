from __future__ import annotations

import json
from pathlib import Path

import pytest

from rateval.cli.main import main


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "seen", "--kind", "metric"]) == 0
    return tmp_path / "rateval-seen"


def test_a_plugin_that_keeps_its_promises(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-plugin", str(plugin), "--no-types"]) == 0
    said = capsys.readouterr().out
    assert "rateval-seen 0.1.0: needs 1.0; this is 1.0" in said
    assert "start-up: rateval_seen.plugin " in said
    assert "metric seen-metric: kept" in said
    assert "0 broken promises; 1 of 1 components tried: kept" in said


def test_what_is_broken_in_json(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = plugin.glob("src/*/metric.py")
    file.write_text(file.read_text().replace('"RR/N"', '" much too long a label"'))
    capsys.readouterr()
    assert main(["check-plugin", str(plugin), "--no-types", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "broken"
    (broken,) = told["components"][0]["broken"]
    assert broken["must"] == "be a heading of 1 to 12 characters"
    assert broken["line"].startswith("rateval/api/protocols.py:")


def test_params_are_read_as_json_or_text(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check-plugin", str(plugin), "--no-types", "--with"]
    assert main([*words, "seen-metric.least=2"]) == 0
    assert main([*words, "seen-metric.least=many"]) == 4
    assert "give it by --with seen-metric.least=VALUE" in capsys.readouterr().out
    assert main([*words, "other.least=2"]) == 2
    assert "it has seen-metric" in capsys.readouterr().err


def test_what_a_plugin_prints_is_a_fault_and_no_part_of_the_report(
    plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = plugin.glob("src/*/plugin.py")
    file.write_text(file.read_text() + 'print("good morning")\n')
    capsys.readouterr()
    assert main(["check-plugin", str(plugin), "--no-types", "--json"]) == 3
    (broken,) = json.loads(capsys.readouterr().out)["broken"]
    assert broken["must"].startswith("print nothing when it is imported")
    assert broken["got"] == "'good morning'"


def test_what_is_raised_at_import_is_placed(
    plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = plugin.glob("src/*/plugin.py")
    file.write_text("1 / 0\n" + file.read_text())
    assert main(["check-plugin", str(plugin), "--no-types"]) == 3
    assert f"ZeroDivisionError: division by zero ({file}:1)" in capsys.readouterr().out


def test_a_component_in_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "seen", "--kind", "metric", "--in-place", "seen.py"]) == 0
    words = ["check-plugin", "./seen.py:make", "--kind", "metric"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "metric make: kept" in said
    assert "types were not checked: mypy --strict ./seen.py does that" in said
    assert main([*words, "--with", "make.least=many"]) == 4
    file = tmp_path / "seen.py"
    file.write_text(file.read_text().replace('"RR/N"', "3"))
    assert main(["check-plugin", "seen.py", "--kind", "metric"]) == 3
    assert "Metric.label must be a heading" in capsys.readouterr().out
    assert main(["check-plugin", "seen.py", "--kind", "shift"]) == 3
    said = capsys.readouterr().out
    assert "Shift: SeenMetric must offer apply; got no apply" in said
    assert "rateval/api/protocols.py:" in said


def test_what_can_not_be_a_file_is_said(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, complaint in (
        (["seen.py"], "give it by --kind, such as --kind metric"),
        (["seen.py", "--kind", "metric"], "seen.py: there is no such file"),
        ([str(plugin), "--kind", "metric"], "--kind is for a Python file"),
    ):
        assert main(["check-plugin", *words]) == 2
        assert complaint in capsys.readouterr().err
