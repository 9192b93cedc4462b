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

import pytest

import rateval
from rateval.records.run import RunRecord, load

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
