"""Which task a dataset poses, and what is said where something doesn't serve it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rateval.errors import SpecError
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import Document

VQA: dict[str, Any] = {
    "study": {"name": "asked"},
    "dataset": [{"use": "shapes-vqa"}],
    "model": [{"use": "blip-vqa", "pretrained": "random"}],
    "finetune": [{"use": "zs"}],
}
CLASSES: dict[str, Any] = VQA | {"dataset": [{"use": "shapes"}], "model": [{"use": "clip"}]}


def plan(data: dict[str, Any]) -> Plan:
    return make_plan(Document("spec.toml", data, "", folder=Path()), discover(), look=False)


def problems(data: dict[str, Any]) -> list[str]:
    with pytest.raises(SpecError) as refused:
        plan(data)
    return str(refused.value).splitlines()


def test_a_dataset_of_questions_poses_vqa_with_its_defaults() -> None:
    made = plan(VQA)
    task = made.datasets[0].task
    assert task is not None
    assert task.label == "vqa"
    assert [choice.label for choice in made.choices["task"]] == ["vqa"]
    assert made.cells[0].dataset.task == task
    assert made.spec.statistics.cluster == "image"


def test_classification_has_no_params_and_is_told_of_by_its_dataset_alone() -> None:
    made = plan(CLASSES)
    task = made.datasets[0].task
    assert task is not None
    assert task.label == "classification"
    assert made.choices["task"] == ()
    assert made.spec.statistics.cluster == "none"


def test_params_of_a_task_and_clusters_of_a_study_prevail() -> None:
    asked = VQA | {
        "task": [{"use": "vqa", "answer": "rank"}],
        "statistics": {"cluster": "none"},
    }
    made = plan(asked)
    task = made.datasets[0].task
    assert task is not None
    assert task.params.model_dump()["answer"] == "rank"
    assert made.spec.statistics.cluster == "none"


def test_what_does_not_serve_the_task_is_told_at_once() -> None:
    wrong = VQA | {
        "model": [{"use": "clip"}],
        "finetune": [{"use": "lp"}],
        "attribution": [{"use": "grad-cam"}],
    }
    told = problems(wrong)
    assert len(told) == 3
    for line, name in zip(told, ("clip", "lp", "grad-cam"), strict=True):
        assert f'use = "{name}": is for classification' in line
        assert 'the dataset "shapes-vqa" poses the task vqa; use one of ' in line
    assert "blip-vqa" in told[0]
    assert "ft, lora, zs" in told[1]
    assert "generic-attention" in told[2]


def test_a_model_that_answers_names_no_classes() -> None:
    (told,) = problems(CLASSES | {"model": [{"use": "blip-vqa", "pretrained": "random"}]})
    assert 'is for vqa, and the dataset "shapes" poses the task classification' in told


def test_a_task_that_nobody_poses_or_that_is_there_twice() -> None:
    (idle,) = problems(CLASSES | {"task": [{"use": "vqa"}]})
    assert "no dataset of the study poses this task; they pose classification; leave it out" in idle
    assert "or add a dataset that poses it, such as " in idle
    assert "shapes-vqa" in idle.partition("such as ")[2]
    (twice,) = problems(VQA | {"task": [{"use": "vqa"}, {"use": "vqa", "name": "again"}]})
    assert "is there twice, and a dataset poses one" in twice


def test_wrong_params_of_a_task() -> None:
    (told,) = problems(VQA | {"task": [{"use": "vqa", "answer": "sing"}]})
    assert "generate" in told
    assert "rank" in told


def test_a_table_poses_what_its_columns_ask(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("image,question,answers\na.png,what?,that\n")
    table = {"use": "table", "file": str(tmp_path / "q.csv"), "root": str(tmp_path)}
    made = [
        plan(VQA | {"dataset": [table | {"question": "question"}]}),
        plan(CLASSES | {"dataset": [table | {"label": "answers"}]}),
    ]
    tasks = [one.datasets[0].task for one in made]
    assert [task and task.label for task in tasks] == ["vqa", "classification"]


def test_a_file_may_say_its_tasks(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    model = {"model": [{"use": f"{file}:make"}]}
    file.write_text("def make(): pass\n")
    (told,) = problems(VQA | model)
    assert 'write make_tasks = ("vqa",) beside make, else use one of blip-vqa' in told
    file.write_text("def make(): pass\nmake_tasks = ('vqa',)\n")
    assert len(plan(VQA | model).cells) == 1
