"""Tables as papers print them: numbers, emphasis by paired intervals, escaped text."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from rateval.records.run import RunRecord
from rateval.records.scores.comparisons import ComparisonRecord
from rateval.report.export.papers.latex import escape as escape_latex, write_latex
from rateval.report.export.papers.markdown import escape, write_markdown
from rateval.report.export.papers.pairs import lay_out_tables
from rateval.report.export.papers.paper import Number
from rateval.report.export.selecting import select

COMPILERS = ("pdflatex", "lualatex", "xelatex", "tectonic")


def render(text: str) -> str:
    html: str = MarkdownIt("commonmark").enable("table").render(text)
    return html


def cells_of(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]


def test_markdown_renders_to_the_records_numbers(run: RunRecord) -> None:
    html = render("".join(write_markdown(select(run, (), ["relevance-mass"]), "cells")))
    head, *rows = cells_of(html)
    assert head == ["method", "accuracy", "PT", "IR"]
    for cell, row in zip(run.cells, rows, strict=True):
        scores = cell.evidence[0].scores
        assert row[0] == f"clip · {cell.key.finetuner}"
        for score, shown in zip(scores, row[1:], strict=True):
            value = score.value
            assert value.value is not None and value.low is not None and value.high is not None
            plain = re.sub("<.*?>", "", shown)
            up, down = value.high - value.value, value.value - value.low
            texts = [f"{100 * number:.1f}" for number in (value.value, up, down)]
            both = f"{texts[0]} ± {texts[1]}"
            assert plain == (both if texts[1] == texts[2] else "{} +{} −{}".format(*texts))
    assert "n = 60 images, seed 0" in html
    assert "Intervals are at 95 %, over images." in html


def _with(run: RunRecord, low: Mapping[str, float], high: Mapping[str, float]) -> RunRecord:
    """Return the run with other ends of the intervals of lp minus zs, by metric."""

    def change(found: ComparisonRecord) -> ComparisonRecord:
        differences = tuple(
            one.model_copy(
                update={
                    "value": (low[one.metric] + high[one.metric]) / 2,
                    "low": low[one.metric],
                    "high": high[one.metric],
                }
            )
            for one in found.differences
        )
        return found.model_copy(update={"differences": differences})

    return run.model_copy(update={"comparisons": tuple(map(change, run.comparisons))})


def _strong(run: RunRecord) -> dict[str, list[bool]]:
    table = next(iter(lay_out_tables(select(run, (), ["relevance-mass"]), "cells")))
    columns = {}
    for at, heading in enumerate(table.head[1:], start=1):
        numbers = [row[at] for group in table.groups for row in group]
        columns[heading] = [one.strong for one in numbers if isinstance(one, Number)]
    return columns


def test_the_best_is_emphasised_only_where_the_interval_bears_it(run: RunRecord) -> None:
    changed = _with(
        run, {"accuracy": 0.1, "pt": -0.3, "ir": -0.1}, {"accuracy": 0.2, "pt": -0.1, "ir": 0.1}
    )
    assert _strong(changed) == {
        "accuracy": [False, True],  # lp is ahead
        "PT": [True, False],  # zs is
        "IR": [False, False],  # the interval holds 0
    }
    alone = changed.model_copy(update={"comparisons": ()})
    assert _strong(alone) == {key: [False, False] for key in ("accuracy", "PT", "IR")}


def test_one_unclear_rival_is_enough_against_emphasis(run: RunRecord) -> None:
    changed = _with(
        run,
        dict.fromkeys(("accuracy", "pt", "ir"), 0.1),
        dict.fromkeys(("accuracy", "pt", "ir"), 0.2),
    )
    third = run.cells[1].key.model_copy(update={"finetuner": "third"})
    cell = run.cells[1].model_copy(update={"key": third})
    more = changed.model_copy(
        update={"cells": (*run.cells, cell), "planned": (*run.planned, third)}
    )
    assert not any(any(column) for column in _strong(more).values())


@pytest.mark.parametrize("what", ["cells", "comparisons", "transitions"])
def test_hostile_labels_are_printed_as_they_are(hostile: RunRecord, what: str) -> None:
    html = render("".join(write_markdown(select(hostile), what)))
    assert "<i>" not in html and "<em>" not in html and "<a " not in html and "<code>" not in html
    names = [cell for row in cells_of(html) for cell in row if "cmd" in cell]
    caption = re.findall(r"<p>(.*?)</p>", html, re.DOTALL)
    shown = "=cmd|&quot;x&quot;!A1 &amp; 50% of $a_b#{c}~^\\ *b* &lt;i&gt; `d` [e](f) \\x1b[31m"
    assert caption and all(shown in text for text in caption)
    assert names and all(shown in text for text in names)
    assert "\x1b" not in html


@pytest.mark.parametrize("what", ["cells", "comparisons", "transitions"])
def test_latex_has_no_sign_left_that_it_would_obey(hostile: RunRecord, what: str) -> None:
    text = "".join(write_latex(select(hostile), what))
    for line in text.splitlines():
        if "cmd" in line and "label{" not in line:
            bare = re.sub(r"\\(textbackslash|text\w+|[{}$&#%_])(\{\})?", "", line)
            bare = bare.removesuffix(r" \\").replace(r"\caption", "")
            assert not set(re.sub(r"\$[^$]*\$", "", bare)) & set("#%~^\\"), line
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == text.count(r"\end{table}")
    rows = re.findall(r"^    (.*) \\\\$", text, re.MULTILINE)
    columns = len(re.findall("[lr]", re.findall(r"tabular\}\{(\w+)\}", text)[0]))
    assert {len(re.split(r"(?<!\\)&", row)) for row in rows[:2]} == {columns}


def test_each_sign_is_escaped() -> None:
    assert escape_latex("#$%&_{}~^\\") == (
        r"\#\$\%\&\_\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}"
    )
    for sign in "\\`*_{}[]<>#|~!$@":
        assert render(escape(f"{sign}a{sign}")).strip("\n").startswith("<p>")


@pytest.mark.parametrize("what", ["cells", "comparisons", "transitions"])
def test_latex_compiles(hostile: RunRecord, tmp_path: Path, what: str) -> None:
    picture = compile_latex("".join(write_latex(select(hostile), what)), tmp_path)
    assert picture.stat().st_size > 1000


NAMES = (
    "[2em] x",
    "*b*",
    "[e](f)",
    "ft--swap---x",
    ",,a'' `b` ''",
    "<<c>> $d_{e}$ ~^#%&|",
    '"x\\y"',
)
"""Names that LaTeX would take for a length, a star, dashes, quotation marks and commands."""


def test_latex_prints_names_as_they_are(run: RunRecord, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext found: Debian's poppler-utils has it")
    texts = []
    for name in NAMES:
        cells = [
            cell.model_copy(update={"key": cell.key.model_copy(update={"model": name})})
            for cell in run.cells
        ]
        named = run.model_copy(update={"cells": tuple(cells), "planned": ()})
        named._path = run.path
        texts.append("".join(write_latex(select(named, (), ["relevance-mass"]), "cells")))
    picture = compile_latex("\\clearpage".join(texts), tmp_path)
    done = subprocess.run(
        ["pdftotext", "-layout", picture, "-"], capture_output=True, text=True, check=True
    )
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for name in NAMES:
        # The middle dot between model and method has another place in the font's own table.
        assert sum(line.startswith(f"{name} ") for line in lines) == len(run.cells), lines


def compile_latex(tables: str, folder: Path) -> Path:
    """Return a document of tables by whichever LaTeX is here; skip the test where none is."""
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        pytest.skip(f"no LaTeX found: install one of {', '.join(COMPILERS)}")
    # The others have Unicode fonts of their own.
    encoding = "\\usepackage[T1]{fontenc}" if "pdflatex" in compiler else ""
    (folder / "t.tex").write_text(
        f"\\documentclass{{article}}{encoding}\\usepackage{{booktabs}}"
        f"\\begin{{document}}{tables}\\end{{document}}"
    )
    done = subprocess.run(
        [compiler, "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
        if "tectonic" not in compiler
        else [compiler, "t.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout
    return folder / "t.pdf"


def test_seeds_are_named_where_there_are_several(
    run: RunRecord, make_seeds: Callable[[RunRecord], RunRecord]
) -> None:
    several = make_seeds(run)
    table = next(iter(lay_out_tables(select(several), "cells")))
    assert "mean over seeds 0, 1" in table.caption
    pairs = next(iter(lay_out_tables(select(several), "comparisons")))
    assert pairs.groups[0][0][0] == "lp − zs, seed 0"


@pytest.fixture
def make_seeds() -> Callable[[RunRecord], RunRecord]:
    from rateval.records.scores.seeds import SeedsRecord

    def make(run: RunRecord) -> RunRecord:
        results = tuple(
            SeedsRecord(key=c.key.seedless, count=c.count, evidence=c.evidence, seeds=(0, 1))
            for c in run.cells
        )
        return run.model_copy(update={"seeds": (0, 1), "over_seeds": results})

    return make
