"""The workflows of docs/gate.md: their commands are run, on a tiny study."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from rateval.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs/gate.md").read_text(encoding="utf-8")
SPEC = """
[study]
name = "my-study"
[[dataset]]
use = "squares"
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[[finetune]]
use = "ft"
epochs = 1
lr = 0.003
batch_size = 8
[run]
device = "cpu"
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands(workflow: dict[str, Any]) -> list[list[str]]:
    jobs = workflow.get("jobs", workflow)
    job = jobs["gate"]
    lines = [step["run"] for step in job.get("steps", ()) if "run" in step]
    lines += [*job.get("script", ()), *job.get("after_script", ())]
    return [shlex.split(line) for line in lines]


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("text", blocks("yaml"), ids=["github", "gitlab"])
def test_commands_of_a_workflow(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text(SPEC)
    Path("gate.toml").write_text(blocks("toml")[0])
    ran = []
    for words in commands(yaml.safe_load(text)):
        if words[0] == "rateval":
            code = main(words[1:])
            assert code in ((0, 3, 4) if words[1] == "gate" else (0,)), capsys.readouterr().err
            ran.append(words[1])
        elif words[0] != "pip":
            # What posts the comment needs a server; the file that it names is there by then.
            named = [word.removeprefix("body@") for word in words if word.endswith(".md")]
            assert [Path(name).read_text()[:4] for name in named] == ["### "]
    assert ran == ["run", "gate"]
    assert Path("gate.xml").exists()
