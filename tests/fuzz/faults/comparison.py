"""What a run left on disk as plain values: two runs of one study must leave the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import safetensors

from faults.verdict import FaultError

_OF_THE_RUN = (
    "environment", "started", "written", "seconds", "stages", "overrides", "spec_resolved",
    "spec_given", "spec_name", "base",
)  # fmt: skip
"""Keys of run.json that say when and how a run went, and not what came out."""
_RUN_FILES = {"run.json", "spec.toml", "steps.jsonl", "run.log"}
Values = dict[str, Any]


def stored_values(output: Path) -> Values:
    """Return what every file of the store holds, by its path: values, without times."""
    store = output / "store"
    files = (path for path in sorted(store.rglob("*")) if path.is_symlink() or not path.is_dir())
    return {path.relative_to(store).as_posix(): _value(path) for path in files}


def run_values(record: Path) -> Values:
    """Return what a run.json says came out."""
    content = json.loads(record.read_text(encoding="utf-8"))
    values: Values = _without(content, {*_OF_THE_RUN, "seconds"})
    return values


def newest_record(output: Path) -> Path:
    """Return the run.json that was started last in a folder of runs."""
    return max(output.glob("*/run.json"), key=lambda path: path.stat().st_mtime_ns)


def require_equal(
    found: Values, wanted: Values, what: str, untouched: Values | None = None
) -> None:
    """Raise FaultError unless two sets of values are the same.

    What is as in ``untouched``, too, is let pass: damaged, and nobody has looked at it yet.
    """
    passed = untouched or {}
    names = found.keys() | wanted.keys()
    differ = [name for name in names if found.get(name) != wanted.get(name)]
    wrong = [n for n in differ if untouched is None or found.get(n) != passed.get(n)]
    more = sorted(name for name in wrong if name not in wanted)
    other = sorted(name for name in wrong if name in wanted)
    if other:
        lines = [f"{name}: {_short(found.get(name))} for {_short(wanted[name])}" for name in other]
        kinds = sorted({_kind(name) for name in other})
        raise FaultError(f"silent change of {what}: {', '.join(kinds)}", "\n".join(lines[:20]))
    if more:
        kinds = sorted({_kind(name) for name in more})
        raise FaultError(f"left over in {what}: {', '.join(kinds)}", "\n".join(more[:20]))


def leftovers(output: Path) -> list[str]:
    """Return what the folders of runs hold beside the files of a run."""
    return sorted(
        path.relative_to(output).as_posix()
        for folder in output.iterdir()
        if folder.name != "store"
        for path in ([folder] if not folder.is_dir() else folder.rglob("*"))
        if path.name not in _RUN_FILES
    )


def _kind(name: str) -> str:
    """Return a path without its identities, so that the same fault has the same name."""
    parts = [part for part in name.split("/") if len(part) < 32]
    return "/".join(parts)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}…"


def _value(path: Path) -> object:
    try:
        if path.suffix == ".parquet":
            table = pq.ParquetFile(path).read()
            return [repr(table.schema.metadata), repr(table.to_pydict())]
        if path.suffix == ".safetensors":
            return _tensors(path)
        if path.suffix == ".json":
            content = json.loads(path.read_text(encoding="utf-8"))
            if path.name == "manifest.json":
                content.pop("digest", None)  # of what was written, times included
            return _without(content, {"seconds"})
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except Exception as error:  # whatever a damaged file makes a library say
        return f"unreadable: {type(error).__name__}"


def _tensors(path: Path) -> dict[str, Any]:
    with safetensors.safe_open(path, "np") as file:
        found: dict[str, Any] = {}
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            digest = hashlib.sha256(tensor.tobytes()).hexdigest()
            found[name] = [str(tensor.dtype), list(tensor.shape), digest]
        return found | {"metadata": dict(sorted((file.metadata() or {}).items()))}


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    if isinstance(value, list):
        return [_without(item, keys) for item in value]
    return value
