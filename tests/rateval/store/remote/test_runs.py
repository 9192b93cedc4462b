"""Runs whose output is a URL: the same as local ones, and read from any computer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.cli.main import main
from rateval.errors import RatevalError, StudyError
from rateval.records.run import RunRecord, load
from rateval.store.remote.buckets import Bucket, open_objects
from rateval.store.remote.mirror import local_folder
from rateval.store.remote.objects import Folder
from rateval.store.remote.runs import claim

from .conftest import Computer


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 2, "lr": 0.01, "batch_size": 8}],
        "run": {"device": "cpu", "batch_size": 5},
    } | changes


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def computed(record: RunRecord) -> list[str]:
    return [f"{stage.stage} {stage.label}" for stage in record.stages if not stage.reused]


@pytest.mark.parametrize("url", ["memory", "s3"], indirect=True)
def test_a_run_behind_a_url_equals_a_local_one(url: str, computer: Computer) -> None:
    local = rateval.run(spec(), output="runs")
    made = rateval.run(spec(), output=url)
    assert made.place.startswith(f"{url}/tiny-")
    assert made.spec_resolved["run"]["output"] == url
    identities = [(stage.stage, stage.identity) for stage in local.stages]
    assert [(stage.stage, stage.identity) for stage in made.stages] == identities
    assert made.cells == local.cells
    assert len(made.cells) == 2

    computer.become("second")
    loaded = rateval.load(made.place)
    assert loaded == made
    assert loaded.place == made.place
    for mine, theirs in zip(local.cells, loaded.cells, strict=True):
        assert loaded.rows(theirs).equals(local.rows(mine))
        assert (loaded.relevance(theirs) == local.relevance(mine)).all()
        assert loaded.classes(theirs).equals(local.classes(mine))
        assert loaded.thresholds(theirs).equals(local.thresholds(mine))
        assert (loaded.classifier_folder(theirs) / "manifest.json").is_file()

    again = rateval.run(spec(), output=url)
    assert [one for one in computed(again) if not one.startswith("load")] == []
    assert again.cells == local.cells
    assert again.comparisons == local.comparisons


@pytest.mark.parametrize("url", ["file"], indirect=True)
def test_commands_read_runs_by_their_urls(
    url: str, computer: Computer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = rateval.run(spec(finetune=[{"use": "zs"}]), output=url).place
    computer.become("second")
    assert main(["report", f"{run}/run.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["study"] == "tiny"
    assert main(["report", run, "--plain"]) == 0
    told = "".join(capsys.readouterr().out.split())  # lines break where the terminal ends
    assert f"ratevalreport{run}" in told
    assert f"{url}/store" in told
    assert main(["compare", run, run]) == 0
    assert main(["gate", run, "--require", "accuracy>=0.01", "--decide", "value"]) == 0
    assert main(["gate", run, "--require", "accuracy drop<=0.9", "--against", run]) == 0
    assert main(["export", run, "--format", "csv", "--what", "rows", "--output", "rows.csv"]) == 0
    assert len((tmp_path / "rows.csv").read_text().splitlines()) > 2
    assert main(["score", run, "--threshold", "0.3", "-q"]) == 0
    capsys.readouterr()
    runs = [name for name in open_objects(url).list("") if name.startswith("tiny-")]
    assert len(runs) == 2
    scored = load(f"{url}/{runs[-1]}")
    assert scored.parent is not None
    assert scored.parent.path == run
    assert scored.command.startswith(f"rateval score {run} ")


@pytest.mark.parametrize("url", ["memory"], indirect=True)
def test_a_run_is_seen_from_elsewhere_while_it_goes_on(
    url: str, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rateval.engine.runner import Runner

    seen: list[RunRecord] = []
    work = Runner._work

    def look(self: Runner) -> None:
        computer.become("second")
        seen.append(load(f"{url}/{self._account.journal.folder.name}"))
        computer.become("first")
        assert any(name.endswith(".run") for name in open_objects(url).list("store/.locks"))
        work(self)

    monkeypatch.setattr(Runner, "_work", look)
    record = rateval.run(spec(finetune=[{"use": "zs"}]), output=url)
    assert (seen[0].status, record.status) == ("running", "finished")
    assert open_objects(url).list("store/.locks") == []
    # The line of each step is there as well.
    name = f"{record.path.name}/steps.jsonl"
    assert open_objects(url).read(name) == (record.path / "steps.jsonl").read_bytes()


def test_a_name_is_taken_once(url: str, computer: Computer) -> None:
    assert claim(local_folder(url) / "run")
    computer.become("second")
    assert not claim(local_folder(url) / "run")
    assert claim(local_folder(url) / "other")


def test_a_run_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(RatevalError, match="holds no run that can be read; give the URL"):
        load(f"{url}/nothing")
    open_objects(url).write("tiny-20260101-000000/run.json", b"{}")
    with pytest.raises(RatevalError, match=r"holds no run that can be read; .* has tiny-"):
        load(f"{url}/nothing")


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_a_place_that_refuses_ends_the_run_and_the_next_one_goes_on(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rateval.store.remote.objects import asking

    kinds = {Folder: Folder.upload, Bucket: Bucket.upload}

    def refuse(self: Any, path: Path, key: str) -> None:
        with asking(self.name(key), writing=True):
            if "/infer/" in key:
                raise ConnectionError("Connection reset by peer")
            kinds[type(self)](self, path, key)  # type: ignore[operator]

    for kind in kinds:
        monkeypatch.setattr(kind, "upload", refuse)
    with pytest.raises(StudyError, match=r"/infer/.*Connection reset by peer; look at") as caught:
        rateval.run(spec(finetune=[{"use": "zs"}]), output=url)
    assert "\n" not in str(caught.value)
    for kind, upload in kinds.items():
        monkeypatch.setattr(kind, "upload", upload)
    record = rateval.run(spec(finetune=[{"use": "zs"}]), output=url)
    assert record.status == "finished"
    stored = {(one.stage, one.identity) for one in record.stages if one.stage != "load"}
    for stage, identity in stored:
        assert open_objects(url).size(f"store/{stage}/{identity}/manifest.json")


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("s4://bucket/runs", "is of a kind that is not known here; URLs begin with s3://"),
        ("s3:/bucket/runs", 'lacks a slash; write "s3://bucket/runs"'),
        ("s3://", 'names no folder; write "s3://bucket/folder"'),
        ("file://server/runs", 'write three slashes: "file:///server/runs"'),
        ("file://localhost/runs", 'write three slashes: "file:///runs"'),
        ("file:/runs", 'lacks a slash; write "file:///runs"'),
        ("s3://bucket/../runs", 'holds ".." or an empty part'),
        ("gs://bucket/runs", "needs gcsfs, which isn't installed: pip install 'rateval[gcs]'"),
    ],
)
def test_a_url_that_can_not_be_used_is_told_before_anything_is_done(
    output: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rateval.store.remote.urls.find_spec", lambda name: None if name == "gcsfs" else object()
    )
    with pytest.raises(RatevalError) as caught:
        rateval.run(spec(), output=output)
    assert f'run(…, output) = "{output}": ' in str(caught.value)
    assert told in str(caught.value)
    with pytest.raises(RatevalError):
        load(f"{output}/run")


def test_what_is_no_place_at_all_is_told_as_ever() -> None:
    with pytest.raises(RatevalError, match=r'output.*= 5: .*write it in quotes: "5"'):
        rateval.run(spec(), output=5)


def test_a_server_that_is_not_there_is_a_sentence(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StudyError, match="does not exist"):
        rateval.run(spec(), output="s3://no-such-bucket-here/runs")
