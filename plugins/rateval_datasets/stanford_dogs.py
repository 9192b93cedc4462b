"""Stanford Dogs: 20,580 images of 120 breeds with bounding boxes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from PIL import Image

from rateval.api import Context
from rateval_datasets.boxes import draw_boxes, read_annotation
from rateval_datasets.layout import Layout, names_in
from rateval_datasets.mat_files import read_mat
from rateval_datasets.params import StanfordDogsParams
from rateval_datasets.split import FileDataset, FileSplit, Listing, Mask, open_rgb
from rateval_datasets.view import View

LAYOUT = Layout(
    dataset="stanford-dogs",
    tree="Images/<class>/*.jpg, Annotation/<class>/<name>, train_list.mat and test_list.mat",
    source="vision.stanford.edu/aditya86/ImageNetDogs (images.tar, annotation.tar, lists.tar)",
)
_PUBLISHED_VIEW = View(224)


def make_stanford_dogs(params: StanfordDogsParams, context: Context) -> FileDataset:
    """Make the dataset with its official split.

    Raises RatevalError when a file is missing or unreadable.
    """
    root = LAYOUT.folder(params.root)
    images, annotations = LAYOUT.folder(root / "Images"), LAYOUT.folder(root / "Annotation")
    published = params.protocol == "aaai25"
    paths = {part: _read_list(root, part) for part in ("train", "test")}
    folders = sorted({PurePosixPath(path).parent.name for part in paths.values() for path in part})
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

        def read_mask(path: str, label: int, size: tuple[int, int]) -> Mask:
            found = read_annotation(annotations / PurePosixPath(path).with_suffix(""))
            if not published:
                return draw_boxes(found.boxes, found.size, size)
            mask = draw_boxes(found.boxes[-1:], None, size)
            return mask if view is None else view.mask(mask)

        title = f"stanford-dogs protocol={params.protocol} split={part}"
        read_image = open_colour if published else open_rgb
        return FileSplit(title, images, listing, read_mask, read_image, view)

    names = tuple(breed(folder, whole=not published) for folder in folders)
    return FileDataset(names, split("test"), lambda: split("train"))


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

    Raises ValueError for any other, on which the published code crashes.
    """
    with Image.open(path) as image:
        if len(image.getbands()) not in (3, 4):
            raise ValueError(
                f"an image of mode {image.mode} crashes the published code; protocol = "
                '"matched" reads it'
            )
        return image.convert("RGB")


def _read_list(root: Path, part: str) -> list[str]:
    """Read the paths of a split's images below Images."""
    path = LAYOUT.file(root / f"{part}_list.mat", root / "lists" / f"{part}_list.mat")
    try:
        cells = read_mat(path, ("file_list",))["file_list"].reshape(-1)
        paths = [str(cell[0]) for cell in cells]
    except (OSError, ValueError, LookupError) as error:
        raise LAYOUT.error(f"{path} cannot be read: {error}") from error
    if not paths or any("/" not in name for name in paths):
        raise LAYOUT.error(f"{path} lists no images as <class>/<name>.jpg")
    return paths
