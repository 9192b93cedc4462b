"""What is said of mistakes, and what to do, read from the code that says it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from reference_pages.markdown import NOTICE, table

ROOT = Path(__file__).resolve().parents[2]
TOLD = {
    "RatevalError", "StudyError", "OutputError", "PluginError", "UnfitError", "DamageError",
    "LackingError", "UnusableError", "DataError", "ArgumentTypeError",
}  # fmt: skip
"""Errors that reach a person as a message."""
HEAD = f"""{NOTICE}# Messages

A mistake that you can mend ends a command with exit code 2 and one line: what is wrong; what is
allowed; what to do. These are the messages that the code has, ordered by the part that says them;
`…` stands for your own names and numbers. The search above finds one by its words. Mistakes in a
spec are also found by its types: [Keys of a spec](spec-keys.md).

"""
SHORTEST = 25
"""Letters below which a template says nothing by itself."""


def pages() -> Iterator[tuple[str, str]]:
    """Yield name and text of the page."""
    parts: dict[str, set[str]] = {}
    for place in (ROOT / "src/rateval", ROOT / "plugins"):
        for path in sorted(place.rglob("*.py")):
            named = path.relative_to(place).parts
            part = named[0].removesuffix(".py") if len(named) > 1 or place.name == "rateval" else ""
            parts.setdefault(part, set()).update(_templates(path.read_text(encoding="utf-8")))
    text = "".join(
        f"## {part}\n\n" + table(["message", "what to do"], map(_split, sorted(found)))
        for part, found in parts.items()
        if found
    )
    yield "messages.md", HEAD + text


def _templates(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            name = ast.unparse(node.exc.func).rpartition(".")[2]
            text = _text(node.exc.args[0])
            if name in TOLD and len(text.replace("…", "").strip()) >= SHORTEST:
                yield " ".join(text.split())


def _text(node: ast.expr) -> str:
    """Return a message with ``…`` for what is filled in.

    >>> _text(ast.parse('f"{path}: no {what!r}; give one"', mode="eval").body)
    '…: no …; give one'
    """
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
        )
    return ""


def _split(template: str) -> tuple[str, str]:
    """Return what is wrong and what to do.

    >>> _split("…: no such file; give another one")
    ('…: no such file', 'give another one')
    """
    wrong, _, remedy = template.partition("; ")
    return _escape(wrong), _escape(remedy)


def _escape(text: str) -> str:
    for sign in "\\|<>*_`[]":
        text = text.replace(sign, f"\\{sign}")
    return text
