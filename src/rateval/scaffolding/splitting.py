"""One file made two: the params of a component, and the rest of it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

WIDTH = 100
"""Characters of a line at most."""

Import = tuple[str, str]
"""A module and a name that is imported from it; nothing, or ``as np``, for the module itself."""


@dataclass(frozen=True, slots=True)
class Halves:
    """The two parts of a file, each with what it imports."""

    docstring: str
    params: str
    """The class of the params, as it is written."""
    params_class: str
    params_imports: frozenset[Import]
    rest: str
    """All else but the imports."""
    rest_imports: frozenset[Import]


def split(source: str) -> Halves:
    """Part the class that ends in ``Params`` from the rest of a module."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    (params,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name.endswith("Params"))
    others = [n for n in tree.body[1:] if not isinstance(n, ast.Import | ast.ImportFrom)]
    others.remove(params)
    first = min(others, key=lambda node: node.lineno)
    kept = lines[_start(first) - 1 :]
    if _start(params) > _start(first):  # constants stand before the params
        before, after = lines[_start(first) - 1 : _start(params) - 1], lines[_end(params) :]
        kept = [*before, *after[_blank(after) :]]
    text = "".join(lines[_start(params) - 1 : _end(params)])
    rest = "".join(kept).strip("\n") + "\n"
    imports = list(_imports(tree))
    return Halves(
        docstring=ast.get_docstring(tree) or "",
        params=text,
        params_class=params.name,
        params_imports=_used(imports, _names(ast.parse(text))),
        rest=rest,
        rest_imports=_used(imports, _names(ast.parse(rest))),
    )


def write_imports(imports: Iterable[Import], own: str) -> str:
    r"""Write imports in the order of isort: the standard library, others, the package ``own``.

    >>> write_imports({("mine.params", "MineParams"), ("json", ""), ("torch", "")}, "mine")
    'import json\n\nimport torch\n\nfrom mine.params import MineParams\n'
    """
    sections: list[list[str]] = [[], [], []]
    whole = sorted((pair for pair in imports if not _is_from(pair)), key=lambda pair: pair[0])
    named: dict[str, list[str]] = {}
    for module, name in sorted(filter(_is_from, imports)):
        named.setdefault(module, []).append(name)
    for module, alias in whole:
        sections[_section(module, own)].append(f"import {module} {alias}".rstrip() + "\n")
    for module in sorted(named, key=str.lower):
        sections[_section(module, own)].append(_write_from(module, named[module]))
    return "\n".join("".join(section) for section in sections if section)


def _section(module: str, own: str) -> int:
    top = module.partition(".")[0]
    return 2 if top == own else 0 if top in sys.stdlib_module_names else 1


def _is_from(pair: Import) -> bool:
    return bool(pair[1]) and not pair[1].startswith("as ")


def _write_from(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}\n"
    if len(line) <= WIDTH + 1:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")\n"


def _imports(tree: ast.Module) -> Iterator[Import]:
    for node in tree.body:
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if isinstance(node, ast.ImportFrom):
                yield node.module or "", alias.name
            else:
                yield alias.name, f"as {alias.asname}" if alias.asname else ""


def _used(imports: Iterable[Import], names: set[str]) -> frozenset[Import]:
    bound = {
        (module, name): name.removeprefix("as ") or module.partition(".")[0]
        for module, name in imports
    }
    return frozenset(pair for pair, local in bound.items() if local in names)


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _start(node: ast.stmt) -> int:
    decorated = isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list
    return min(one.lineno for one in (decorated or [])) if decorated else node.lineno


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _blank(lines: list[str]) -> int:
    return next((at for at, line in enumerate(lines) if line.strip()), len(lines))
