"""Objects that lack what their protocol asks for, and what is advised."""

from __future__ import annotations

from pathlib import Path

import pytest

from rateval.api import Context, PluginError
from rateval.plan.choosing import choose
from rateval.registry.discovery import discover
from rateval.spec.tables import Entry
from rateval.workbench.build import build

WRITES = "    def generate(self, images, questions): ...\n    def score(self, *given): ...\n"
MAKE = "def make(): return Mine()\nmake_tasks = ('vqa',)\n"
TEXTS = "rateval.api.tasks.texts:TextModel"


@pytest.mark.parametrize(
    ("body", "said", "advice"),
    [
        (WRITES, "", f'texts, write make_protocol = "{TEXTS}" beside the function'),
        (WRITES, f"make_protocol = '{TEXTS}'\n", "rateval.testing checks such things"),
        ("    other = 1\n", "", "rateval.testing checks such things"),
    ],
)
def test_what_lacks_members_is_told_which_protocol_it_may_follow(
    tmp_path: Path, body: str, said: str, advice: str
) -> None:
    (tmp_path / "mine.py").write_text(f"class Mine:\n{body}{MAKE}{said}")
    choice = choose("model", Entry(use=f"{tmp_path}/mine.py:make"), discover(), "here")
    with pytest.raises(PluginError) as refused:
        build(choice, Context())
    assert 'the model "make" lacks ' in str(refused.value)
    assert str(refused.value).endswith(advice)
