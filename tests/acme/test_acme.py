"""The plugin that tests work with is one that a third party could have written."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rateval.registry.discovery import discover

DOORS = {"rateval.api", "rateval.api.tasks.texts", "rateval.modelkit", "rateval.testing"}
SOURCES = sorted((Path(__file__).parent / "acme").glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_it_goes_through_the_three_doors_only(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    found = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)} | plain
    assert {name for name in found if name.startswith("rateval")} <= DOORS


def test_processes_that_a_test_starts_find_it(acme: Path) -> None:
    code = (
        "import acme; from rateval.registry.discovery import discover; "
        "print(acme.__file__, discover().find('model', 'tiny').plugin)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f'{acme / "acme" / "__init__.py"} plugin "acme" (acme 1.2)\n'


def test_each_test_gets_a_copy_of_its_own(acme: Path) -> None:
    from acme import parts

    assert Path(parts.__file__).is_relative_to(acme)
    assert discover().find("shift", "darken") is not None


def test_its_writer_writes_what_it_scores(acme: Path) -> None:
    import torch

    from acme.questions import ANSWERS, QuestionsParams, make_dataset
    from acme.writer import WriterParams, make_writer
    from rateval.api import Context

    data = make_dataset(QuestionsParams(), Context())
    writer = make_writer(WriterParams(), Context())
    asked: Any = data.test.samples(range(12))
    images = torch.stack([writer.preprocess(one.image) for one in asked])
    questions = [one.asked.question for one in asked]
    written = writer.generate(images, questions)
    assert {one.text for one in written} > {"yes", "no"}
    ranked = writer.rank(images, questions, ANSWERS)
    for row, one in enumerate(written):
        assert ANSWERS[int(ranked[row].argmax())] == one.text
        assert float(ranked[row].max()) == pytest.approx(one.likelihood, abs=1e-5)
    (alone,) = writer.generate(images[:1], questions[:1])
    assert alone.text == written[0].text
    with writer.record_flow() as flow:
        scores = writer.score(images[:2], questions[:2], ["red", "blue square now"])
    assert scores.log_probabilities.shape == (2, 4)
    assert scores.spans[0] == ((0, 3), (3, 3))
    assert flow.reading is not None
    assert flow.reading.sum(dim=1).tolist() == [2, 4]
    attended: Any
    (attended,) = flow.steps
    assert attended.probabilities.shape == (2, 1, 4, 12)
