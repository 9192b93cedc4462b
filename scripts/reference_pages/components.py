"""Components with their parameters, a page for each kind."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.api.kinds import KINDS, Kind
from rateval.registry.describe import describe_parameters
from rateval.registry.discovery import discover
from rateval.registry.references import params_class
from rateval.registry.registry import Registered, Registry
from reference_pages.markdown import NOTICE, cell, code, in_cell, table


def pages() -> Iterator[tuple[str, str]]:
    """Yield name and text of each page."""
    registry = discover(third_party=False)
    assert not registry.broken, registry.broken
    for kind in KINDS:
        yield f"components/{kind}.md", _page(kind, registry)


def _page(kind: Kind, registry: Registry) -> str:
    facts, components = KINDS[kind], registry.of_kind(kind)
    parts = [
        NOTICE,
        f"# Components: {kind}\n\n",
        f"{facts.summary[0].upper()}{facts.summary[1:]}. A spec names one in `{facts.heading}`; "
        f"`rateval list {kind}` lists those that can be used here, `rateval show {kind} NAME` "
        "shows what stands below for one of them.\n\n",
        table(
            ["`use`", "what it is", "install"],
            [
                [
                    f"[{found.component.name}](#{found.component.name})",
                    cell(found.component.summary),
                    code(f"pip install 'rateval[{found.component.extra}]'")
                    if found.component.extra
                    else "",
                ]
                for found in components
            ],
        ),
        *(_component(found) for found in components),
    ]
    return "".join(parts)


def _component(found: Registered) -> str:
    component = found.component
    rows = [
        [
            f"`{one.name}`",
            cell(one.type + (f", {one.bounds}" if one.bounds else "")),
            one.default if one.default in ("required", "none") else code(one.default),
            in_cell(one.description),
        ]
        for one in describe_parameters(params_class(found))
    ]
    source = f"Source: {cell(component.source)}.\n\n" if component.source else ""
    params = table(["parameter", "type", "default", "what it does"], rows)
    return f"## {component.name}\n\n{cell(component.summary)}.\n\n{source}" + (
        params or "It takes no parameters.\n\n"
    )
