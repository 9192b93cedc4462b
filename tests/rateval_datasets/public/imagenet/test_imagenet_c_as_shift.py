"""ImageNet-C's files by the shift ``corruption`` are what the dataset ``imagenet-c`` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

import rateval
from rateval.api import Context, RatevalError, Sample, Skipped
from rateval.testing import check_shift
from rateval_datasets.public.imagenet import make_imagenet
from rateval_datasets.public.imagenet_c import make_imagenet_c
from rateval_datasets.public.params import ImageNetCParams, ImageNetParams
from rateval_shifts.corruptions.digital import through_jpeg
from rateval_shifts.corruptions.shift import make_shift
from rateval_shifts.params import CorruptionParams


def shift(files: Path | None, **given: Any) -> Any:
    asked = {"type": "fog", "severity": 3, "files": files, "as": "imagenet-c"} | given
    return make_shift(CorruptionParams.model_validate(asked), Context())


def test_a_study_of_files_or_made_is_one_line_apart(
    imagenet_c: Path, kaggle: Path, tmp_path: Path
) -> None:
    table: dict[str, Any] = {
        "use": "corruption", "type": "fog", "severity": 3, "as": "imagenet-c",
    }  # fmt: skip
    spec: dict[str, Any] = {
        "study": {"name": "files"},
        "dataset": [{"use": "imagenet", "root": str(kaggle)}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
        "report": {"pictures": 0},
    }
    keys, scores = [], []
    for shifts in ([table | {"files": str(imagenet_c)}], [table]):
        record = rateval.run(spec | {"shift": shifts}, device="cpu", output=str(tmp_path / "runs"))
        assert record.status == "finished"
        keys.append([cell.key for cell in record.cells])
        scores.append([record.rows(cell)["probabilities"].to_pylist() for cell in record.cells])
    assert keys[0] == keys[1]
    assert scores[0][0] == scores[1][0]
    assert scores[0][1] != scores[1][1]


@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
def test_files_and_evidence_are_those_of_the_dataset(
    imagenet_c: Path, kaggle: Path, protocol: Literal["matched", "aaai25"]
) -> None:
    whole = make_imagenet(ImageNetParams(root=kaggle, protocol=protocol), Context()).test
    params = ImageNetCParams(
        root=imagenet_c, corruption="fog", severity=3, imagenet=kaggle, protocol=protocol
    )
    read = make_imagenet_c(params, Context()).test
    asked = {
        Path(one.id).name: one for one in read.samples(range(len(read))) if isinstance(one, Sample)
    }
    change, compared = shift(imagenet_c), 0
    for before in whole.samples(range(len(whole))):
        if not isinstance(before, Sample) or Path(before.id).name not in asked:
            continue
        after, other = change.apply(before), asked[Path(before.id).name]
        assert isinstance(after, Sample)
        assert (after.id, after.label) == (before.id, other.label)
        assert np.array_equal(np.asarray(after.image), np.asarray(other.image))
        assert after.mask is not None
        assert other.mask is not None
        assert np.array_equal(after.mask, other.mask)
        compared += 1
    assert compared >= 2


def test_a_folder_that_is_not_there_is_told(imagenet_c: Path) -> None:
    with pytest.raises(RatevalError, match=r"there is no folder .*fog/5; ImageNet-C unpacks to"):
        shift(imagenet_c, severity=5)


def picture(name: str, width: int, height: int) -> Sample:
    return Sample(name, Image.new("RGB", (width, height)), 0, np.ones((height, width), bool))


def test_what_has_no_file_or_a_damaged_one_is_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "fog" / "3" / "n01440764"
    folder.mkdir(parents=True)
    Image.new("RGB", (224, 224), "red").save(folder / "a.JPEG")
    Image.new("RGB", (200, 224)).save(folder / "narrow.JPEG")
    (folder / "cut.JPEG").write_bytes((folder / "a.JPEG").read_bytes()[:300])
    change = shift(tmp_path)
    reasons = {
        name: change.apply(picture(name, 300, 400)).reason
        for name in ("b.JPEG", "narrow.JPEG", "cut.JPEG")
    }
    assert reasons == {
        "b.JPEG": "no file of its name in fog/3 of ImageNet-C",
        "narrow.JPEG": "another size than ImageNet-C has: 200 x 224 pixels",
        "cut.JPEG": "unreadable file in fog/3 of ImageNet-C: OSError",
    }
    uncut = shift(tmp_path, **{"as": "any"})
    after = uncut.apply(picture("a.JPEG", 300, 400))
    assert isinstance(after, Skipped)
    assert after.reason == 'as = "any" and another size than the file\'s: 300 x 400'
    assert uncut.apply(picture("a.JPEG", 224, 224)).image.getpixel((5, 5))[0] > 250


def test_it_keeps_what_a_shift_promises(tmp_path: Path) -> None:
    class Named:
        """The suite's samples, each under the name of the one file."""

        def apply(self, sample: Sample) -> Sample | Skipped:
            named = Sample("a.JPEG", sample.image, sample.label, sample.mask, sample.caption)
            after = shift(tmp_path).apply(named)
            return Sample(sample.id, after.image, after.label, after.mask, after.caption)

    folder = tmp_path / "fog" / "3" / "n01440764"
    folder.mkdir(parents=True)
    Image.new("RGB", (224, 224), "red").save(folder / "a.JPEG")
    check_shift(Named())


def test_what_is_cut_already_is_not_cut_again() -> None:
    """By ``protocol = "aaai25"`` ImageNet shows 224 x 224 pixels before any shift."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (224, 224, 3), dtype=np.uint8))
    mask = np.asarray(image)[..., 0] > 128
    sample = Sample("a", image, 0, mask)
    published = shift(None, type="contrast", severity=1).apply(sample)
    plain = shift(None, type="contrast", severity=1, **{"as": "any"}).apply(sample)
    assert np.array_equal(published.mask, mask)
    stored = through_jpeg(np.asarray(plain.image), 85)
    assert np.array_equal(np.asarray(published.image), stored)
