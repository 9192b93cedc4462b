"""Styles and scripts that a page carries, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.resources import files

from rateval.errors import RatevalError
from rateval.report.html.markup import Html

PACKAGES = {"altair": "altair", "vl_convert": "vl-convert-python"}
"""Modules that charts need to the packages that bring them."""


def require_charts() -> None:
    """Raise RatevalError with what to install where the libraries of charts are missing."""
    missing = [package for module, package in PACKAGES.items() if not _is_there(module)]
    if missing:
        raise RatevalError(
            f"the HTML report needs {' and '.join(missing)} to draw its charts, "
            f"which {'are' if missing[1:] else 'is'} not installed; pip install 'rateval[html]'"
        )


def _is_there(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


def read_asset(name: str) -> str:
    """Return a style or script of this package; empty where there is none of that name."""
    file = files("rateval.report.html") / "assets" / name
    return file.read_text(encoding="utf-8") if file.is_file() else ""


@cache
def read_bundle() -> str:
    """Return the script that draws charts: Vega, Vega-Lite and Vega-Embed with their parts.

    It is a function that calls itself, so that its names are no other script's.
    """
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return f"(function(){{{bundle}\n}})();"


def policy(styles: Sequence[str], scripts: Sequence[str], images: str = "data:") -> str:
    """Return the content security policy that allows these styles and scripts alone.

    ``images`` are the sources of pictures.

    >>> policy(["a{}"], [])
    "default-src 'none'; img-src data:; style-src \
'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='; script-src 'none'; base-uri 'none'; \
form-action 'none'"
    """
    parts = {
        "default-src": "'none'",
        "img-src": images,
        "style-src": " ".join(map(_digest, styles)) or "'none'",
        "script-src": " ".join(map(_digest, scripts)) or "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def element(name: str, text: str) -> Html:
    """Return a style or script element with exactly this text, as the policy's digest has it.

    Raises ValueError for text that would end the element.
    """
    if f"</{name}" in text.lower():
        raise ValueError(f"text of a {name} element holds its end")
    return Html(f"<{name}>{text}</{name}>")
