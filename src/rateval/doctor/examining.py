"""One look at all of an installation, and what of it is broken."""

from __future__ import annotations

import platform
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rateval.doctor.libraries import read_libraries
from rateval.doctor.places import HUGGING_FACE, RUNS, look_at_places
from rateval.doctor.record import Device, Examination, Extra, Library, Place, Plugins
from rateval.errors import PluginError, RatevalError, name_error
from rateval.registry.catalogue import explain_missing
from rateval.registry.discovery import discover, own_version
from rateval.registry.registry import BUNDLED_DISTRIBUTION, Registry
from rateval.wording import write_bytes

LITTLE = 1 << 30
"""Free bytes below which a place that runs write to is a problem."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What has to work here."""

    device: str | None = None
    extras: tuple[str, ...] = ()


def examine(asked: Asked, runs: Path = Path("runs")) -> Examination:
    """Look at everything once. Raises RatevalError for an extra that rateval doesn't have."""
    required, extras = read_libraries()
    unknown = sorted(set(asked.extras) - {extra.name for extra in extras})
    if unknown:
        names = ", ".join(extra.name for extra in extras)
        raise RatevalError(f"--extra {unknown[0]}: rateval has no such extra; there are {names}")
    torch, threads, devices, broken = _look_at_torch()
    plugins, left_out = _look_at_plugins()
    places, unplaced = _look_at_places(runs)
    problems = [
        *broken,
        *left_out,
        *unplaced,
        *_name_libraries(required),
        *_name_extras(extras, asked.extras),
        *_name_devices(devices, asked.device),
        *_name_places(places),
    ]
    return Examination(
        version=own_version(),
        python=platform.python_version(),
        executable=sys.executable,
        platform=platform.platform(),
        torch=torch,
        threads=threads,
        devices=devices,
        required=required,
        extras=tuple(extras),
        plugins=plugins,
        places=tuple(places),
        problems=tuple(problems),
    )


def _look_at_torch() -> tuple[str | None, int | None, tuple[Device, ...], list[str]]:
    try:
        import torch

        from rateval.doctor.devices import list_devices, try_device

        devices = tuple(map(try_device, list_devices()))
    except Exception as error:  # a library that a compiled one misses, and whatever else
        reinstall = "install torch again, in the build that fits this computer: pytorch.org"
        return None, None, (), [f"torch can't be imported: {name_error(error)}; {reinstall}"]
    return str(torch.__version__), torch.get_num_threads(), devices, []


def _look_at_plugins() -> tuple[Plugins | None, list[str]]:
    try:
        registry = discover()
    except PluginError as error:
        return None, [str(error)]
    left_out = [
        f"{broken}; mend or uninstall it, or set RATEVAL_DISABLE_PLUGINS={broken.plugin.name}"
        for broken in registry.broken
    ]
    return _describe_plugins(registry), left_out


def _describe_plugins(registry: Registry) -> Plugins:
    lacks = {
        f"{kind} {name}": why
        for (kind, name), found in sorted(registry.components.items())
        if (why := explain_missing(found))
    }
    return Plugins(
        working=tuple(map(str, registry.plugins)),
        slow=tuple(map(str, registry.slow)),
        usable=len(registry.components) - len(lacks),
        lacking=lacks,
    )


def _look_at_places(runs: Path) -> tuple[Sequence[Place], list[str]]:
    try:
        return look_at_places(runs), []
    except RatevalError as error:
        return (), [str(error)]


def _name_libraries(libraries: Iterable[Library]) -> list[str]:
    return [
        f"{_name_misfit(one)}; pip install --upgrade '{one.name}{one.wanted}'"
        for one in libraries
        if not one.fits
    ]


def _name_misfit(library: Library) -> str:
    if library.version is None:
        return f"{library.name} isn't installed; it has to be"
    return f"{library.name} {library.version} doesn't fit; it has to be {library.wanted}"


def _name_extras(extras: Iterable[Extra], asked: Collection[str]) -> list[str]:
    """Return what the extras that are asked for lack, each library once."""
    problems = {}
    for extra in extras:
        advice = f"pip install --upgrade '{BUNDLED_DISTRIBUTION}[{extra.name}]'"
        for one in extra.libraries:
            if not one.fits and extra.name in asked:
                problems[one.name] = f"--extra {extra.name}: {_name_misfit(one)}; {advice}"
    return list(problems.values())


def _name_devices(devices: Sequence[Device], asked: str | None) -> list[str]:
    problems = [
        f"{one.name} ({one.hardware}) is there and doesn't compute: {one.broken}; look at its "
        "driver and at torch's build, or leave it out with --device cpu"
        for one in devices
        if one.broken
    ]
    names = [one.name for one in devices]
    if asked and devices and asked not in (*names, "auto", names[0].partition(":")[0]):
        problems.append(
            f"--device {asked}: torch finds no such device; there is {', '.join(names)}"
        )
    return problems


def _name_places(places: Iterable[Place]) -> list[str]:
    problems = []
    for one in places:
        if not one.writable and one.what != HUGGING_FACE:
            problems.append(
                f"{one.path} ({one.what}) can't be written to; change its permissions, or set "
                f"{'--output' if one.what == RUNS else 'RATEVAL_CACHE'} to another folder"
            )
        elif one.what == RUNS and one.free is not None and one.free < LITTLE:
            problems.append(
                f"{one.path}: {write_bytes(one.free)} are free on its disk; `rateval runs prune` "
                "tells what could be deleted"
            )
    return problems
