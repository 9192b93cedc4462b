"""Objects of a COCO file as the evidence of photos that are listed otherwise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from rateval.modelkit import list_some, write_count
from rateval_datasets.own.coco.objects import objects_of
from rateval_datasets.own.coco.reading import CocoImage, Instances, read_instances
from rateval_datasets.own.mask_folder import places_of
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo


def add_objects(
    component: str, photos: Sequence[Photo], path: Path, *, crowds: bool
) -> tuple[list[Photo], list[str]]:
    """Give each photo the objects of its label in the image of the file that has its path.

    One path may lack folders that the other one begins with. Returns the photos, and what a person
    should look at. Raises RatevalError when no image or no category fits.
    """
    found = read_instances(component, "coco", path)
    _require_decoder(component, path, found)
    by_name: dict[str, list[CocoImage]] = defaultdict(list)
    for image in found.images:
        by_name[PurePosixPath(image.file_name).name].append(image)
    fitting = [_images_of(photo, by_name) for photo in photos]
    times = Counter(id(image) for images in fitting for image in images)
    made = [
        _with_objects(photo, images, times, crowds)
        for photo, images in zip(photos, fitting, strict=True)
    ]
    spare = [image.file_name for image in found.images if not times[id(image)]]
    if len(spare) == len(found.images):
        raise problem(
            component,
            f"coco = {path}: none of its images is a photo; it has {list_some(spare)}, where the "
            f"photos are called as {photos[0].id}",
        )
    labels = {photo.label for photo in photos}
    if found.categories and not labels & set(found.categories):
        raise problem(
            component,
            f"coco = {path}: none of its categories {list_some(found.categories)} is a label; the "
            f"labels are {list_some(sorted(label for label in labels if label))}",
        )
    count, are = write_count(len(spare), "image"), "is" if len(spare) == 1 else "are"
    notes = [f"{count} of {path.name} {are} no photo: {list_some(spare)}"]
    return made, [*found.notes, *(notes if spare else [])]


def _require_decoder(component: str, path: Path, found: Instances) -> None:
    """Require what decodes runs where there are some: it comes with an extra."""
    runs = any(isinstance(area.segmentation, dict) for one in found.images for area in one.areas)
    if runs and find_spec("pycocotools") is None:
        raise problem(
            component,
            f"coco = {path}: holds masks as runs, which pycocotools decodes: pip install "
            "'rateval[coco]'",
        )


def _images_of(photo: Photo, by_name: Mapping[str, Sequence[CocoImage]]) -> list[CocoImage]:
    """Return the images that may be a photo: of its path, else of one that ends as the other."""
    named = by_name.get(PurePosixPath(photo.id).name, ())
    places = list(places_of(photo))
    same = [image for image in named if image.file_name.removeprefix("./") in places]
    return same[:1] or [
        image
        for image in named
        if any(
            _ends_with(image.file_name, place) or _ends_with(place, image.file_name)
            for place in places
        )
    ]


def _ends_with(path: str, end: str) -> bool:
    return f"/{path}".endswith(f"/{end}")


def _with_objects(
    photo: Photo, images: Sequence[CocoImage], times: Counter[int], crowds: bool
) -> Photo:
    if not images:
        return photo
    if len(images) > 1:
        several = list_some(image.file_name for image in images)
        return replace(photo, fault=f"several images of the COCO file may be it: {several}")
    (image,) = images
    if times[id(image)] > 1:
        why = f"several photos may be {image.file_name} of the COCO file"
        return replace(photo, fault=why)
    evidence, _ = objects_of(image.areas, photo.label, image.size, crowds=crowds)
    return replace(photo, evidence=evidence)
