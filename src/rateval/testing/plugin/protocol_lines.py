"""Where a promise stands in the contract."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import resources

_WHERE = re.compile(r"(?P<owner>[A-Z]\w*)(?:\.(?P<member>\w+))?")
_FIELD = re.compile(r"[a-z][\w-]*: (?P<field>\w+)\b")
_FILES = (
    "protocols.py",
    "training.py",
    "execution.py",
    "tracking.py",
    "listed.py",
    "sharing.py",
    "shifts.py",
    "values.py",
    "edits.py",
    "tasks/task.py",
    "tasks/texts.py",
    "component.py",
    "params.py",
    "version.py",
)


def find_line(where: str) -> str:
    """Return the line of the contract that a promise of ``where`` stands in; empty where none.

    >>> find_line("Metric.label").rpartition(":")[0]
    'rateval/api/protocols.py'
    >>> find_line("Model.encode_image") == find_line("DualEncoder.encode_image")
    True
    >>> find_line("eyes-metric: params").rpartition(":")[0], find_line("nothing known")
    ('rateval/api/component.py', '')
    >>> find_line("Shift: Dimming") == find_line("Shift") != ""
    True
    """
    lines = _lines()
    named = _FIELD.match(where)
    if named:
        return lines.get(("Component", named["field"]), lines[("Params", "")])
    found = _WHERE.match(where)
    if found is None:
        return ""
    owner, member = found["owner"], found["member"] or ""
    return lines.get((owner, member)) or lines.get((owner, ""), "")


@cache
def _lines() -> dict[tuple[str, str], str]:
    """Return the line of each class of the contract and of each of its members."""
    lines: dict[tuple[str, str], str] = {}
    bases: dict[str, list[str]] = {}
    for file in _FILES:
        source = resources.files("rateval.api").joinpath(*file.split("/")).read_text("utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
                lines.setdefault((node.name, ""), f"rateval/api/{file}:{node.lineno}")
                for member in node.body:
                    for name in _names_of(member):
                        lines.setdefault((node.name, name), f"rateval/api/{file}:{member.lineno}")
    for name in bases:
        for parent in _parents(name, bases):
            for (owner, named), line in list(lines.items()):
                if owner == parent:
                    lines.setdefault((name, named), line)
    return lines


def _parents(name: str, bases: dict[str, list[str]]) -> list[str]:
    found = [base for base in bases.get(name, ()) if base in bases]
    return found + [more for base in found for more in _parents(base, bases)]


def _names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []
