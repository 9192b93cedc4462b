"""Loads folders by FiftyOne's own importer and writes what it found: read_fiftyone.py OUT FOLDER…

It runs where FiftyOne is, by itself; ``test_fiftyone.py`` compares what it writes.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module  # FiftyOne isn't where types are checked
from pathlib import Path
from typing import Any

import numpy as np


def read(folder: str, out: Path) -> dict[str, Any]:
    fo: Any = import_module("fiftyone")
    kind = fo.types.FiftyOneDataset
    dataset = fo.Dataset.from_dir(folder, dataset_type=kind, progress=False)
    dataset.compute_metadata(progress=False)  # opens every picture
    arrays: dict[str, Any] = {}
    samples = [describe(sample, arrays) for sample in dataset]
    np.savez(out, **arrays)

    # What people do with a dataset next.
    values = {}
    for name in dataset.get_field_schema():
        fo.core.odm.validate_field_name(name, media_type=dataset.media_type)
        if name.endswith("_quadrant"):
            values[name] = dataset.count_values(name)
            chosen = dataset.match(fo.ViewField(name) == "RW")
            assert len(chosen) == values[name].get("RW", 0)
    first = dataset.first()
    assert first.dataset is dataset, "a field hides the sample's dataset"
    first["seen"] = True
    first.save()
    assert dataset.clone().count("seen") == 1
    again = str(out.with_suffix(".again"))
    dataset.export(again, dataset_type=kind, progress=False)
    copy = fo.Dataset.from_dir(again, dataset_type=kind, progress=False)
    assert len(copy) == len(dataset)
    return {"samples": samples, "values": values, "info": dict(dataset.info)}


def describe(sample: Any, arrays: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sample.field_names:
        value = sample[name]
        if hasattr(value, "to_dict"):
            value = {key: value[key] for key in value.field_names if key != "id"}
            for key, content in value.items():
                if isinstance(content, np.ndarray):
                    value[key] = f"{len(arrays)}"
                    arrays[value[key]] = content
        if isinstance(value, str | int | float | dict | list | None):
            found[name] = value
    return found


def main(out: str, folders: list[str]) -> None:
    found = [read(folder, Path(out) / f"{at}.npz") for at, folder in enumerate(folders)]
    (Path(out) / "found.json").write_text(json.dumps(found, default=str))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
