"""What the documents tell a reader to type works: specs, commands and Python."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import rateval
from rateval.cli.main import make_parser
from rateval.plan.planning import make_plan
from rateval.registry.catalogue import Known
from rateval.registry.discovery import discover
from rateval.spec.document import read_document

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *(page for page in sorted(ROOT.glob("docs/**/*.md")) if page.parent.name != "design"),
    *sorted(ROOT.glob("examples/*/README.md")),
]
UNCHECKED = {
    ("docs/checkpoints.md", "import open_clip"): "needs an export of a study on open_clip; "
    "tests/rateval/cli/test_export_checkpoint.py takes these steps",
}
"""Document and first line of each block that isn't checked, to the reason why."""
ELSEWHERE = {
    "docs/tutorial/notebook.md": "run as a whole by test_tutorial.py",
    "docs/reference/protocols.md": "signatures, read from the code; test_protocols_page.py",
}
"""Documents whose Python is looked at elsewhere, and where."""
MADE_BY_COMMANDS = {"spec.toml", "gate.toml", "eyes.py"}
# By rateval init, shown in docs/gate.md, and by rateval new-plugin.
PARTS = {
    "study": '[study]\nname = "completed"\n',
    "dataset": '[[dataset]]\nuse = "shapes"\n',
    "model": '[[model]]\nuse = "clip"\n',
    "finetune": '[[finetune]]\nuse = "zs"\n',
}
ASKING = ("shapes-vqa", "gqa", "vqa-v2", "vizwiz-vqa-grounding")
ANSWERS = '[[model]]\nuse = "blip-vqa"\npretrained = "random"\n'
"""What stands in for a model where a dataset asks questions."""
CAPTIONED = ("shapes-captions", "coco-captions", "flickr30k-entities")
CAPTIONS = '[[model]]\nuse = "blip-caption"\npretrained = "random"\n'
"""What stands in for a model where captions are to be written."""
TINY = """
[study]
name = "my-study"
[[dataset]]
use = "squares"
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[faithfulness]
images = 2
[run]
device = "cpu"
"""


@dataclass(frozen=True)
class Block:
    """One fenced block of a document."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks_of(document: str, text: str) -> Iterator[Block]:
    for found in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
        line = text[: found.start()].count("\n") + 1
        yield Block(document, line, found[2], found[3])


def all_blocks() -> list[Block]:
    found: list[Block] = []
    for path in DOCUMENTS:
        name = path.relative_to(ROOT).as_posix()
        found += blocks_of(name, path.read_text(encoding="utf-8"))
    return [
        block
        for block in found
        if key_of(block) not in UNCHECKED and not looked_at_elsewhere(block)
    ]


def looked_at_elsewhere(block: Block) -> bool:
    return block.document in ELSEWHERE and block.language == "python"


def key_of(block: Block) -> tuple[str, str]:
    return block.document, block.text.partition("\n")[0]


def check(block: Block, names: dict[str, Any]) -> None:
    """Fail if what the block says doesn't hold; the current folder is one to work in."""
    if block.language == "toml":
        check_toml(block.text)
    elif block.language == "console":
        check_console(block.text)
    elif block.language == "python":
        run_python(block, names)
    elif block.language == "yaml":
        assert isinstance(yaml.safe_load(block.text), dict)  # test_gate_page.py runs its commands
    else:
        assert block.language == "text", f"{block}: a block is toml, console, python or text"


def check_toml(text: str) -> None:
    """Fail unless this is a spec or a part of one, rows of the catalogue, or an entry point."""
    data = tomllib.loads(text)
    if "project" in data:
        assert data["project"]["entry-points"].keys() == {"rateval"}
        for module in data["project"]["entry-points"]["rateval"].values():
            assert all(part.isidentifier() for part in module.split("."))
    elif "component" in data:
        assert all(Known(**row) for row in data["component"])
    else:
        used = {entry["use"] for entry in data.get("dataset", ())}
        stand_in = ANSWERS if used & {*ASKING} else CAPTIONS if used & {*CAPTIONED} else None
        parts = PARTS | ({"model": stand_in} if stand_in else {})
        missing = [part for table, part in parts.items() if table not in data]
        Path("block.toml").write_text("\n".join([text, *missing]), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            # What speaks to trackers and to S3 is in environments of its own.
            for module in ("rateval.registry.catalogue", "rateval.store.remote.urls"):
                patch.setattr(f"{module}._is_there", lambda name: True)
            make_plan(read_document(Path("block.toml")), discover(), look=False)


def check_console(text: str) -> None:
    """Fail unless every command, a line after ``$``, could be given as it stands."""
    lines = [line[2:] for line in text.replace("\\\n", " ").splitlines() if line.startswith("$ ")]
    assert lines, "no line begins with $"
    for line in lines:
        words = shlex.split(line, comments=True)
        while re.match(r"[A-Z_]+=", words[0]):
            del words[0]
        check_command(words)


def check_command(words: list[str]) -> None:
    program = Path(words[0]).name
    top = {path.name for path in ROOT.iterdir()}
    for word in words[1:]:
        path = word.removeprefix("./")
        named = Path(path).parts[0] in top or re.fullmatch(r"[\w-]+\.(py|txt|toml)", path)
        if named and word not in MADE_BY_COMMANDS:
            assert (ROOT / path).exists(), f"{word}: there is no such file"
    if program == "rateval":
        check_rateval(words[1:])
    elif program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        variables = re.findall(r"\$\((?:if )?([A-Z]+)[,)]", (ROOT / "Makefile").read_text())
        given = [word.partition("=") for word in words[1:]]
        assert {name for name, set_, _ in given if not set_} <= set(targets), (
            f"the targets are {targets}"
        )
        assert {name for name, set_, _ in given if set_} <= set(variables), f"set {variables}"
    elif program == "pip" or words[1:3] == ["-m", "pip"]:
        check_extras(words)
    elif program == "python" and words[1].endswith(".py"):
        # Scripts share their options.
        source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("scripts/*.py"))
        for option in (word for word in words if word.startswith("--")):
            assert f'"{option}"' in source, f"{words[1]} has no {option}"
    else:
        assert words[1:3] in (["-m", "venv"], ["-m", "pytest"]), f"{program}: how to check this?"


def check_rateval(arguments: list[str]) -> None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parsed = make_parser().parse_args(arguments)
    except SystemExit as stop:
        assert not stop.code, said.getvalue()
        return
    spec = getattr(parsed, "spec", None)
    made = spec in MADE_BY_COMMANDS or (parsed.command == "parity" and spec == "RUN")
    assert spec is None or made or (ROOT / spec).is_file(), f"{spec}: no file"
    if parsed.command == "show":
        found = discover().find(parsed.kind, parsed.name) or in_examples(parsed.name)
        assert found, f"{parsed.name}: no such {parsed.kind}"
    if parsed.command == "model" and parsed.action == "check":
        name = parsed.spec_or_name
        there = name in MADE_BY_COMMANDS or (ROOT / name).is_file()
        assert there or discover().find("model", name), f"{name}: no such model"


def in_examples(name: str) -> list[Path]:
    """Return the example plugins, which needn't be installed, that register ``name``."""
    plugins = ROOT.glob("examples/*/src/*/plugin.py")
    return [path for path in plugins if f'name="{name}"' in path.read_text(encoding="utf-8")]


def check_extras(words: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in words:
        asked = re.fullmatch(r"(?:\.|rateval)\[(.+)\]", word)
        extras = set(asked[1].split(",")) if asked else set()
        assert extras <= set(project["optional-dependencies"]), f"{word}: no such extra"


def run_python(block: Block, names: dict[str, Any]) -> None:
    exec(compile(block.text, str(block), "exec"), names)
    for name, value in list(names.items()):
        if name.startswith("test_"):
            value()
        elif name.startswith("rateval_register_"):
            assert value()


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the current folder one with the files that the documents speak of."""
    monkeypatch.chdir(tmp_path)
    for file in (
        "candidate/open_clip_model.safetensors",
        "my-model/open_clip_model.safetensors",
        "my-model/open_clip_config.json",
        "my-model/rateval.json",
    ):
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_text("{}")
    for block in all_blocks():
        if named := re.match(r"# (\w+\.py)\n", block.text):
            Path(named[1]).write_text(block.text, encoding="utf-8")


@pytest.fixture
def names(acme: Path, installed: Path, workplace: None) -> dict[str, Any]:
    """Make a small run, and return what Python in the documents takes for granted."""
    spec = Path("examples/quickstart.toml")  # a tiny study in the place of one that takes a minute
    spec.parent.mkdir()
    spec.write_text(TINY)
    folder = rateval.run(spec).path
    record = rateval.load(folder.rename(folder.parent / "my-study-20260101-120000"))
    return {"np": np, "record": record, "cell": record.cells[0]}


def context(block: Block, request: pytest.FixtureRequest) -> dict[str, Any]:
    made: dict[str, Any] = request.getfixturevalue("names") if block.language == "python" else {}
    return made


@pytest.mark.parametrize("block", all_blocks(), ids=str)
def test_blocks_of_the_documents(
    block: Block, workplace: None, request: pytest.FixtureRequest
) -> None:
    check(block, context(block, request))


def test_what_is_left_out_is_there() -> None:
    documents = {name: (ROOT / name).read_text(encoding="utf-8") for name, _ in UNCHECKED}
    there = {key_of(block) for name in documents for block in blocks_of(name, documents[name])}
    assert UNCHECKED.keys() <= there


@pytest.mark.parametrize(
    ("language", "text", "complaint"),
    [
        ("toml", '[[finetune]]\nuse = "zs', "Unterminated|Illegal"),
        ("toml", '[[finetune]]\nuse = "zs"\nepoch = 1', "epoch"),
        ("toml", '[[finetuner]]\nuse = "zs"', 'did you mean "finetune"'),
        ("toml", '[[component]]\nname = "x"', "missing"),
        ("toml", '[project.entry-points.ratevals]\nmine = "mine.plugin"', "rateval"),
        ("console", "rateval list", r"no line begins with \$"),
        ("console", "$ rateval lst", "invalid choice"),
        ("console", "$ rateval run examples/quickstart.toml --limits 3", "unrecognized"),
        ("console", "$ rateval run example/quickstart.toml", "example/quickstart.toml: no file"),
        ("console", "$ rateval show model clipp", "clipp: no such model"),
        ("console", "$ rateval model check clipp", "clipp: no such model"),
        ("console", "$ make tests", "the targets are"),
        ("console", "$ make fuzz MINUTE=3", "set .*MINUTES"),
        ("console", "$ pip install './examples/rateval-exmaple'", "no such file"),
        ("console", "$ .venv/bin/python -m pip install -e '.[all,devs]'", "no such extra"),
        ("console", "$ python scripts/train.py", "no such file"),
        ("console", "$ python scripts/train_quickstart.py --outptu F", "has no --outptu"),
        ("console", "$ ratevall list", "how to check this"),
        ("python", "import rateval\nrateval.create('dataset', 'shape')", "unknown dataset"),
        ("python", "def f(:", "invalid syntax"),
        ("python", "from rateval.api import Komponent", "Komponent"),
        ("python", "record.no_such_name", "no_such_name"),
        ("", "anything", "a block is toml, console, python or text"),
    ],
)
def test_mistakes_in_a_document_are_found(
    language: str, text: str, complaint: str, workplace: None, request: pytest.FixtureRequest
) -> None:
    (block,) = blocks_of("made-up.md", f"Words.\n\n```{language}\n{text}\n```\n\nMore.\n")
    assert (block.line, block.text) == (3, f"{text}\n")
    with pytest.raises(Exception, match=complaint):
        check(block, context(block, request))
