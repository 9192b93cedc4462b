"""One photo explained gives the numbers of a run's row of it, and says what it leaves out."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import rateval
from rateval.api import Context
from rateval.errors import RatevalError, SpecError
from rateval.live.looking.asking import Question
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

LookAt = Callable[..., Any]
JUDGES = ({"use": "relevance-mass", "threshold": 0.3}, "counterfactual")


def run_all(photos: Any, **replaced: Any) -> Any:
    """Run a study of the photos, one image in a batch."""
    spec = {
        "study": {"name": "all"},
        "dataset": [{"use": "folder", "root": "photos", "masks": "masks"}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
        "evidence": [{"use": "relevance-mass", "threshold": 0.3}, {"use": "counterfactual"}],
        "counterfactual": {},
        "run": {"device": "cpu", "batch_size": 1},
    }
    return rateval.run(spec | replaced)


@pytest.mark.parametrize("method", ["zs", "checkpoint"])
def test_numbers_are_those_of_a_run(photos: Any, look_at: LookAt, method: str) -> None:
    more: dict[str, Any] = {}
    replaced: dict[str, Any] = {}
    if method == "checkpoint":
        generator = torch.Generator().manual_seed(0)
        state = make_clip(ClipParams(), Context()).module.state_dict()
        moved = {k: v + 0.003 * torch.randn(v.shape, generator=generator) for k, v in state.items()}
        save_file(moved, "tuned.safetensors")
        more["checkpoint"] = "tuned.safetensors"
        replaced["finetune"] = [{"use": "checkpoint", "path": "tuned.safetensors"}]
    record = run_all(photos, **replaced)
    (cell,) = record.cells
    rows = {row["id"]: (at, row) for at, row in enumerate(record.rows(cell).to_pylist())}
    answers = {row["id"]: row for row in record.answers(cell).to_pylist()}
    maps = record.relevance(cell)
    for photo in photos.photos[:5]:
        at, row = rows[photo.id]
        look = look_at(photo, label=photo.label, mask=photo.mask, validators=JUDGES[:1], **more)
        assert np.array_equal(look.relevance, maps[at])
        assert look.probabilities == tuple(row["probabilities"])
        assert look.prediction == look.classes[row["prediction"]]
        (judged,) = look.judged
        assert (judged.score, judged.valid) == (row["score"], row["valid"])
        assert look.edits[0].kept is answers[photo.id]["kept_without_object"]
    assert len({row["prediction"] for _, row in rows.values()}) > 1


def test_the_object_is_put_on_the_backgrounds_of_donors(photos: Any, look_at: LookAt) -> None:
    photo = photos.photos[3]
    given = {"mask": photo.mask, "label": photo.label, "donors": "photos", "donor_masks": "masks"}
    look = look_at(photo, validators=JUDGES, **given)
    assert [edit.title for edit in look.edits] == [
        "without the object",
        *["on another background"] * 4,
    ]
    donors = [edit.donor for edit in look.edits[1:]]
    assert len(set(donors)) == 4
    assert all(photo.label != Path(donor).parts[0] for donor in donors)
    assert look.mask is not None
    seen = np.asarray(look.seen)
    for edit in look.edits[1:]:
        picture = np.asarray(edit.picture)
        assert np.array_equal(picture[look.mask], seen[look.mask])
        assert not np.array_equal(picture[~look.mask], seen[~look.mask])
    # By the definition of docs/counterfactual.md, from what is said of each edit.
    without, others = look.edits[0], look.edits[1:]
    gap = np.mean([edit.probability for edit in others]) - without.probability
    by_edits = look.judged[1]
    assert by_edits.score == pytest.approx(gap, abs=1e-6)
    causal = np.mean([edit.kept for edit in others]) >= 0.5 and not without.kept
    assert by_edits.valid == causal


def test_a_photo_lends_itself_no_background(photos: Any, look_at: LookAt) -> None:
    photo = photos.photos[4]
    for path in (photo.image, photo.mask):
        alone = Path("alone", path)
        alone.parent.mkdir(parents=True, exist_ok=True)
        alone.write_bytes(path.read_bytes())
    given = {"mask": photo.mask, "donors": "alone/photos", "donor_masks": "alone/masks"}
    wrong = next(name for name in photos.classes if name != photo.label)
    with pytest.raises(RatevalError, match="no other photo lends its background"):
        look_at(photo, label=wrong, **given)


def test_without_a_mask_nothing_is_judged(photos: Any, look_at: LookAt) -> None:
    look = look_at(photos.photos[1])
    assert (look.mask, look.judged, look.edits, look.label) == (None, (), (), None)
    assert look.explained == look.prediction
    assert "no mask is given: evidence is not judged, and nothing is edited" in look.notes
    assert "no label is given: the map explains the predicted class" in look.notes
    assert look.as_json()["mask_area"] is None


def test_a_map_without_a_label_is_that_of_the_answer(photos: Any, look_at: LookAt) -> None:
    photo = photos.photos[2]
    free = look_at(photo)
    told = look_at(photo, label=free.prediction)
    assert np.array_equal(free.relevance, told.relevance)
    other = next(name for name in photos.classes if name != free.prediction)
    assert not np.array_equal(free.relevance, look_at(photo, label=other).relevance)
    asked = {"use": "generic-attention", "target": "prediction"}
    by_target = look_at(photo, label=other, attribution=asked)
    assert np.array_equal(free.relevance, by_target.relevance)
    assert by_target.explained == free.prediction


def test_what_exif_turned_is_said(photos: Any, look_at: LookAt) -> None:
    photo = photos.photos[0]
    assert "turned by EXIF" in look_at(photo, mask=photo.mask).notes
    with pytest.raises(RatevalError, match=r'has 48 x 64 pixels.*set exif = "apply"'):
        look_at(photo, mask=photo.mask, exif="ignore")


def test_an_empty_mask_is_not_judged(photos: Any, look_at: LookAt, tmp_path: Path) -> None:
    photo = photos.photos[1]
    Image.fromarray(np.zeros((64, 64), np.uint8)).save("empty.png")
    look = look_at(photo, mask="empty.png")
    assert look.judged[0].score is None and look.judged[0].valid is None
    assert look.judged[0].undefined == "empty mask"
    assert "nothing is edited: empty mask" in look.notes


def test_the_picture_shows_all_of_it(photos: Any, look_at: LookAt) -> None:
    photo = photos.photos[3]
    with_mask = Image.open(io.BytesIO(look_at(photo, label=photo.label, mask=photo.mask).png()))
    alone = Image.open(io.BytesIO(look_at(photo)._repr_png_()))
    assert with_mask.format == alone.format == "PNG"
    assert with_mask.width > 1.8 * alone.width  # four panels and two


def test_everything_wrong_is_told_at_once(photos: Any) -> None:
    with pytest.raises(SpecError) as caught:
        rateval.look(
            "nowhere.jpg",
            model="clop",
            classes=["cup", "cup"],
            label="cupp",
            attribution="generic-atention",
            donors="elsewhere",
        )
    said = "\n".join(map(str, caught.value.problems))
    for part in (
        'dataset[0].image = "nowhere.jpg": no such file',
        'model[0].use = "clop": unknown model; did you mean "clip"?',
        'did you mean "generic-attention"?',
        'label = cupp: is not among the classes; did you mean "cup"?',
        "classes = cup,cup: names cup more than once",
        "donors = elsewhere: no such file",
        "donors = elsewhere: an object is cut out by its mask",
    ):
        assert part in said, part


def test_donors_without_masks_are_refused(photos: Any, look_at: LookAt) -> None:
    photo = photos.photos[1]
    with pytest.raises(RatevalError, match="none of these photos has a mask"):
        look_at(photo, mask=photo.mask, donors="photos")
    Path("empty").mkdir()
    with pytest.raises(RatevalError, match=r"rateval\.look: donors = empty: .*holds no folder"):
        look_at(photo, mask=photo.mask, donors="empty")


def test_a_judge_of_edits_needs_donors(photos: Any, look_at: LookAt) -> None:
    photo = photos.photos[1]
    with pytest.raises(SpecError, match="give donors to take them from"):
        look_at(photo, mask=photo.mask, validators="counterfactual")


def test_without_opencv_it_says_so(
    photos: Any, look_at: LookAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Question, "edits", property(lambda question: False))
    photo = photos.photos[1]
    look = look_at(photo, mask=photo.mask)
    assert look.judged and not look.edits
    assert any("needs OpenCV" in note for note in look.notes)
    with pytest.raises(SpecError, match="needs OpenCV"):
        look_at(photo, mask=photo.mask, donors="photos", donor_masks="masks")
