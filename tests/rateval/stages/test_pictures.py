"""Pictures of whole runs: which there are, what is on them, and what becomes of failures."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rateval
from rateval.api.values import Sample
from rateval.cli.main import main
from rateval.errors import RatevalError
from rateval.records.about.pictures import PicturesRecord
from rateval.records.run import RunRecord
from rateval.spec.toml_text import parse_toml
from rateval.store.tables.pictures import decode_mask
from rateval.testing import tiny_dataset, tiny_model
from rateval.workbench.views import ModelView

STORE = Path("runs/store/pictures")
SQUARED = """
from torchvision.transforms import Compose, InterpolationMode, Resize, ToTensor

from rateval.modelkit import Geometry
from rateval.testing import tiny_model

def make(context):
    model = tiny_model()
    geometry = Geometry(
        Compose([Resize((24, 32), InterpolationMode.BICUBIC), ToTensor(), lambda x: 2 * x - 1])
    )
    model.preprocess, model.preprocess_mask = geometry.image, geometry.mask
    return model
"""


def spec(pictures: int = 200, **changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "test": 12, "without_mask": 1}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 1, "batch_size": 6}],
        "metric": [{"use": "accuracy"}],
        "report": {"pictures": pictures},
        "run": {"device": "cpu", "batch_size": 5},
    } | changes


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def rows(record: RunRecord, pictures: PicturesRecord) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = record.images(pictures).to_pylist()
    return found


def opened(row: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(row["picture"])))


def states(record: RunRecord, finetuner: str) -> dict[str, str]:
    """Return id to quadrant, from the rows."""
    cell = next(cell for cell in record.cells if cell.key.finetuner == finetuner)
    return {
        row["id"]: ("R" if row["correct"] else "W")
        + ("U" if row["mask_area"] is None else "R" if row["valid"] else "W")
        for row in record.rows(cell).to_pylist()
    }


def test_a_run_keeps_what_its_models_saw() -> None:
    record = rateval.run(spec(evidence=[{"use": "relevance-mass"}]))
    (found,) = record.pictures
    assert (found.dataset, found.shift, found.seed, found.models) == (
        "squares",
        None,
        None,
        ("tiny",),
    )
    assert (found.height, found.width, found.count, found.of, found.asked) == (24, 32, 12, 12, 200)
    assert (found.undefined, found.file) == ({}, "pictures.parquet")
    assert found.tell_sampling() == "All 12 test images are shown."
    view, data = ModelView(tiny_model(), ("tiny",), "the model"), tiny_dataset()
    for at, row in enumerate(rows(record, found)):
        (sample,) = data.test.samples([at])
        assert (row["index"], row["id"]) == (at, sample.id)
        assert isinstance(sample, Sample) and sample.mask is not None
        seen = np.asarray(view.image(sample.image)).astype(int)
        assert np.abs(opened(row).astype(int) - seen).mean() < 12  # noise, which WebP smooths
        assert (row["width"], row["height"]) == (32, 24)
        if at == 0:
            assert row["mask"] is None
        else:
            assert np.array_equal(decode_mask(row["mask"], 24, 32), view.mask(sample.mask))
    before, after = states(record, "zs"), states(record, "ft")
    expected: dict[str, int] = {}
    for name in before:
        for stratum in (
            f"tiny · zs: {before[name]}",
            f"tiny · ft: {after[name]}",
            f"tiny · ft: {before[name]} → {after[name]}",
        ):
            expected[stratum] = expected.get(stratum, 0) + 1
    assert {name: one.there for name, one in found.strata.items()} == expected
    assert all(one.chosen == one.there for one in found.strata.values())
    assert rateval.load(record.path) == record


def test_each_picture_is_of_the_stratum_that_it_was_drawn_for() -> None:
    record = rateval.run(spec(5))
    (found,) = record.pictures
    assert (found.count, found.of) == (5, 12)
    assert found.tell_sampling().startswith(
        "5 of 12 test images are shown. They are no random sample"
    )
    before, after = states(record, "zs"), states(record, "ft")
    for row in rows(record, found):
        name = row["id"]
        assert row["stratum"] in {
            f"tiny · zs: {before[name]}",
            f"tiny · ft: {after[name]}",
            f"tiny · ft: {before[name]} → {after[name]}",
        }
    sizes = [one.there for one in found.strata.values()]
    assert sizes == sorted(sizes)
    assert next(iter(found.strata.values())).chosen == 1


def test_shifts_share_the_pictures_of_a_dataset() -> None:
    record = rateval.run(spec(5, shift=[{"use": "darken"}], finetune=[{"use": "zs"}]))
    assert [(str(p.shift), p.count, p.asked) for p in record.pictures] == [
        ("None", 3, 3),
        ("darken", 2, 2),
    ]
    plain, dark = (rows(record, one) for one in record.pictures)
    mean = [np.mean([opened(row).mean() for row in found]) for found in (plain, dark)]
    assert mean[1] < 0.8 * mean[0]
    few = rateval.run(spec(1, shift=[{"use": "darken"}], finetune=[{"use": "zs"}]))
    assert [(p.shift, p.count) for p in few.pictures] == [(None, 1)]


def test_models_with_one_view_share_pictures_and_others_have_the_same_images() -> None:
    Path("other.py").write_text(SQUARED, encoding="utf-8")
    models = [
        {"use": "tiny"},
        {"use": "./other.py:make", "name": "b"},
        {"use": "./other.py:make", "name": "a"},
    ]
    record = rateval.run(spec(6, model=models, finetune=[{"use": "zs"}]))
    assert [(p.models, p.file) for p in record.pictures] == [
        (("a", "b"), "pictures.parquet"),
        (("tiny",), "pictures-2.parquet"),
    ]
    squared, own = (rows(record, one) for one in record.pictures)
    assert [row["id"] for row in squared] == [row["id"] for row in own]
    assert [row["picture"] for row in squared] != [row["picture"] for row in own]


def test_what_is_stored_is_taken_again_and_no_pictures_leave_none() -> None:
    first, second = rateval.run(spec()), rateval.run(spec(), batch_size=3, readers=2)
    assert first.pictures == second.pictures
    assert [stage.reused for stage in second.stages if stage.stage == "pictures"] == [True]
    shutil.rmtree("runs")
    none = rateval.run(spec(0))
    assert (none.pictures, none.status) == ((), "finished")
    assert not STORE.exists()
    with pytest.raises(RatevalError, match="the stored result is gone; run the spec again"):
        none.model_copy(update={"_path": none.path}).images(first.pictures[0])


def test_a_cell_that_failed_takes_no_picture_with_it() -> None:
    Path("broken.py").write_text("def make(context):\n    1 / 0\n", encoding="utf-8")
    models = [{"use": "tiny"}, {"use": "./broken.py:make", "name": "broken"}]
    record = rateval.run(spec(model=models))
    assert record.status == "failed"
    (found,) = record.pictures
    assert {name.split(" ·")[0] for name in found.strata} == {"tiny"}
    assert found.identity == rateval.run(spec()).pictures[0].identity


def test_pictures_that_fail_take_no_cell_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> Any:
        raise ValueError("no colour left")

    monkeypatch.setattr("rateval.engine.picturing.make.pictures", fail)
    record = rateval.run(spec())
    (failure,) = record.failures
    assert (failure.stage, failure.label) == ("pictures", "squares")
    assert [key.finetuner for key in failure.cells] == ["zs", "ft"]
    assert len(record.cells) == 2
    assert main(["report", str(record.path)]) == 0


def test_an_interrupt_loses_no_cell_and_pictures_come_with_the_next_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rateval.engine.picturing.make.pictures", stop)
        with pytest.raises(KeyboardInterrupt):
            rateval.run(spec())
    (folder,) = Path("runs").glob("tiny-*")
    half = rateval.load(folder)
    assert (half.status, half.pictures, len(half.cells)) == ("interrupted", (), 2)
    whole = rateval.run(spec())
    assert [s.stage for s in whole.stages if not s.reused] == ["pictures"]
    assert len(whole.pictures) == 1


def test_only_some_cells_draw_by_what_is_stored() -> None:
    rateval.run(spec(0), only="tiny · zs on squares")
    record = rateval.run(spec(), only="tiny · ft on squares")
    assert any("→" in name for name in record.pictures[0].strata)
    shown = rateval.run(spec(150), only="tiny · ft on squares")
    assert shown.pictures[0].asked == 150


def write_photos(folder: Path) -> None:
    """Write two classes: turned by EXIF, grey, transparent, and one with a place in its EXIF."""
    for name, colour in (("cat", (200, 40, 40)), ("dog", (40, 40, 200))):
        (folder / name).mkdir(parents=True)
        exif = Image.Exif()
        exif[0x0112] = 6
        exif[0x010E] = "secret place"
        half = Image.new("RGB", (96, 48), colour)
        half.paste((250, 250, 250), (0, 0, 48, 48))
        half.save(folder / name / "turned.jpg", exif=exif, quality=95)
        Image.new("L", (50, 60), 77).save(folder / name / "grey.png")
        clear = Image.new("RGBA", (60, 60), (0, 255, 0, 255))
        clear.paste((0, 0, 0, 0), (0, 0, 60, 30))
        clear.save(folder / name / "clear.png")


FOLDER = """
[study]
name = "photos"
[[dataset]]
use = "folder"
root = "photos"
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[run]
device = "cpu"
"""


def test_own_photos_are_kept_as_seen_and_without_what_their_files_tell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_photos(Path("photos"))
    Path("spec.toml").write_text(FOLDER, encoding="utf-8")
    assert main(["run", "spec.toml", "-q"]) == 0
    (folder,) = Path("runs").glob("photos-*")
    record = rateval.load(folder)
    (found,) = record.pictures
    kept = {row["id"]: row for row in rows(record, found)}
    assert len(kept) == 6
    for name, row in kept.items():
        assert row["mask"] is None
        assert b"secret" not in row["picture"] and b"EXIF" not in row["picture"], name
    turned = opened(next(row for name, row in kept.items() if "cat" in name and "turned" in name))
    # Turned, the white half is above: rows of one colour each, white ones first.
    assert turned[3, 16].min() > 200
    assert np.abs(turned[-3, 16].astype(int) - [200, 40, 40]).max() < 30
    grey = opened(next(row for name, row in kept.items() if "dog" in name and "grey" in name))
    assert np.abs(grey.astype(int) - 77).max() <= 3
    assert main(["run", "spec.toml", "-q", "--no-pictures", "--output", "private"]) == 0
    assert not Path("private/store/pictures").exists()
    (private,) = Path("private").glob("photos-*")
    assert rateval.load(private).command == "rateval run spec.toml --output private --no-pictures"
    capsys.readouterr()


def test_more_pictures_are_made_later(capsys: pytest.CaptureFixture[str]) -> None:
    write_photos(Path("photos"))
    Path("spec.toml").write_text(FOLDER + "[report]\npictures = 2\n", encoding="utf-8")
    assert main(["run", "spec.toml", "-q"]) == 0
    (folder,) = Path("runs").glob("photos-*")
    before, text = rateval.load(folder), (folder / "spec.toml").read_text(encoding="utf-8")
    assert main(["report", str(folder), "--pictures", "5"]) == 0
    after = rateval.load(folder)
    assert [(p.count, p.asked) for p in (*before.pictures, *after.pictures)] == [(2, 2), (5, 5)]
    assert len(rows(after, after.pictures[0])) == 5
    assert after.model_copy(update={"pictures": before.pictures}) == before
    assert (folder / "spec.toml").read_text(encoding="utf-8") == text
    again = rateval.run(parse_toml(FOLDER + "[report]\npictures = 5\n", "spec"))
    assert again.pictures == after.pictures  # of equal identity, whoever made them
    capsys.readouterr()


@pytest.mark.parametrize("lost", ["photos", "one", "judge"])
def test_what_is_gone_is_said(lost: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_photos(Path("photos"))
    Path("spec.toml").write_text(FOLDER + "[report]\npictures = 2\n", encoding="utf-8")
    assert main(["run", "spec.toml", "-q"]) == 0
    (folder,) = Path("runs").glob("photos-*")
    before = (folder / "run.json").read_bytes()
    if lost == "photos":
        shutil.rmtree("photos")
    elif lost == "one":
        Path("photos/cat/grey.png").unlink()
    else:
        shutil.rmtree("runs/store/judge")
    capsys.readouterr()
    assert main(["report", str(folder), "--pictures", "5"]) == 2
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    assert {
        "photos": 'error: dataset "folder": ',
        "one": 'error: dataset "folder": its test images are others than those of this run',
        "judge": "the stored result is gone or damaged; run again: rateval run spec.toml",
    }[lost] in printed.err
    assert (folder / "run.json").read_bytes() == before


def test_photos_that_went_missing_since_are_said_one_by_one() -> None:
    write_photos(Path("photos"))
    table = parse_toml(FOLDER, "spec")
    rateval.run(table | {"report": {"pictures": 0}})
    for path in Path("photos/cat").iterdir():
        content = path.read_bytes()
        path.write_bytes(b"\0" * len(content))  # of the same size: the same data by identity
    record = rateval.run(table)
    (found,) = record.pictures
    assert sum(found.undefined.values()) == 3
    lost = [row for row in rows(record, found) if row["picture"] is None]
    assert len(lost) == 3
    assert all("cat" in row["id"] and row["undefined"] and row["width"] is None for row in lost)
    for path in Path("photos/dog").iterdir():
        path.write_bytes(b"\0" * path.stat().st_size)
    failed = rateval.run(table | {"report": {"pictures": 5}})
    assert "none of 5 test images can be read now" in failed.failures[0].error


@pytest.mark.parametrize("asked", ["0", "-3", "many", "1.5", "100001"])
def test_a_number_that_is_none_is_refused(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", "runs/x", f"--pictures={asked}"])
    assert ended.value.code == 2
    assert "must be a whole number from 1 to 100,000" in capsys.readouterr().err


def test_the_record_names_what_it_holds() -> None:
    record = rateval.run(spec(3))
    content = json.loads((record.path / "run.json").read_text(encoding="utf-8"))
    assert content["spec_resolved"]["report"] == {"pictures": 3, "tokens": 60, "html": False}
    assert content["pictures"][0]["identity"] == next(STORE.iterdir()).name


@pytest.mark.parametrize("file", ["../../judge/rows.parquet", "pictures-7.parquet"])
def test_a_record_that_was_changed_leads_to_no_other_file(file: str) -> None:
    record = rateval.run(spec(3))
    path = record.path / "run.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"pictures.parquet"', json.dumps(file)),
        encoding="utf-8",
    )
    with pytest.raises(RatevalError, match=r"file: String should match|result is gone; run"):
        changed = rateval.load(record.path)
        changed.images(changed.pictures[0])


def test_images_that_were_handed_over_live_cannot_be_read_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tiny_dataset()
    samples = [sample for sample in data.test.samples(range(4)) if isinstance(sample, Sample)]
    record = rateval.evaluate(
        tiny_model(),
        [sample.image for sample in samples],
        [sample.label for sample in samples],
        [sample.mask for sample in samples],
        classes=data.classes,
    )
    assert [(p.count, p.of) for p in record.pictures] == [(4, 4)]
    assert main(["report", str(record.path), "--pictures", "9"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert "the images of rateval.evaluate were handed over and lie nowhere" in printed
