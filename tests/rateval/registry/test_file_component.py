"""Functions in Python files as components: found, refused, kept apart, identified."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from rateval.api.params import Params
from rateval.api.use import read_use
from rateval.errors import RatevalError
from rateval.plan.cells import Choice
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.registry.finding import find_component
from rateval.registry.python_file import PythonFile
from rateval.registry.references import load_factory, params_class
from rateval.registry.registry import Registered
from rateval.spec.document import Document, read_document
from rateval.workbench.build import determine

GOOD = """
from __future__ import annotations
from dataclasses import dataclass, field, KW_ONLY
from rateval.api import Context, Params

@dataclass
class Held:  # dataclasses look for the module of their annotations
    _: KW_ONLY
    number: int = 3

class MetricParams(Params):
    number: int = 3
    \"\"\"What counts.\"\"\"

class Metric:
    label = "mine"
    def __init__(self, number): self.number = number
    def compute(self, outcomes): ...

def make(params: MetricParams, context: Context):
    \"\"\"A metric of mine.\"\"\"
    return Metric(Held(number=params.number).number)
"""


def find(use: str, folder: Path = Path()) -> Registered:
    return find_component("metric", use, discover(), folder)


def choose(path: Path, use: str, **params: object) -> Choice:
    """Return the metric of a spec that lies at ``path``."""
    data = {
        "study": {"name": "s"},
        "dataset": [{"use": "shapes"}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
        "metric": [{"use": use, **params}],
    }
    (metric,) = make_plan(Document("s", data, "", folder=path), discover()).metrics
    return metric


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_function_is_called_with_what_it_takes() -> None:
    Path("my.py").write_text(
        "class Own:\n    label = 'own'\n    def compute(self, outcomes): ...\n"
        "def none(): return 'none', ()\n"
        "def one(params): return 'one', (params,)\n"
        "def two(params, context, more=1): return 'two', (params, context)\n"
        "def any(*all): return 'any', all\n"
    )
    given = Params(), "the context"
    for function, count in (("none", 0), ("one", 1), ("two", 2), ("any", 2)):
        found = find(f"./my.py:{function}")
        assert params_class(found) is Params
        assert load_factory(found)(*given) == (function, given[:count])  # type: ignore[arg-type]
    assert load_factory(find("my.py:Own"))(*given).label == "own"  # type: ignore[arg-type]


def test_what_the_file_says_of_itself() -> None:
    Path("my.py").write_text(GOOD + "def make_digest(params): return f'of {params.number}'\n")
    choice = choose(Path(), "./my.py:make", number=4)
    assert (choice.label, choice.registered.use) == ("my", "my.py:make")
    assert choice.registered.component.summary == "A metric of mine"
    assert determine(choice, None)["digest"] == "of 4"
    assert determine(choice, None)["component"] == "make"


def test_tasks_and_protocol_stand_beside_the_function() -> None:
    said = "make_tasks = ('vqa',)\nmake_protocol = 'rateval.api.tasks.texts:TextModel'\n"
    Path("my.py").write_text(GOOD + said)
    component = find("./my.py:make").component
    assert component.tasks == ("vqa",)
    assert component.protocol == "rateval.api.tasks.texts:TextModel"
    Path("my.py").write_text(GOOD)
    assert find("./my.py:make").component.tasks == ("classification",)
    for wrong, asked in (
        ("make_tasks = 'vqa'", "must be a tuple of names of tasks"),
        ("make_tasks = ()", "must be a tuple of names of tasks"),
        ("make_protocol = 'TextModel'", "must name a protocol"),
    ):
        Path("my.py").write_text(f"{GOOD}{wrong}\n")
        with pytest.raises(RatevalError, match=asked):
            find("./my.py:make")


def test_the_bytes_are_identity_and_name_and_place_are_not() -> None:
    Path("my.py").write_text(GOOD)
    first = choose(Path(), "./my.py:make").identity
    Path("other").mkdir()
    Path("other/name.py").write_text(GOOD)
    assert choose(Path("other"), "name.py:make").identity == first
    assert choose(Path(), str(Path("other/name.py").absolute()) + ":make").identity == first
    assert choose(Path(), "./my.py:make", number=4).identity != first
    Path("my.py").write_text(GOOD + "# edited\n")
    assert choose(Path(), "./my.py:make").identity != first
    Path("my.py").write_text(GOOD)
    assert choose(Path(), "./my.py:make").identity == first


def test_files_of_one_name_are_two_modules_and_no_import_finds_them() -> None:
    before, path = set(sys.modules), list(sys.path)
    for folder, word in (("a", "ay"), ("b", "bee")):
        Path(folder).mkdir()
        Path(folder, "json.py").write_text(f"def make(): return '{word}'\n")
    made = [load_factory(find(f"./{of}/json.py:make")) for of in ("a", "b")]
    assert [make(Params(), None) for make in made] == ["ay", "bee"]  # type: ignore[arg-type]
    new = {name for name in set(sys.modules) - before if name.startswith("rateval-file")}
    assert len(new) == 2
    assert not any(name.isidentifier() or "." in name for name in new)
    assert sys.path == path
    assert not list(Path().rglob("__pycache__"))


def test_a_file_that_fails_leaves_no_module_and_is_tried_again() -> None:
    Path("my.py").write_text("from json import dumps\nraise ValueError('not today')\n")
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(RatevalError, match=r"my\.py, line 2, raised ValueError: not today"):
            find("my.py:make")
    assert set(sys.modules) == before


def test_params_of_a_file_reach_another_process() -> None:
    Path("my.py").write_text(GOOD)
    choice = choose(Path(), "./my.py:make", number=5)
    sent = pickle.dumps(choice)
    Path("my.py").unlink()  # its bytes travel along
    code = (
        "import pickle, sys; c = pickle.load(sys.stdin.buffer); "
        "print(type(c.params).__name__, c.params.number, c.identity)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=sent, capture_output=True, check=False
    )
    assert done.stdout.decode() == f"MetricParams 5 {choice.identity}\n", done.stderr.decode()
    assert pickle.loads(sent) == choice


def test_a_seed_among_its_params_makes_it_depend_on_the_studys() -> None:
    text = "from rateval.api import Params\nclass P(Params):\n    {}\ndef make(params: P): ...\n"
    Path("drawn.py").write_text(text.format("seed: int | None = None"))
    Path("fixed.py").write_text(text.format("sead: int | None = None"))
    assert choose(Path(), "drawn.py:make").seeded
    assert not choose(Path(), "drawn.py:make", seed=3).seeded
    assert not choose(Path(), "fixed.py:make").seeded


FILES = {
    "syntax.py": "x = 1\ndef make(:\n",
    "nul.py": "x = '\0'\n",
    "absent.py": "import no_such_thing\n",
    "relative.py": "from . import other\n",
    "neighbour.py": "x = 1\nimport syntax\n",
    "exits.py": "raise SystemExit(3)\n",
    "exits_plainly.py": "import sys\nsys.exit()\n",
    "deep.py": "def f(): return f()\nf()\n",
    "empty.py": "",
    "notes.txt": "def make(): ...\n",
    "odd.py": (
        "from rateval.api import Context\n"
        "make = {}\n"
        "def number(params: int): ...\n"
        "def text(params: 'Nope'): ...\n"
        "def union(params: int | None): ...\n"
        "def context(context: Context): ...\n"
        "def three(a, b, c): ...\n"
        "def named(*, a): ...\n"
        "make_it = print\n"
    ),
}


@pytest.mark.parametrize(
    ("use", "why"),
    [
        ("./sintax.py:make", 'no such file: sintax.py; did you mean "syntax.py"?'),
        ("./far/away.py:make", "no such file: far/away.py; there is no folder far, either"),
        ("{here}/gone.py:make", "no such file: {here}/gone.py; its path starts"),
        ("~nobody-here/x.py:make", "home folder"),
        ("C:\\data\\my.py:make", "no such file: C:\\data\\my.py"),
        ("C:\\data\\my.py", "names no function"),
        ("empty.py", 'names no function; write it behind the file and a colon: "empty.py:make"'),
        ("empty.py:", "names no function"),
        ("empty.py:make", "empty.py has no make; it has no function"),
        ("odd.py:nunber", 'odd.py has no nunber; did you mean "number"?'),
        ("odd.py:a.b", "odd.py has no a.b; it has number, text, union"),
        ("folder.py:make", "folder.py is no file"),
        ("pipe.py:make", "pipe.py is no file"),
        ("notes.txt:make", "notes.txt is no Python file; write the path of one, which ends in .py"),
        ("my_dataset:make", "my_dataset is no Python file"),
        ("syntax.py:make", "syntax.py is no Python: line 2: invalid syntax; mend the file"),
        ("nul.py:make", "null bytes"),
        ("latin.py:make", "latin.py is no Python"),
        ("absent.py:make", "absent.py, line 1, raised ModuleNotFoundError: No module named"),
        ("absent.py:make", "install what it imports"),
        ("relative.py:make", "the file stands alone"),
        ("neighbour.py:make", "neighbour.py, line 2, raised ModuleNotFoundError"),
        ("neighbour.py:make", "the file stands alone: its folder is not searched for modules"),
        ("exits.py:make", "exits.py, line 1, raised SystemExit: 3"),
        ("exits_plainly.py:make", "exits_plainly.py, line 2, raised SystemExit when"),
        ("deep.py:make", "raised RecursionError"),
        ("odd.py:make", "odd.py: make is {{}}, which cannot be called; name a function"),
        ("odd.py:number", "odd.py: number: its first argument, params, is annotated by int"),
        ("odd.py:text", "is annotated by Nope, which cannot be found: NameError"),
        ("odd.py:union", "is annotated by int | None; the first one holds the params"),
        ("odd.py:context", "is annotated by Context; the first one holds the params"),
        ("odd.py:three", "odd.py: three needs a, b, c; it is called with params and context"),
        ("odd.py:named", "odd.py: named needs a"),
    ],
)
def test_what_cannot_be_a_component_is_one_line_of_the_spec(
    use: str, why: str, tmp_path: Path
) -> None:
    for name, text in FILES.items():
        Path(name).write_text(text)
    Path("latin.py").write_bytes(b"x = '\xe9'\n")
    Path("folder.py").mkdir()
    os.mkfifo("pipe.py")
    use, why = use.replace("{here}", str(tmp_path)), why.format(here=tmp_path)
    with pytest.raises(RatevalError) as caught:
        choose(Path(), use)
    assert why in str(caught.value)
    if "~" not in use:
        assert str(caught.value).startswith("s: metric[0].use = ")
        assert "\n" not in str(caught.value)


def test_params_are_checked_like_a_plugins() -> None:
    Path("my.py").write_text(GOOD)
    with pytest.raises(RatevalError, match=r'metric\[0\]\.nummer: unknown key; did you mean "numb'):
        choose(Path(), "my.py:make", nummer=1)
    with pytest.raises(
        RatevalError, match=r"number = \"1\": must be .*rateval show metric my\.py:make"
    ):
        choose(Path(), "my.py:make", number="1")


def test_paths_start_from_the_folder_of_the_spec(tmp_path: Path) -> None:
    Path("studies").mkdir()
    Path("studies/my.py").write_text(GOOD)
    Path("studies/spec.toml").write_text(
        '[study]\nname="s"\n[[dataset]]\nuse="shapes"\n[[model]]\nuse="clip"\n[[finetune]]\n'
        'use="zs"\n[[metric]]\nuse="./my.py:make"\n'
    )
    plan = make_plan(read_document(Path("studies/spec.toml")), discover())
    plugin = plan.metrics[0].registered.plugin
    assert isinstance(plugin, PythonFile)
    assert (plugin.path, str(plugin)) == (tmp_path / "studies/my.py", "studies/my.py")


def test_no_name_of_a_component_is_taken_for_a_file() -> None:
    assert all(read_use(name) is None for _, name in discover().components)
