"""The files of a new distribution: a package, its tests, a study and a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from string import Template

from rateval.api.kinds import KINDS, Kind
from rateval.api.version import API_VERSION
from rateval.scaffolding.names import Names
from rateval.scaffolding.splitting import Halves, split, write_imports

OF_TASKS: tuple[Kind, ...] = ("dataset", "model", "finetuner", "attribution")
"""What has to serve a task, so that a new one can be tried."""

_WHOLE = {
    "pyproject.toml": "pyproject.txt",
    "README.md": "readme.md",
    ".gitignore": "gitignore",
    ".github/workflows/check.yml": "check.yml",
    "tests/conftest.py": "conftest.txt",
    "tests/test_study.py": "test_study.txt",
}
"""Files that are templates as they are, by where they go."""


def complete(kinds: Sequence[Kind]) -> list[Kind]:
    """Return kinds in their order, with those that a task needs to be posed.

    >>> complete(["metric", "dataset"]), complete(["task"])[:2]
    (['dataset', 'metric'], ['dataset', 'model'])
    """
    wanted = {*kinds, *(OF_TASKS if "task" in kinds else ())}
    return [kind for kind in KINDS if kind in wanted]


def write_distribution(names: Names, kinds: Sequence[Kind]) -> dict[str, str]:
    """Return the files of a distribution that offers a component of each kind, by their path."""
    kinds = complete(kinds)
    package = f"src/{names.package}"
    halves = {kind: split(names.put_into(read_part(kind))) for kind in kinds}
    offers = ", ".join(f"{names.component(kind)} (a kind of {kind})" for kind in kinds)
    values = {
        "distribution": names.distribution,
        "package": names.package,
        "stem": names.stem,
        "offers": offers,
    }
    files = {path: fill(f"distribution/{name}", **values) for path, name in _WHOLE.items()}
    return files | {
        "study.toml": write_study(names, kinds),
        f"{package}/__init__.py": '"""A plugin of rateval."""\n',
        f"{package}/py.typed": "",
        f"{package}/plugin.py": _write_plugin(names, halves),
        f"{package}/params.py": _write_params(names, halves.values()),
        "tests/test_conformance.py": _write_test(names, kinds),
        **{f"{package}/{kind}.py": _write_module(names, half) for kind, half in halves.items()},
    }


def write_one_file(names: Names, kind: Kind) -> str:
    """Return a component in one file, which a spec names by its path."""
    halves = split(names.put_into(read_part(kind)))
    imports = write_imports(halves.params_imports | halves.rest_imports, names.package)
    rest = halves.rest
    return f'"""{halves.docstring}"""\n\n{imports}\n\n{halves.params}\n\n{rest}'


def write_study(names: Names, kinds: Sequence[Kind]) -> str:
    """Return a spec that uses the plugin's components, and given ones besides."""
    parts = [_read("study", "head.toml")]
    for kind in KINDS:
        # Of the kinds that make cells the plugin's own are enough.
        if not (kind in kinds and KINDS[kind].grid) and _is_there("study", "given", f"{kind}.toml"):
            parts.append(_read("study", "given", f"{kind}.toml"))
        if kind in kinds:
            parts.append(_read("study", "own", f"{kind}.toml"))
    parts.append(_read("study", "run.toml"))
    study = "\n".join(parts).replace('name = "mine"', f'name = "{names.stem}"')
    return names.put_into(study)


@cache
def read_part(kind: Kind) -> str:
    """Return the module that a component of a kind is made of."""
    return resources.files("rateval.scaffolding.parts").joinpath(f"{kind}.py").read_text("utf-8")


def fill(template: str, **values: str) -> str:
    """Return a file of ``files/`` with its ``${names}`` filled in."""
    return Template(_read(*template.split("/"))).substitute(values)


def _read(*path: str) -> str:
    return resources.files("rateval.scaffolding").joinpath("files", *path).read_text("utf-8")


def _is_there(*path: str) -> bool:
    return resources.files("rateval.scaffolding").joinpath("files", *path).is_file()


def _write_plugin(names: Names, halves: dict[Kind, Halves]) -> str:
    text = fill("distribution/plugin.txt", version=API_VERSION)
    for kind, half in halves.items():
        text += fill(
            "distribution/component.txt",
            constant=names.constant(kind),
            name=names.component(kind),
            summary=half.docstring.rstrip("."),
            module=f"{names.package}.{kind}",
            params=f"{names.package}.params:{half.params_class}",
            tasks=_write_tasks(names, kind, "task" in halves),
        )
    for kind in halves:
        text += fill(
            "distribution/hook.txt",
            hook=KINDS[kind].hook,
            name=names.component(kind),
            constant=names.constant(kind),
        )
    return text


def _write_tasks(names: Names, kind: Kind, has_task: bool) -> str:
    if not has_task or kind not in OF_TASKS:
        return ""
    task = names.component("task")
    served = f'("{task}",)' if kind == "dataset" else f'("classification", "{task}")'
    return f"    tasks={served},\n"


def _write_params(names: Names, halves: Iterable[Halves]) -> str:
    halves = list(halves)
    imports = write_imports({one for half in halves for one in half.params_imports}, names.package)
    classes = "\n\n".join(half.params for half in halves)
    return f"{_read('distribution', 'params.txt')}\n{imports}\n\n{classes}"


def _write_module(names: Names, half: Halves) -> str:
    own = {(f"{names.package}.params", half.params_class)}
    imports = write_imports(half.rest_imports | own, names.package)
    gap = "\n" if half.rest.startswith(("class ", "def ", "@")) else ""
    return f'"""{half.docstring}"""\n\n{imports}\n{gap}{half.rest}'


def _write_test(names: Names, kinds: Sequence[Kind]) -> str:
    own = {(f"{names.package}.plugin", names.constant(kind)) for kind in kinds}
    imports = {("rateval.testing", "check_component")} | own
    text = write_imports(imports, names.package)
    for kind in kinds:
        text += fill(
            "distribution/test.txt",
            function=names.component(kind).replace("-", "_"),
            constant=names.constant(kind),
            kind=kind,
        )
    return text
