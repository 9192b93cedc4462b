"""What a page may load is what it carries, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape

import pytest

from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.report.html import embed
from rateval.report.html.page import render


@pytest.fixture(scope="module")
def page(small_run: RunRecord) -> str:
    return render(small_run)


def test_the_policy_allows_exactly_the_styles_and_scripts_in_the_page(page: str) -> None:
    (given,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(given).split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "unsafe" not in given
    for name, element in (("style-src", "style"), ("script-src", "script")):
        texts = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
        assert len(texts) > 1
        digests = [base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts]
        assert rules[name].split() == [f"'sha256-{digest}'" for digest in digests]


def test_no_element_has_a_style_or_a_handler_of_its_own(page: str) -> None:
    markup = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"<[^>]*\s(style|on\w+)\s*=", markup)
    assert not re.search(r"<(link|iframe|object|embed|base|form)\b", markup)
    assert not re.search(r"\s(src|href)=\"(?!#|data:)", markup)


def test_text_that_ends_its_element_is_refused() -> None:
    with pytest.raises(ValueError, match="holds its end"):
        embed.element("style", "a{}</STYLE>")


def test_missing_libraries_are_named_with_the_way_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embed, "PACKAGES", {"no_such_module": "no-such-package", "json": "json"})
    with pytest.raises(RatevalError, match=r"no-such-package .* pip install 'rateval\[html\]'"):
        embed.require_charts()
