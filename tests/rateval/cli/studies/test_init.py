"""`rateval init --data … --masks … --checkpoint …`: what it recognises runs, the rest it says."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import rateval as library
from rateval.api import Context
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

Rateval = Callable[..., Any]
State = dict[str, torch.Tensor]
CLASSES = ("kettle", "mug")


@pytest.fixture(scope="module")
def tuned() -> State:
    """The weights of the quickstart's CLIP, each moved a little."""
    generator = torch.Generator().manual_seed(0)
    module = make_clip(ClipParams(), Context()).module
    return {
        key: value + 0.003 * torch.randn(value.shape, generator=generator)
        for key, value in module.state_dict().items()
    }


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos in class folders, most of them with a mask, in the folder that commands work in."""
    random = np.random.default_rng(0)
    for label in CLASSES:
        for at in range(4):
            photo, mask = (tmp_path / top / label / f"{at}.png" for top in ("photos", "masks"))
            for path in (photo, mask):
                path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 255, (80, 96, 3), np.uint8)).save(photo)
            evidence = np.zeros((80, 96), np.uint8)
            evidence[20:60, 24:72] = 255
            if at:
                Image.fromarray(evidence).save(mask)
    return tmp_path / "photos"


def spec_of(path: str = "spec.toml") -> dict[str, Any]:
    return tomllib.loads(Path(path).read_text(encoding="utf-8"))


def test_photos_masks_and_a_checkpoint_make_a_study_that_runs(
    rateval: Rateval, photos: Path, tuned: State
) -> None:
    save_file(tuned, "model.safetensors")
    done = rateval(
        "init", "--data", "photos", "--masks", "masks", "--checkpoint", "model.safetensors"
    )
    assert (done.code, done.err) == (0, "")
    assert "8 photos in 2 class folders, 6 of them with a mask" in done.out
    assert "8 photos to test on, none to train on" in done.out
    # 40 x 48 of 80 x 96 pixels.
    assert "8 can be read and 6 have evidence, 25 % of the photo" in done.out
    assert "which photos the checkpoint was trained on" in done.out
    assert done.out.endswith(
        "next:\n  rateval validate spec.toml\n  rateval data check spec.toml\n"
        "  rateval run spec.toml\n"
    )
    spec = spec_of()
    assert spec["dataset"] == [{"use": "folder", "root": "photos", "masks": "masks"}]
    assert spec["model"] == [{"use": "clip", "architecture": "quickstart"}]
    rows = [{"use": "zs"}, {"use": "checkpoint", "path": "model.safetensors"}]
    assert spec["finetune"] == rows
    assert "# ? which photos the checkpoint was trained on" in Path("spec.toml").read_text()
    assert rateval("validate", "spec.toml").out.startswith("spec.toml: valid: 2 cells")
    record = library.run("spec.toml", device="cpu")
    assert [cell.key.finetuner for cell in record.cells] == ["zs", "checkpoint"]
    assert record.status == "finished"
    again = rateval("init", "--data", "photos")
    assert (again.code, "exists already" in again.err) == (2, True)


def test_a_head_must_have_the_classes_of_the_photos(
    rateval: Rateval, photos: Path, tuned: State
) -> None:
    wrapped = {f"module.{key}": value for key, value in tuned.items()}
    head = {"module.fc.weight": torch.zeros(2, 64), "module.fc.bias": torch.zeros(2)}
    torch.save({"epoch": 3, "state_dict": wrapped | head}, "last.pt")
    done = rateval("init", "--data", "photos", "--checkpoint", "last.pt")
    assert "linear head module.fc of 2 classes" in done.out
    assert "the order of the head's classes: taken to be that of the dataset, kettle, mug" in (
        done.out
    )
    assert rateval("validate", "spec.toml").code == 0
    assert library.run("spec.toml", device="cpu").status == "finished"
    head = {"fc.weight": torch.zeros(3, 64)}
    torch.save(tuned | head, "three.pt")
    done = rateval("init", "three.toml", "--data", "photos", "--checkpoint", "three.pt")
    assert "its linear head has 3 classes, and the photos have 2 (kettle, mug)" in done.out
    assert spec_of("three.toml")["finetune"] == [{"use": "zs"}]
    assert '# use = "checkpoint"' in Path("three.toml").read_text()


def test_an_image_tower_alone(rateval: Rateval, photos: Path, tuned: State) -> None:
    visual = {k.removeprefix("visual."): v for k, v in tuned.items() if k.startswith("visual.")}
    head = torch.ones(2, 64)
    save_file(visual | {"fc.weight": head}, "tower.safetensors")
    done = rateval("init", "--data", "photos", "--checkpoint", "tower.safetensors")
    assert "the image tower of a CLIP" in done.out
    assert library.run("spec.toml", device="cpu").status == "finished"
    save_file(
        {name: torch.randn_like(value) for name, value in visual.items()}, "other.safetensors"
    )
    # What is no head must not pass for one: prompts would be embedded by random weights.
    torch.save({n: torch.randn_like(v) for n, v in visual.items()} | {"loss.w": head}, "loss.pt")
    for name in ("other.safetensors", "loss.pt"):
        done = rateval("init", "x.toml", "--data", "photos", "--checkpoint", name)
        assert done.code == 2
        assert "the text tower that it was trained with" in done.err
        assert not Path("x.toml").exists()


def test_weights_that_come_from_no_base_here(rateval: Rateval, photos: Path, tuned: State) -> None:
    generator = torch.Generator().manual_seed(1)
    other = {key: torch.randn(value.shape, generator=generator) for key, value in tuned.items()}
    save_file(other, "other.safetensors")
    done = rateval("init", "--data", "photos", "--checkpoint", "other.safetensors")
    assert "the model before its fine-tuning: the nearest on this computer" in done.out
    assert "left out of the spec" in done.out
    spec = spec_of()
    assert spec["model"][0]["pretrained"] == "other.safetensors"
    assert [row["use"] for row in spec["finetune"]] == ["checkpoint"]
    assert '# [[finetune]]\n# use = "zs"' in Path("spec.toml").read_text()
    assert rateval("validate", "spec.toml").code == 0
    save_file(tuned, "before.safetensors")
    done = rateval(
        *("init", "two.toml", "--data", "photos", "--checkpoint", "other.safetensors"),
        *("--base", "before.safetensors"),
    )
    assert spec_of("two.toml")["model"][0]["pretrained"] == "before.safetensors"
    assert [row["use"] for row in spec_of("two.toml")["finetune"]] == ["zs", "checkpoint"]


def test_averaged_weights_alone_and_two_copies(
    rateval: Rateval, photos: Path, tuned: State
) -> None:
    torch.save({"model_ema": tuned, "epoch": 1}, "ema.pt")
    assert rateval("init", "--data", "photos", "--checkpoint", "ema.pt").code == 0
    assert spec_of()["finetune"][1]["weights"] == "ema"
    assert library.run("spec.toml", device="cpu").status == "finished"
    torch.save({"model": tuned, "model_ema": tuned}, "both.pt")
    done = rateval("init", "both.toml", "--data", "photos", "--checkpoint", "both.pt")
    assert "which weights are meant: weights 'model', as they were trained; the file" in done.out
    assert "weights" not in spec_of("both.toml")["finetune"][1]
    copies = {f"{who}.{k}": v for who in ("student", "teacher") for k, v in tuned.items()}
    torch.save(copies, "two.pt")
    done = rateval("init", "two.toml", "--data", "photos", "--checkpoint", "two.pt")
    assert 'which of the copies is meant, behind "student." or "teacher."' in done.out
    assert library.run("two.toml", device="cpu").status == "finished"


def test_an_adapter_needs_its_base(rateval: Rateval, photos: Path, tuned: State) -> None:
    Path("adapter").mkdir()
    layer = "base_model.model.visual.transformer.resblocks.0.mlp.c_fc"
    parts = {
        f"{layer}.lora_A.weight": torch.ones(2, 96),
        f"{layer}.lora_B.weight": torch.ones(384, 2),
    }
    save_file(parts, "adapter/adapter_model.safetensors")
    config = '{"peft_type": "LORA", "r": 2, "lora_alpha": 2}'
    Path("adapter/adapter_config.json").write_text(config)
    done = rateval("init", "--data", "photos", "--checkpoint", "adapter")
    assert (done.code, "name its path by --base" in done.err) == (2, True)
    done = rateval("init", "--data", "photos", "--checkpoint", "adapter", "--base", "quickstart")
    assert "a LoRA adapter, adapter/adapter_model.safetensors" in done.out
    assert library.run("spec.toml", device="cpu").status == "finished"


@pytest.mark.parametrize("family", ["albef", "blip"])
def test_albef_and_blip(rateval: Rateval, photos: Path, family: str) -> None:
    folder = Path(str(library.__file__)).parents[2] / "plugins/rateval_vlp/quickstart"
    shutil.copy(folder / family / "model.safetensors", "mine.safetensors")
    done = rateval("init", "--data", "photos", "--checkpoint", "mine.safetensors")
    assert f"{family.upper()} by the names of its weights: image tower 3 × 96" in done.out
    assert spec_of()["model"] == [{"use": family}]
    assert library.run("spec.toml", device="cpu", limit=2).status == "finished"


def test_without_a_checkpoint_and_masks(rateval: Rateval, photos: Path) -> None:
    done = rateval("init", "--data", "photos")
    assert "this one knows drawn shapes and no photos" in done.out
    assert "evidence: none of these photos has any" in done.out
    spec = spec_of()
    assert "evidence" not in spec
    assert spec["metric"] == [{"use": "accuracy"}]
    assert "# split = { test = 0.3 }" in Path("spec.toml").read_text()
    assert rateval("validate", "spec.toml").code == 0


def test_splits_by_folders_and_by_lists(rateval: Rateval, photos: Path) -> None:
    Path("test.txt").write_text("kettle/0.png\nmug/1.png\n")
    Path("train.txt").write_text("kettle/1.png\nmug/2.png\n")
    done = rateval("init", "--data", "photos")
    assert spec_of()["dataset"][0]["split"] == {"train": "train.txt", "test": "test.txt"}
    assert "2 photos to test on, 2 to train on" in done.out
    for split in ("train", "val"):
        shutil.copytree("photos", f"divided/{split}")
    done = rateval("init", "divided.toml", "--data", "divided", "--masks", "masks")
    assert "8 photos to test on, 8 to train on" in done.out
    assert rateval("validate", "divided.toml").code == 0


def test_photos_to_train_on_alone_are_divided(rateval: Rateval, photos: Path) -> None:
    shutil.copytree("photos", "divided/train")
    done = rateval("init", "--data", "divided", "--masks", "masks")
    (dataset,) = spec_of()["dataset"]
    assert dataset["split"] == {"test": 0.3}
    assert "test_split" not in dataset
    assert "those of train alone, of which split draws 30 %" in done.out
    found = re.search(r"(\d) photos to test on, (\d) to train on", done.out)
    assert found and int(found[1]) + int(found[2]) == 8 and 0 < int(found[1]) < int(found[2])
    assert rateval("validate", "spec.toml").code == 0


def test_masks_that_are_label_maps_are_asked_about(rateval: Rateval, photos: Path) -> None:
    labels = np.zeros((80, 96), np.uint8)
    labels[:10], labels[10:20] = 1, 2
    Image.fromarray(labels).save("masks/mug/1.png")
    done = rateval("init", "--data", "photos", "--masks", "masks")
    assert "which values of the masks are evidence: they hold 0, 1, 2, 255" in done.out


def test_a_pickle_is_refused(rateval: Rateval, photos: Path) -> None:
    torch.save({"model": {}, "args": Path("x")}, "bad.pt")
    done = rateval("init", "--data", "photos", "--checkpoint", "bad.pt")
    assert done.code == 2
    assert "refused, and nothing in it was executed" in done.err
    assert not Path("spec.toml").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--data", "phots"], '--data phots: no such file or folder; did you mean "photos"?'),
        (
            ["--data", "fotos", "--masks", "masks/no", "--checkpoint", "none.pt"],
            "\n--masks masks/no: no such file or folder; paths start from",
        ),
        (["--data", "fotos", "--checkpoint", "none.pt"], "\n--checkpoint none.pt: no such file"),
        (["--masks", "masks"], "--masks: belongs to photos; name them, too: --data PATH"),
        (["--data", "photos/mug"], "photos such as 0.png lie directly in it, without the folder"),
        (["--data", "."], "class folders lie in its masks, photos; give the one of the photos"),
        (["--data", "empty"], "each class needs one with its photos"),
        (["--data", "photos", "--masks", "notes.txt"], "is a file; class folders take a folder"),
        (["--data", "photos", "--masks", "empty"], "no mask belongs to a photo"),
        (["--data", "photos", "--checkpoint", "empty"], "empty: holds no weights"),
        (["--data", "photos", "--checkpoint", "notes.txt"], "notes.txt: not a checkpoint"),
        (["--data", "photos", "--checkpoint", "a.pt"], "1 tensors of no model that is known here"),
        (["--data", "photos", "no/x.toml"], "no/x.toml: cannot be written"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_what_cannot_be_drafted(
    rateval: Rateval, photos: Path, words: list[str], complaint: str
) -> None:
    Path("empty").mkdir()
    Path("notes.txt").write_text("nothing")
    torch.save({"x.weight": torch.zeros(2)}, "a.pt")
    done = rateval("init", *words)
    assert done.code == 2
    assert complaint in done.err
    assert not Path("spec.toml").exists()


def test_names_are_kept_and_cannot_leave_their_comment(rateval: Rateval, photos: Path) -> None:
    odd = 'my "photos" [study]'
    photos.rename(odd)
    broken = (Path(odd) / "mug").rename(Path(odd) / "mug\n[model]")
    refused = rateval("init", "--data", odd)
    assert refused.code == 2
    assert "the name mug [model] holds control characters" in refused.err
    broken.rename(Path(odd) / "mug # [model]")
    assert rateval("init", "--data", odd).code == 0
    spec = spec_of()
    assert spec["dataset"][0]["root"] == odd
    assert spec["study"]["name"] == "my-photos-study"
    assert rateval("validate", "spec.toml").code == 0
    Path(odd).rename("a\nb")
    done = rateval("init", "x.toml", "--data", "a\nb")
    assert "a spec can't hold a path with a control character; rename it" in done.err
