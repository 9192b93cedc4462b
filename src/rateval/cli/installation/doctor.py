"""``rateval doctor``: what works on this computer, what is missing, what is broken."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from rateval.cli.arguments import path
from rateval.cli.terminal import say
from rateval.console import Console, Text
from rateval.doctor.examining import Asked, examine
from rateval.doctor.record import Device, Examination, Place
from rateval.json_file import format_json
from rateval.wording import write_bytes


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Tell what of this installation works: Python, torch, devices and their formats, extras, "
        "plugins, caches. Exit code 0: what is there works. 1: something of it is broken, or what "
        "was asked for is missing. Nothing is fetched, and nothing is written."
    )
    parser.add_argument("--device", metavar="DEVICE", help="must be there: cpu, mps, cuda, cuda:N")
    parser.add_argument(
        "--extra",
        metavar="NAME",
        action="append",
        default=[],
        help="must be installed whole, such as clip; may be repeated",
    )
    parser.add_argument(
        "--output", metavar="FOLDER", type=path, default="runs", help="of the runs (default: runs)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(parsed: Namespace) -> int:
    """Examine the installation; return 1 where something has a problem."""
    found = examine(Asked(parsed.device, tuple(parsed.extra)), Path(parsed.output))
    console = Console()
    if parsed.json:
        say(console, format_json(asdict(found), ascii_only=True).rstrip())
        return int(bool(found.problems))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(found):
        table.add_row(name, Text(text))
    console.print(table)
    for problem in found.problems:
        console.print(Text.assemble(("✗ ", "red"), problem), soft_wrap=True)
    if not found.problems:
        console.print(Text("✓ what is there works", style="green"))
    return int(bool(found.problems))


def _rows(found: Examination) -> Iterator[tuple[str, str]]:
    yield "rateval", f"{found.version} · Python {found.python} · {found.platform}"
    yield "Python", found.executable
    if found.torch is not None:
        yield "torch", f"{found.torch}, {found.threads} threads"
    for device in found.devices:
        yield "device", _describe_device(device)
    yield from _describe_libraries(found)
    if found.plugins is not None:
        lacking = len(found.plugins.lacking)
        lacks = f"; {lacking} lack a library: rateval list" if lacking else ""
        yield "plugins", f"{len(found.plugins.working)} work"
        yield "components", f"{found.plugins.usable} can be used{lacks}"
        for slow in found.plugins.slow:
            yield "slow", slow
    for place in found.places:
        yield "folder", _describe_place(place)
    free = {write_bytes(place.free) for place in found.places[-1:] if place.free is not None}
    if free:
        yield "disk", f"{free.pop()} free where runs go"


def _describe_device(device: Device) -> str:
    memory = "" if device.memory is None else f", {write_bytes(device.memory)}"
    hardware = f" ({device.hardware}{memory})" if device.hardware else ""
    return f"{device.name}{hardware}: {', '.join(device.precisions) or 'broken'}"


def _describe_libraries(found: Examination) -> Iterator[tuple[str, str]]:
    whole = [extra.name for extra in found.extras if not extra.lacking]
    lacking = [extra.name for extra in found.extras if extra.lacking]
    libraries = {
        one.name: one.version
        for one in (*found.required, *(lib for extra in found.extras for lib in extra.libraries))
        if one.version is not None and one.name != "torch"
    }
    if whole:
        yield "extras", ", ".join(whole)
    if lacking:
        example = f"pip install 'rateval[{lacking[0]}]'"
        yield "not here", f"{', '.join(lacking)}: {example}"
    yield "libraries", ", ".join(f"{name} {libraries[name]}" for name in sorted(libraries))


def _describe_place(place: Place) -> str:
    if not place.there:
        return f"{place.what}: none yet in {place.path}"
    size = write_bytes(place.bytes)
    return f"{place.what}: {size if place.counted else f'over {size}'} in {place.path}"
