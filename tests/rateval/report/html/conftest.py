"""A browser for tests of the page, and a page that is open in it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

import rateval
from rateval.records.about.dataset import DatasetRecord
from rateval.records.about.environment import EnvironmentRecord
from rateval.records.about.pictures import PicturesRecord, StratumRecord
from rateval.records.key import Key
from rateval.records.run import RunRecord, load
from rateval.records.scores.cell import CellRecord, StoredEvidenceRecord
from rateval.store.manifest import seal
from rateval.store.rows import ROWS, VERDICTS, RowWriter, rows_schema, write_relevance
from rateval.store.tables.curves import COUNTED, write_curves
from rateval.store.tables.pictures import SCHEMA as PICTURE_ROWS, write_pictures
from rateval.tasks.classification import OneOf

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
TIMEOUT = 20_000
"""Milliseconds that anything on a page may take."""


def find_browser() -> str | None:
    """Return the path of a Chromium, or None."""
    named = os.environ.get("RATEVAL_BROWSER")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module; they are skipped where none is found."""
    path = find_browser()
    if path is None or importlib.util.find_spec("playwright") is None:
        why = "no Chromium and playwright found: install them, or name one in RATEVAL_BROWSER"
        required = os.environ.get("RATEVAL_BROWSER_REQUIRED") == "1"
        (pytest.fail if required else pytest.skip)(why)
    api = importlib.import_module("playwright.sync_api")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


class Watched:
    """A page with everything that it said and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _note(self, message: object) -> None:
        if getattr(message, "type", "") in ("error", "warning"):
            self.complaints.append(getattr(message, "text", ""))

    def wait(self, expression: str) -> None:
        """Wait until this is true; the page's policy keeps Playwright from asking by itself."""
        for _ in range(TIMEOUT // 100):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(100)
        pytest.fail(f"never true: {expression}")

    def outside(self) -> list[str]:
        """Return what was asked for beside the page itself and what it carries."""
        return [url for url in self.requests[1:] if not url.startswith("data:")]


Open = Callable[..., Watched]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a file in a page of its own: ``open_page(file, width=390, fragment="#x")``."""
    contexts = []

    def opened(file: Path, width: int = 1400, dark: bool = False, fragment: str = "") -> Watched:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        context.set_default_timeout(TIMEOUT)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.goto(file.resolve().as_uri() + fragment)
        return watched

    yield opened
    for context in contexts:
        context.close()


SPEC = """
[study]
name = "small"
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
[[attribution]]
name = "raw"
use = "generic-attention"
[[attribution]]
use = "grad-cam"
[run]
device = "cpu"
"""


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """A real run of 60 images, two methods and two explainers, as it is loaded from its folder."""
    folder: Path = tmp_path_factory.mktemp("small")
    (folder / "spec.toml").write_text(SPEC + f'output = "{folder}/runs"\n')
    return load(rateval.run(folder / "spec.toml").path)


HOSTILE = '</script><script>document.title="owned"</script>"\'<!--\x1b[31m'
"""A label that tries to be markup, to end an element, and to colour a terminal."""


@pytest.fixture
def hostile_run(small_run: RunRecord) -> RunRecord:
    """The same run, whose trained method and whose dataset have a hostile name."""
    text = small_run.model_dump_json()
    for label in ("lp", "biased"):
        text = text.replace(json.dumps(label), json.dumps(f"{label}{HOSTILE}"))
    record = RunRecord.model_validate_json(text)
    record._path = small_run.path
    return record


OF_GALLERY = """
[study]
name = "looked-at"
[[dataset]]
name = "biased"
use = "shapes"
train_size = 60
test_size = 60
[[dataset]]
name = "unbiased"
use = "shapes"
train_size = 60
test_size = 60
test_bias = 0.0
[[model]]
use = "clip"
[[finetune]]
use = "zs"
[[finetune]]
use = "lp"
epochs = 3
[[attribution]]
name = "raw"
use = "generic-attention"
[[attribution]]
use = "grad-cam"
[[evidence]]
use = "relevance-mass"
[[evidence]]
use = "counterfactual"
[counterfactual]
donors = 2
[report]
pictures = 40
[run]
device = "cpu"
"""


@pytest.fixture(scope="session")
def gallery_run(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """A real run of two tests, two methods, two explainers and two validators, with 40 pictures."""
    folder: Path = tmp_path_factory.mktemp("looked-at")
    (folder / "spec.toml").write_text(OF_GALLERY + f'output = "{folder}/runs"\n')
    return load(rateval.run(folder / "spec.toml").path)


MANY = 50_000
CELLS = 50
KEPT = 1_000


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """A made-up run of 50 cells of 50,000 images each, with pictures of 1,000.

    All cells share what is stored of one, as they may: their identities are the same.
    """
    folder: Path = tmp_path_factory.mktemp("many")
    chance = np.random.default_rng(0)
    _store_cell(folder / "store", chance)
    _store_pictures(folder / "store", chance)
    record = _record_of_many()
    record.save(folder / "run")
    return load(folder / "run")


def _store_cell(store: Path, chance: np.random.Generator) -> None:
    labels, predictions = chance.integers(0, 10, (2, MANY))
    correct = labels == predictions
    ids = [f"photo-{at:06}" for at in range(MANY)]
    probabilities = chance.random((MANY, 10), dtype=np.float32)
    scores = chance.random(MANY, dtype=np.float32)
    valid = scores >= np.float32(0.5)
    prediction = {
        "index": np.arange(MANY),
        "id": ids,
        "label": pa.array(labels, pa.int32()),
        "prediction": pa.array(predictions, pa.int32()),
        "correct": correct,
        "probabilities": pa.FixedSizeListArray.from_arrays(probabilities.reshape(-1), 10),
        "mask_area": chance.random(MANY, dtype=np.float32),
        "relevance_max": chance.random(MANY, dtype=np.float32),
    }
    inferred, judged, counted = (store / stage / "a" for stage in ("infer", "judge", "thresholds"))
    for place in (inferred, judged, counted):
        place.mkdir(parents=True)
    with RowWriter(inferred / ROWS, rows_schema(OneOf(10).schema)) as writer:
        writer.write(pa.table(prediction, schema=writer.schema))
    write_relevance(inferred, chance.random((MANY, 14, 14), dtype=np.float32).astype(np.float16))
    verdicts = {"id": ids, "score": scores, "valid": valid, "undefined": [None] * MANY}
    with RowWriter(judged / ROWS, VERDICTS) as writer:
        writer.write(pa.table(verdicts, schema=VERDICTS))
    steps = np.arange(1001) / 1000
    of = {"correct": correct, "wrong": ~correct}
    counts = {
        name: (np.array([(chosen & (scores >= np.float32(s))).sum() for s in steps]), chosen.sum())
        for name, chosen in of.items()
    }
    nothing = (np.zeros(1001, dtype=np.int64), 0)
    write_curves(counted, steps, {name: counts.get(name, nothing) for name in COUNTED})
    for place in (inferred, judged, counted):
        seal(place, {})


def _store_pictures(store: Path, chance: np.random.Generator) -> None:
    place = store / "pictures" / "p"
    place.mkdir(parents=True)
    at = np.sort(chance.choice(MANY, KEPT, replace=False))
    rows = {
        "id": [f"photo-{number:06}" for number in at],
        "index": at,
        "stratum": [f"s{number % 7}" for number in range(KEPT)],
        "picture": [chance.bytes(9_000) for _ in range(KEPT)],
        "width": [224] * KEPT,
        "height": [224] * KEPT,
        "mask": [[10_000, *[100, 124] * 80, 22_256]] * KEPT,
        "undefined": [None] * KEPT,
    }
    write_pictures(place / "pictures.parquet", pa.table(rows, schema=PICTURE_ROWS))
    seal(place, {})


def _record_of_many() -> RunRecord:
    evidence = StoredEvidenceRecord(
        validator="relevance-mass",
        identity="a",
        curves="a",
        quadrants={"RR": 2_500, "RW": 2_500, "WR": 22_500, "WW": 22_500},
        undefined={},
        scores=(),
    )
    cells = [
        CellRecord(
            key=Key(dataset="birds", model="clip", finetuner=f"ft-{at}", attribution="raw"),
            trained=at > 0,
            identity="a",
            classifier="a",
            count=MANY,
            skipped=(),
            skipped_in_training=(),
            evidence=(evidence,),
        )
        for at in range(CELLS)
    ]
    pictures = PicturesRecord(
        dataset="birds",
        models=("clip",),
        identity="p",
        file="pictures.parquet",
        height=224,
        width=224,
        count=KEPT,
        undefined={},
        of=MANY,
        asked=KEPT,
        strata={f"s{at}": StratumRecord(chosen=KEPT // 7, there=MANY // 7) for at in range(7)},
    )
    environment = EnvironmentRecord(
        python="3",
        platform="none",
        processor="none",
        cores=1,
        threads=1,
        device="cpu",
        distributions={},
        git=None,
    )
    data = DatasetRecord(
        name="birds",
        classes=tuple(f"bird {at}" for at in range(10)),
        train_identity=None,
        train_count=0,
        test_identity="t",
        test_count=MANY,
    )
    return RunRecord(
        study="many",
        status="finished",
        error=None,
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        spec_name="spec.toml",
        spec_given="# made up",
        spec_resolved={
            "evidence": [{"name": "relevance-mass", "params": {"threshold": 0.5}}],
            "metric": [],
        },
        seeds=(0,),
        limit=None,
        environment=environment,
        datasets=(data,),
        planned=tuple(cell.key for cell in cells),
        stages=(),
        cells=tuple(cells),
        pictures=(pictures,),
    )
