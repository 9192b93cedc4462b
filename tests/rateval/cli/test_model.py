from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rateval.checkpoints import official as checkpoints
from rateval.checkpoints.official import Checkpoint, fetch, load_checkpoints
from rateval.errors import RatevalError
from rateval.registry.discovery import discover

Rateval = Callable[..., Any]
CONTENT = b"weights " * 1000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/gone.pt":
            self.send_error(404)
            return
        self.send_response(200)
        short = self.path == "/short.pt"
        self.send_header("Content-Length", str(len(CONTENT) * (2 if short else 1)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_address[1]}"
        made.shutdown()
        thread.join()


@pytest.fixture
def row(server: str) -> Checkpoint:
    digest = hashlib.sha256(CONTENT).hexdigest()
    use = 'use = "clip"'
    return Checkpoint("mine", f"{server}/mine.pt", "mine.pt", "MIT", use, digest)


@pytest.fixture
def known(row: Checkpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Checkpoint:
    monkeypatch.setattr("rateval.cli.model.load_checkpoints", lambda: (row,))
    monkeypatch.setenv("RATEVAL_CACHE", str(tmp_path / "cache"))
    return row


def test_a_checkpoint_is_fetched_once_and_its_use_is_told(
    rateval: Rateval, known: Checkpoint, tmp_path: Path
) -> None:
    path = tmp_path / "cache" / "checkpoints" / "mine.pt"
    done = rateval("model", "fetch", "mine")
    assert done.code == 0
    assert path.read_bytes() == CONTENT
    assert f"{known.sha256} (as published)" in done.out
    assert f'in a spec [[model]] with use = "clip", pretrained = "{path}"' in done.out
    assert list(path.parent.iterdir()) == [path]
    assert f"{path} is there already" in rateval("model", "fetch", "mine").out


def test_a_dry_run_prints_address_and_path_and_fetches_nothing(
    rateval: Rateval, known: Checkpoint, tmp_path: Path
) -> None:
    done = rateval("model", "fetch", "mine", "--dry-run", "--folder", "there")
    assert done.out.split() == [
        *("from", known.address, "to", str(Path("there", "mine.pt")), "sha256", known.sha256)
    ]
    assert not Path("there").exists()


def test_a_file_that_is_another_is_not_taken_for_it(rateval: Rateval, known: Checkpoint) -> None:
    Path("mine.pt").write_bytes(b"other")
    done = rateval("model", "fetch", "mine", "--folder", ".")
    assert done.code == 2
    assert "delete it and fetch again" in done.err
    assert Path("mine.pt").read_bytes() == b"other"


def test_an_unknown_name(rateval: Rateval) -> None:
    done = rateval("model", "fetch", "albf")
    assert done.code == 2
    assert 'did you mean "albef"?' in done.err


def test_without_a_name_the_known_ones_are_listed(rateval: Rateval) -> None:
    done = rateval("model", "fetch")
    assert done.code == 0
    assert all(row.name in done.out for row in load_checkpoints())


def test_bytes_that_are_not_the_published_ones_are_not_kept(
    row: Checkpoint, tmp_path: Path
) -> None:
    wrong = replace(row, sha256="0" * 64)
    with pytest.raises(RatevalError, match="nothing was kept"):
        fetch(wrong, tmp_path / "mine.pt", lambda done, size: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"), [("gone.pt", "cannot be downloaded"), ("short.pt", "broke off")]
)
def test_a_download_that_fails(
    row: Checkpoint, server: str, tmp_path: Path, name: str, message: str
) -> None:
    other = replace(row, address=f"{server}/{name}")
    with pytest.raises(RatevalError, match=message):
        fetch(other, tmp_path / "mine.pt", lambda done, size: None)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told(row: Checkpoint, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    fetch(row, tmp_path / "mine.pt", lambda done, size: told.append((done, size)))
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_folder_that_cannot_be_written(row: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RatevalError, match="cannot be written to"):
        fetch(row, tmp_path / "file" / "mine.pt", lambda done, size: None)


def test_the_rows_name_models_that_there_are() -> None:
    registry = discover(third_party=False)
    models = {found.component.name for found in registry.of_kind("model")}
    for row in load_checkpoints():
        assert row.address.startswith("https://")
        assert set(row.use.split('"')[1::2]) & models
        assert not row.sha256 or len(row.sha256) == 64
    names = [row.name for row in load_checkpoints()]
    assert len(names) == len(set(names))
    assert checkpoints.TIMEOUT_S > 0


def test_check_tells_what_a_model_is(rateval: Rateval) -> None:
    done = rateval("model", "check", "clip")
    assert done.code == 0
    flat = " ".join(done.out.split())
    for part in ("patch grid 8 × 8", "float32 on cpu", "logits differ by", "Apache-2.0", "keys"):
        assert part in flat


def test_check_goes_over_every_model_of_a_spec(
    rateval: Rateval, acme: Path, tmp_path: Path
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(
        '[study]\nname = "s"\n[[dataset]]\nuse = "squares"\n[[finetune]]\nuse = "zs"\n'
        '[[model]]\nuse = "tiny"\n[[model]]\nuse = "tiny"\nname = "second"\n'
    )
    done = rateval("model", "check", str(spec))
    assert done.code == 0
    assert done.out.count("self-test") == 2
    assert "\nsecond  " in done.out


def test_check_says_what_was_meant(rateval: Rateval) -> None:
    done = rateval("model", "check", "clop")
    assert done.code == 2
    assert 'did you mean "clip"?' in done.err


def test_a_model_that_recording_changes_is_refused() -> None:
    from rateval.checkpoints.check import check_model
    from rateval.testing import TinyModel, tiny_model

    class Drifting(TinyModel):
        calls = 0

        def encode_image(self, images: Any) -> Any:
            self.calls += 1
            embedded = super().encode_image(images)
            return embedded * 1.0 if self.calls == 1 else embedded.flip(-1)

    model = tiny_model()
    model.__class__ = Drifting
    with pytest.raises(RatevalError, match="would explain another model"):
        check_model(model)
