"""Templates of prompts: one, a list, a file or a set by its name, in every model's params."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from open_clip import OPENAI_IMAGENET_TEMPLATES

from rateval.engine.order import Order, make_order
from rateval.errors import SpecError
from rateval.facade import open_spec
from rateval.modelkit import fill_prompts
from rateval.plan.cells import Choice
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover

NAMED = tuple(make("{class}") for make in OPENAI_IMAGENET_TEMPLATES)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in another folder than that of the specs."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def _write(tmp_path: Path, prompt: str, use: str = "clip") -> Path:
    folder = tmp_path / "studies"
    folder.mkdir(exist_ok=True)
    path = folder / "spec.toml"
    path.write_text(
        f"""
        [study]
        name = "prompts"
        [[dataset]]
        use = "shapes"
        [[model]]
        use = "{use}"
        {prompt}
        [[finetune]]
        use = "zs"
        """
    )
    return path


def _choose(path: Path) -> Choice:
    return make_plan(open_spec(path), discover()).choices["model"][0]


def _prompt(choice: Choice) -> Any:
    return choice.params.prompt  # type: ignore[attr-defined]


def _say(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        _choose(path)
    return str(caught.value)


@pytest.mark.parametrize("use", ["clip", "albef", "blip"])
def test_the_published_set_is_open_clips_copy_of_it(use: str, tmp_path: Path) -> None:
    choice = _choose(_write(tmp_path, 'prompt = "openai-imagenet"', use))
    assert _prompt(choice) == NAMED
    assert len(set(NAMED)) == 80
    assert fill_prompts(_prompt(choice), ["cat"])[0][0] == "a bad photo of a cat."


def test_name_list_and_file_of_the_same_templates_are_one_model(tmp_path: Path) -> None:
    named = _choose(_write(tmp_path, 'prompt = "openai-imagenet"'))
    (tmp_path / "studies" / "prompts.txt").write_text(
        "\ufeff# mine\r\n\r\n" + "\r\n".join(make("{}") for make in OPENAI_IMAGENET_TEMPLATES),
        encoding="utf-8",
        newline="",
    )
    of_file = _choose(_write(tmp_path, 'prompt = "./prompts.txt"'))
    listed = _choose(_write(tmp_path, f"prompt = {list(NAMED)!r}"))
    assert named.identity == of_file.identity == listed.identity


def test_what_a_file_holds_is_part_of_the_identity(tmp_path: Path) -> None:
    spec = _write(tmp_path, 'prompt = "prompts.txt"')
    file = tmp_path / "studies" / "prompts.txt"
    file.write_text("a {}\n#{class}\n")
    before = _choose(spec)
    assert _prompt(before) == ("a {class}", "#{class}")
    file.write_text("the {}\n#{class}\n")
    assert _choose(spec).identity != before.identity


def test_one_template_is_what_it_was(tmp_path: Path) -> None:
    plain = _choose(_write(tmp_path, ""))
    assert plain.describe()["params"]["prompt"] == "a photo of a {class}"
    assert _choose(_write(tmp_path, 'prompt = "a photo of a {}"')).identity == plain.identity


def test_a_file_of_templates_lies_behind_a_url(tmp_path: Path, far: Any) -> None:
    url = far.put("prompts.txt", b"a drawing of a {class}\n")
    assert _prompt(_choose(_write(tmp_path, f'prompt = "{url}"'))) == ("a drawing of a {class}",)
    assert "no such object" in _say(_write(tmp_path, f'prompt = "{far.url}/lost.txt"'))


def test_a_worker_reads_the_file_where_the_spec_lies(tmp_path: Path) -> None:
    spec = _write(tmp_path, 'prompt = "./prompts.txt"')
    (tmp_path / "studies" / "prompts.txt").write_text("a {}\n")
    relative = Path("..", "studies", spec.name)
    plan = make_plan(open_spec(relative), discover())
    order: Order = pickle.loads(pickle.dumps(make_order(plan, "cpu", "")))
    assert order.base / order.folder / "prompts.txt" == Path.cwd() / relative.parent / "prompts.txt"


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("./absent.txt", "absent.txt; give a file of templates, one in each line, by a path that"),
        ("openai-imagnet", 'no such set of templates; did you mean "openai-imagenet"?'),
        ("a dog", "'a dog' is no template; it must hold {class} where"),
        ("a dog", "or the name of a set: openai-imagenet; see rateval show model clip"),
        ("./empty.txt", "empty.txt: holds no template; write one in each line"),
        ("./bad.txt", "bad.txt, line 3: 'a photo' is no template"),
        ("./latin.txt", "latin.txt, line 2: is not UTF-8 text"),
        ("./large.txt", "is larger than 1 MiB"),
        ("./folder.txt", "is no regular file"),
    ],
)
def test_what_is_refused(prompt: str, text: str, tmp_path: Path) -> None:
    spec = _write(tmp_path, f'prompt = "{prompt}"')
    folder = spec.parent
    (folder / "empty.txt").write_text("# nothing\n\n")
    (folder / "bad.txt").write_text("a {}\n\na photo\n")
    (folder / "latin.txt").write_bytes(b"a {}\ncaf\xe9 {}\n")
    (folder / "large.txt").write_bytes(b"a {}\n" * 300_000)
    (folder / "folder.txt").mkdir()
    message = _say(spec)
    assert message.startswith(f'{spec}: model[0].prompt = "{prompt}": ')
    assert text in message
