"""Write what each kind of component must offer into the documents, from the protocols and suites.

Run ``python scripts/write_protocols.py`` after a change of either; a test says when that is due.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from rateval.api.kinds import KINDS, Kind
from rateval.api.version import API_VERSION

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "protocols.md"
SOURCES = ROOT / "src"
HEAD = f"""# Protocols and promises

<!-- Written by scripts/write_protocols.py from the protocols and the conformance suites. -->

What the object of a component has to offer, by kind. There is nothing to inherit: an object that
has the members is one. Below each protocol stands what its conformance suite asks;
`rateval check-plugin` tries all of it. This is version {API_VERSION} of the
[contract](../contract-changes.md).
"""
FIRST: dict[Kind, Sequence[str]] = {
    "dataset": ("protocols:Dataset", "protocols:Split", "listed:ListedSplit"),
    "model": (
        *("protocols:Model", "protocols:DualEncoder", "protocols:Explained"),
        *("protocols:Checkpointed", "tasks.texts:TextModel"),
    ),
    "finetuner": ("training:Finetuner", "protocols:Classifier", "training:Logbook"),
    "attribution": ("protocols:Attribution", "sharing:Sharing", "tasks.texts:TextAttribution"),
    "validator": ("protocols:Validator", "edits:EditsValidator"),
    "metric": ("protocols:Metric",),
    "shift": ("protocols:Shift", "shifts:ShiftAmong"),
    "task": ("tasks.task:Task", "tasks.task:Posed", "tasks.task:Named"),
    "executor": ("execution:Executor", "execution:Work"),
    "tracker": ("tracking:Tracker",),
}
"""Protocols of a kind in ``rateval.api``: its own, then those that belong to it."""
SUITES: dict[Kind, Sequence[str]] = {
    "dataset": ("datasets",),
    "model": ("models", "attention", "checkpoints", "blocks", "half_precision", "answering/texts"),
    "finetuner": ("finetuners",),
    "attribution": ("attributions", "answering/attributions"),
    "validator": ("judging/validators", "judging/verdicts", "judging/edits"),
    "metric": ("judging/metrics",),
    "shift": ("shifts",),
    "task": ("answering/tasks",),
    "executor": ("executors",),
    "tracker": ("trackers",),
}
VALUES = (
    *("Sample", "Skipped", "Asked", "Depicted", "ModelCard", "PromptDecision", "HeadDecision"),
    *("Epoch", "Explanation", "Verdict", "Outcomes", "Score"),
)


def write_page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for kind, facts in KINDS.items():
        own = facts.protocol.partition(":")[2]
        check = facts.check.partition(":")[2]
        parts.append(
            f"## {kind.capitalize()}\n\n{facts.summary[0].upper()}{facts.summary[1:]}: `{own}`.\n"
        )
        parts += [_write_class(*place.split(":")) for place in FIRST[kind]]
        parts.append(f"What `{check}` asks:\n")
        parts.append("".join(f"- {promise}\n" for promise in list_promises(kind)))
    parts.append("## Values\n\nWhat passes between them. All are frozen.\n")
    parts += [_write_class("values", name) for name in VALUES]
    return "\n".join(parts)


def list_promises(kind: Kind) -> list[str]:
    """Return what the suites of a kind require, each promise once."""
    found: dict[str, None] = {}
    for suite in SUITES[kind]:
        source = (SOURCES / f"rateval/testing/{suite}.py").read_text(encoding="utf-8")
        for promise in _promises(ast.parse(source)):
            found[promise] = None
    return list(found)


def _promises(tree: ast.Module) -> Iterator[str]:
    module = [node for node in tree.body if isinstance(node, ast.Assign)]
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            # A name is used for several promises: what it was last given counts.
            before = [one for one in assigned if one.lineno <= node.lineno]
            known = _texts(module) | _texts(before)
            if node.func.id == "require":
                where, asked = (_text(part, known) for part in node.args[1:3])
            elif node.func.id == "require_tensor":
                where, meaning = (_text(part, known) for part in node.args[3:5])
                dtype = ast.unparse(node.args[2]).removeprefix("torch.")
                asked = f"be {meaning} {dtype}" if meaning else ""
            else:
                continue
            if asked:
                yield f"`{where}` must {asked}" if where else f"must {asked}"


def _texts(assigned: Sequence[ast.Assign]) -> dict[str, str]:
    """Return names that are given a text, and the last one that each was given."""
    found: dict[str, str] = {}
    for node in sorted(assigned, key=lambda one: one.lineno):
        if len(node.targets) == 1:
            pairs = [(node.targets[0], node.value)]
            if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(node.targets[0].elts, node.value.elts, strict=False))
            for target, value in pairs:
                if isinstance(target, ast.Name):
                    found[target.id] = _text(value, found)
    return {name: text for name, text in found.items() if text}


def _text(node: ast.expr, known: dict[str, str]) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return {"JUDGE": "Validator.judge"}.get(node.id) or known.get(node.id, "")
    if isinstance(node, ast.JoinedStr):
        return "".join(_inside(part, known) for part in node.values)
    return ""


def _inside(part: ast.expr, known: dict[str, str]) -> str:
    if isinstance(part, ast.FormattedValue):
        return _text(part.value, known) or "…"
    return _text(part, known)


def _write_class(module: str, name: str) -> str:
    path = SOURCES / "rateval/api" / f"{module.replace('.', '/')}.py"
    source = path.read_text(encoding="utf-8")
    (node,) = (
        one for one in ast.parse(source).body if isinstance(one, ast.ClassDef) and one.name == name
    )
    lines = source.splitlines()
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    text = [f"class {name}({bases}):" if bases else f"class {name}:"]
    text += _write_docstring(node)
    for index, member in enumerate(node.body):
        if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
            first = min([member.lineno, *(one.lineno for one in member.decorator_list)])
            text += ["", *lines[first - 1 : member.body[0].lineno - 1]]
            text += [f"    {line}" if line else "" for line in _write_docstring(member)]
        elif isinstance(member, ast.AnnAssign):
            end = member.end_lineno or member.lineno
            text += ["", *lines[member.lineno - 1 : end]]
            told = node.body[index + 1] if index + 1 < len(node.body) else None
            if isinstance(told, ast.Expr) and isinstance(told.value, ast.Constant):
                text += lines[told.lineno - 1 : told.end_lineno or told.lineno]
    place = f"rateval.api.{module}"
    return f"### {name}\n\n`{place}`\n\n```python\n" + "\n".join(text) + "\n```\n"


def _write_docstring(node: ast.ClassDef | ast.FunctionDef) -> list[str]:
    told = (ast.get_docstring(node) or "").partition("\n>>>")[0].strip()
    return textwrap.indent(
        f'"""{told}' + ("\n" if "\n" in told else "") + '"""', "    "
    ).splitlines()


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(write_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
