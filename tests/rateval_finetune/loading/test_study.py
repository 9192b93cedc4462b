"""What was done to read a checkpoint reaches those who read the report."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import rateval
from rateval.api import Context
from rateval.cli.main import main
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

SPEC = """
[study]
name = "small"
[[dataset]]
use = "shapes"
train_size = 8
test_size = 8
[[model]]
use = "clip"
{model}
[[finetune]]
use = "zs"
[[finetune]]
use = "checkpoint"
name = "mine"
path = "mine.ckpt"
{finetune}
[run]
device = "cpu"
"""


@pytest.fixture
def lightning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """A file of the quickstart's own weights, as Lightning writes it, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    state = make_clip(ClipParams(), Context()).module.state_dict()
    wrapped = {f"net._orig_mod.{key}": value for key, value in state.items()}
    torch.save({"state_dict": wrapped | {"loss.w": torch.ones(1)}, "epoch": 1}, "mine.ckpt")
    return state


def test_the_report_says_what_was_stripped(
    lightning: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("spec.toml").write_text(SPEC.format(model="", finetune=""))
    assert main(["run", "spec.toml"]) == 0
    said = capsys.readouterr().out
    assert f'clip, mine: "net._orig_mod." stripped from {len(lightning)} names' in said
    assert "clip, mine: 1 tensors beside the weights left out: loss.w" in said
    record = rateval.load(next(Path("runs").glob("small-*")))
    plain, mine = record.cells
    assert plain.assumed == ()
    assert len(mine.assumed) >= 2
    assert record.rows(plain)["probabilities"].equals(record.rows(mine)["probabilities"])


def test_model_check_says_so_too(
    lightning: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(str(rateval.__file__)).parents[2] / "plugins" / "rateval_clip" / "quickstart"
    shutil.copytree(folder, "own")
    model = 'architecture = "./own"\npretrained = "./mine.ckpt"\n'
    Path("spec.toml").write_text(SPEC.format(model=model, finetune=""))
    assert main(["model", "check", "spec.toml"]) == 0
    assert '"net._orig_mod." stripped from' in capsys.readouterr().out


def test_what_is_wrong_is_one_line(
    lightning: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("spec.toml").write_text(SPEC.format(model="", finetune='prefix = "teacher."'))
    assert main(["run", "spec.toml"]) == 1
    said = "".join(capsys.readouterr())
    assert 'mine.ckpt: prefix = "teacher.": no name of a weight begins with it; they begin' in said
    assert "Traceback" not in said
