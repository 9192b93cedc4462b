"""The commands of docs/ten-minutes.md, given one after another in a folder with photos."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import rateval
from rateval.api import Context, Sample
from rateval.cli.main import main
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

PAGE = Path(__file__).parents[2] / "docs/ten-minutes.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def belongings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos, masks of some of them, and a fine-tuned model, in the working folder."""
    monkeypatch.chdir(tmp_path)
    dataset = rateval.create("dataset", "shapes", test_size=40, train_size=10)
    for sample in dataset.test.samples(range(40)):
        assert isinstance(sample, Sample)
        assert sample.mask is not None
        label = dataset.classes[sample.label]
        photo, mask = (Path(top, label, f"{sample.id}.png") for top in ("photos", "masks"))
        photo.parent.mkdir(parents=True, exist_ok=True)
        mask.parent.mkdir(parents=True, exist_ok=True)
        sample.image.save(photo.with_suffix(".jpg"))
        if not sample.id.endswith("7"):
            Image.fromarray(sample.mask).save(mask)
    generator = torch.Generator().manual_seed(0)
    state = make_clip(ClipParams(), Context()).module.state_dict()
    moved = {k: v + 0.003 * torch.randn(v.shape, generator=generator) for k, v in state.items()}
    save_file(moved, "model.safetensors")


def test_the_commands_lead_from_photos_to_a_report(
    belongings: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    lines = [
        line.removeprefix("$ rateval ")
        for block in BLOCK.findall(PAGE.read_text(encoding="utf-8"))
        for line in block.replace("\\\n", "").splitlines()
        if line.startswith("$ ")
    ]
    photo = next(path.stem for path in sorted(Path("masks/heart").iterdir()))
    said = []
    for line in lines:
        # The folder of a run is named after its time.
        runs = sorted(Path("runs").glob("photos-*"))
        words = [str(runs[-1]) if "photos-2026" in word else word for word in shlex.split(line)]
        words = [word.replace("IMG_0012", photo) for word in words]
        assert main(words) == 0, line
        said.append(capsys.readouterr().out)
    init, validate, check, _, run, report, look, answer, caption = said
    assert "40 photos in 10 class folders, 36 of them with a mask" in init
    assert validate.startswith("spec.toml: valid: 2 cells")
    assert "40" in check, check
    for text in (run, report):
        assert re.search(r"checkpoint +\d+\.\d", text)
        assert "PT" in text
    assert "without the object" in look
    assert look.count("on another background") == 4
    assert Path(f"look-{photo}.png").is_file()
    assert "what colour is the heart?" in answer
    assert "to a blank image it answers " in answer
    assert "\nsays " in caption
    assert "relevance-mass " in caption
