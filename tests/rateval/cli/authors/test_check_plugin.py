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
