"""Stanford Dogs: 20,580 images of 120 breeds with bounding boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.images import UnfitError, as_rgb, open_image, open_rgb, require_view
from rateval_datasets.layout import Layout, explain_path, folders_in, names_in
from rateval_datasets.public.boxes import draw_boxes, read_annotation
from rateval_datasets.public.mat_files import read_mat
from rateval_datasets.public.params import StanfordDogsParams
from rateval_datasets.public.place import saying_where
from rateval_datasets.split import FileDataset, FileSplit, Listing
from rateval_datasets.view import Mask, View

LAYOUT = Layout(
    dataset="stanford-dogs",
    tree="Images/<class>/*.jpg, Annotation/<class>/<name>, train_list.mat and test_list.mat",
    source="vision.stanford.edu/aditya86/ImageNetDogs (images.tar, annotation.tar, lists.tar)",
)
_PUBLISHED_VIEW = View(224)


def make_stanford_dogs(params: StanfordDogsParams, context: Context) -> FileDataset:
    """Make the dataset with its official split.

    Raises RatevalError when a file is missing, or a list contradicts itself or the folders.
    """
    root = params.root
    with saying_where(LAYOUT, root, _is_whole):
        LAYOUT.folder(root)
        images, annotations = LAYOUT.folder(root / "Images"), LAYOUT.folder(root / "Annotation")
    published = params.protocol == "aaai25"
    lists = {part: _find_list(root, part) for part in ("train", "test")}
    paths = _read_lists(lists)
    folders = sorted({PurePosixPath(path).parent.name for part in paths.values() for path in part})
    _check_folders(images, folders)
    known = {folder: names_in(annotations / folder) for folder in folders}
    labels = {folder: label for label, folder in enumerate(folders)}

    def split(part: str) -> FileSplit:
        files = [PurePosixPath(path) for path in paths[part]]
        listing = Listing(
            paths[part],
            [labels[file.parent.name] for file in files],
            [file.stem in known[file.parent.name] for file in files],
        )
        view = _PUBLISHED_VIEW if published and part == "test" else None

        def read_mask(path: str, label: int, image: Image.Image) -> Mask:
            found = read_annotation(annotations / PurePosixPath(path).with_suffix(""))
            size = (image.height, image.width)
            if not published:
                require_view(image, found.size or size, "annotation")
                return draw_boxes(found.boxes, found.size, size)
            mask = draw_boxes(found.boxes[-1:], None, size)
            return mask if view is None else view.mask(mask)

        title = f"stanford-dogs protocol={params.protocol} split={part}"
        read_image = open_colour if published else open_rgb
        return FileSplit(title, images, listing, read_mask, read_image, view)

    names = tuple(breed(folder, whole=not published) for folder in folders)
    where = [f"the folder {folder}" for folder in folders]
    LAYOUT.check_names(names, where, distinct=not published)
    return FileDataset(names, split("test"), lambda: split("train"))


def _is_whole(root: Path) -> bool:
    return (root / "Images").is_dir() and (root / "Annotation").is_dir()


def breed(folder: str, *, whole: bool) -> str:
    """Return the class name of a folder, cut at its first "-" unless ``whole``.

    >>> breed("n02089078-black-and-tan_coonhound", whole=True)
    'black-and-tan coonhound'
    >>> breed("n02089078-black-and-tan_coonhound", whole=False)
    'black'
    """
    name = folder.partition("-")[2].replace("_", " ").lower()
    return name if whole else name.partition("-")[0]


def open_colour(path: Path) -> Image.Image:
    """Read an image of three or four channels as RGB.

    Raises like ``open_rgb``, and UnfitError for any other, on which the published code crashes.
    """
    with open_image(path) as image:
        if len(image.getbands()) not in (3, 4):
            raise UnfitError(
                f"not in colour: an image of mode {image.mode} crashes the published code; "
                'protocol = "matched" reads it'
            )
        return as_rgb(image)


def _find_list(root: Path, part: str) -> Path:
    return LAYOUT.file(root / f"{part}_list.mat", root / "lists" / f"{part}_list.mat")


def _read_lists(lists: Mapping[str, Path]) -> dict[str, list[str]]:
    """Read the paths of each split's images below Images.

    Raises RatevalError when one occurs twice, or a label of the lists tells another class than the
    image's folder.
    """
    found: dict[str, list[str]] = {}
    seen: dict[str, str] = {}
    numbers: dict[str, object] = {}
    for part, file in lists.items():
        found[part], labels = _read_list(file)
        for entry, (path, label) in enumerate(zip(found[part], labels, strict=True), 1):
            if path in seen:
                raise LAYOUT.error(f"{file}: file_list {entry}: {path} stands in {seen[path]}, too")
            seen[path] = f"{file}: file_list {entry}"
            folder = PurePosixPath(path).parent.name
            if label is not None and numbers.setdefault(folder, label) != label:
                raise LAYOUT.error(
                    f"{file}: labels {entry}: {label}, but earlier images of {folder} have the "
                    f"label {numbers[folder]}"
                )
    if len(set(numbers.values())) < len(numbers):
        raise LAYOUT.error(f"{' and '.join(map(str, lists.values()))} give two classes one label")
    return found


def _read_list(file: Path) -> tuple[list[str], list[object]]:
    """Return paths and, for each, its label; None where the list has no labels."""
    try:
        content = read_mat(file, ("file_list",), optional=("labels",))
    except (OSError, ValueError) as error:
        raise LAYOUT.error(f"{file} cannot be read: {error}") from error
    paths = [_path(file, *cell) for cell in enumerate(content["file_list"].reshape(-1), 1)]
    if not paths:
        raise LAYOUT.error(f"{file} lists no images")
    labels = content["labels"].reshape(-1).tolist() if "labels" in content else [None] * len(paths)
    if len(labels) != len(paths):
        raise LAYOUT.error(f"{file}: it has {len(paths)} files but {len(labels)} labels")
    return paths, labels


def _path(file: Path, entry: int, cell: object) -> str:
    if not (isinstance(cell, np.ndarray) and cell.dtype.kind == "U" and cell.shape == (1,)):
        raise LAYOUT.error(f"{file}: file_list {entry} is no text of one line")
    if problem := explain_path(str(cell[0])):
        raise LAYOUT.error(f"{file}: file_list {entry}: {problem}")
    return str(cell[0])


def _check_folders(images: Path, folders: Sequence[str]) -> None:
    missing = sorted(set(folders) - set(folders_in(images)))
    if missing:
        raise LAYOUT.error(f"the lists name folders that {images} lacks: {list_some(missing)}")
