"""Class folders of photos, and tables of the library ``datasets``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval.modelkit import Clues, Guess, list_some, read_json, write_count
from rateval_datasets.detection.coco import is_json
from rateval_datasets.detection.splits import find_division
from rateval_datasets.images import open_image
from rateval_datasets.layout import folders_in
from rateval_datasets.own.coco.beside import add_objects
from rateval_datasets.own.folder import NAME, list_photos
from rateval_datasets.own.mask_folder import add_masks
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo

_SAVED = ("dataset_dict.json", "dataset_info.json")
_WNID = re.compile(r"n\d{8}")
_MASK = re.compile(r"mask|segment", re.IGNORECASE)
_LOOKED_AT = 20


def detect_folder(clues: Clues) -> Guess | None:
    """Return class folders with their masks and splits.

    Raises RatevalError where photos lie a level higher or lower, or no mask, or image of a COCO
    file, belongs to a photo.
    """
    root = clues.data
    if root is None or not root.is_dir():
        return None
    photos = _list(root)
    labels = sorted({photo.label for photo in photos if photo.label is not None})
    found = write_count(len(photos), "photo"), write_count(len(labels), "class folder")
    why = " in ".join(found)
    params: dict[str, Any] = {"root": str(root)}
    unknown: list[str] = []
    if clues.masks is not None:
        key, what, unknown = _look_at_masks(photos, clues.masks)
        params[key] = str(clues.masks)
        why += f", {what}"
    if all(_WNID.fullmatch(label) for label in labels):
        unknown.append(
            "the words of prompts: the folders are called by WordNet ids, which a model doesn't "
            'know; set class_names = { n02084071 = "dog", … }'
        )
    ids, splits = [photo.id for photo in photos], [photo.split for photo in photos]
    division = find_division(ids, splits, [root, root.parent], clues)
    unknown += division.unknown
    sure = 2 if "coco" in params else 1  # than the reader of COCO files, which may take it, too
    return Guess(why, {**params, **division.params}, sure, tuple(unknown), division.fill)


def _look_at_masks(photos: Sequence[Photo], masks: Path) -> tuple[str, str, list[str]]:
    """Return the param of the masks, for how many photos there are some, and what is asked."""
    if is_json(masks):
        masked, notes = add_objects(NAME, photos, masks, crowds=True)
        count = sum(photo.evidence is not None for photo in masked)
        return "coco", f"{count} of them with objects of their class in {masks.name}", notes
    if not masks.is_dir():
        raise problem(
            NAME,
            f"masks = {masks}: is a file; class folders take a folder of masks, such as "
            f"masks/{photos[0].id.rpartition('.')[0]}.png, or a COCO file, annotations.json",
        )
    masked, notes = add_masks(NAME, photos, masks, None)
    count = sum(photo.evidence is not None for photo in masked)
    return "masks", f"{count} of them with a mask", [*notes, *_ask_values(masked)]


def _list(root: Path) -> list[Photo]:
    try:
        return list_photos(root)
    except RatevalError as error:
        inner = [name for name in folders_in(root) if _has_photos(root / name)]
        if not inner:
            raise
        raise problem(
            NAME,
            f"root = {root}: class folders lie in its {list_some(inner)}; give the one of the "
            f"photos, such as --data {root / inner[-1]}, and that of their masks as --masks",
        ) from error


def _has_photos(folder: Path) -> bool:
    try:
        return bool(list_photos(folder))
    except RatevalError:
        return False


def _ask_values(photos: Sequence[Photo]) -> list[str]:
    """Return what some masks leave open: values of a label map."""
    masks = [photo.evidence for photo in photos if photo.evidence is not None]
    values: set[int] = set()
    for mask in masks[:: max(1, -(-len(masks) // _LOOKED_AT))]:
        source = getattr(mask, "source", None)
        if not isinstance(source, Path):
            continue
        try:
            with open_image(source) as image:
                colours = image.getcolors(65536) or []
        except (OSError, ValueError, SyntaxError):
            continue  # which photo that is, a run says
        values |= {colour for _, colour in colours if isinstance(colour, int)}
    above = sorted(values - {0})
    if len(above) < 2:
        return []
    return [
        f"which values of the masks are evidence: they hold {list_some(map(str, sorted(values)))}, "
        "and all above 0 count; where they are labels, set mask_values = [1]"
    ]


def detect_huggingface(clues: Clues) -> Guess | None:
    """Return a table that the library ``datasets`` saved, with its columns by their kinds.

    Raises RatevalError when none of them is an image or a label.
    """
    root = clues.data
    if root is None or not root.is_dir() or not any((root / name).is_file() for name in _SAVED):
        return None
    features = _features(root)
    images = [key for key, kind in features.items() if _kind(kind) == "Image"]
    masks = [key for key in images if _MASK.search(key)]
    photos = [key for key in images if key not in masks]
    labels = [key for key, kind in features.items() if _kind(kind) == "ClassLabel"]
    labels += [key for key in ("label", "labels", "class") if key in features and key not in labels]
    if not photos or not labels:
        raise RatevalError(
            f"huggingface: root = {root}: its columns {list_some(features)} hold no "
            f"{'label' if photos else 'photo'} that is known; name image and label in the spec"
        )
    params: dict[str, Any] = {"root": str(root), "image": photos[0], "label": labels[0]}
    unknown = []
    if masks:
        params["mask"] = masks[0]
    for what, keys in (("photos", photos), ("labels", labels), ("masks", masks)):
        if len(keys) > 1:
            unknown.append(f"the column of the {what}: {list_some(keys)}; the first is taken")
    boxes = [key for key in features if "box" in key or key == "objects"]
    if boxes and not masks:
        unknown.append(
            f"whether {list_some(boxes)} holds boxes, and how they are written; then set boxes, "
            "box_format and box_unit"
        )
    return Guess("a table that the library datasets saved", params, 3, tuple(unknown))


def _features(root: Path) -> dict[str, Any]:
    """Return the columns of a table, or of its first split, as the library describes them."""
    place = root
    if (root / _SAVED[0]).is_file():
        splits = read_json(root / _SAVED[0]).get("splits")
        if isinstance(splits, list) and splits:
            place = root / str(splits[0])
    found = read_json(place / _SAVED[1]).get("features")
    return found if isinstance(found, dict) else {}


def _kind(feature: Any) -> str:
    return str(feature.get("_type")) if isinstance(feature, dict) else ""
