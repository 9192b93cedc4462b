"""Specs, settings and environments mutated: a sentence, or a study."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from faults.command import Commands
from faults.damage import BYTES, damage
from faults.explore import Case
from faults.studies import EVERYTHING, TO_RUN
from faults.values import HOWS, LARGE, ODD, as_toml, change, paths_in
from faults.verdict import FaultError, require_good_end, require_told_failures

COUNT = st.integers(0, 9999)
ANY = st.sampled_from(sorted(ODD))
MODEST = st.sampled_from(sorted(ODD.keys() - set(LARGE)))
ENCODINGS = st.sampled_from(["utf-8", "utf-8", "ascii", "latin-1"])
KEYS = sorted(EVERYTHING["run"])


def edits(odd: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[Any]]]:
    edit = st.tuples(COUNT, st.sampled_from(("set", "set", *HOWS)), odd).map(list)
    return st.lists(edit, min_size=1, max_size=2)


CASES = st.one_of(
    st.fixed_dictionaries({"command": st.just("validate"), "edits": edits(ANY)}),
    st.fixed_dictionaries(
        {"command": st.just("run"), "edits": edits(MODEST), "encoding": ENCODINGS}
    ),
    st.fixed_dictionaries(
        {
            "command": st.just("validate"),
            "bytes": st.tuples(st.sampled_from(sorted(BYTES)), COUNT, COUNT).map(list),
        }
    ),
    st.fixed_dictionaries(
        {
            "command": st.sampled_from(["run", "set", "environment"]),
            "key": st.sampled_from([*KEYS, "nothing", "study.seed", ""]),
            "odd": ANY,
        }
    ).map(lambda case: case | ({"command": "set"} if case["command"] == "run" else {})),
)


def leaf(tables: Mapping[str, Any], which: int) -> Any:
    paths = list(paths_in(tables))
    value: Any = tables
    for key in paths[which % len(paths)]:
        value = value[key]
    return value


def must_be_refused(case: Case, base: Mapping[str, Any]) -> bool:
    """Tell whether a spec can't be meant: an unknown key, or a text where a number was."""
    if len(case.get("edits", ())) != 1:
        return False
    ((which, how, odd),) = case["edits"]
    was, value = leaf(base, which), ODD[odd]
    text_for_number = isinstance(was, int | float) and isinstance(value, str) and odd != "digits"
    return how == "rename" or (how == "set" and text_for_number and odd != "5,000 digits")


def command_of(case: Case) -> tuple[list[str], dict[str, str]]:
    """Return the words of a command, and what its environment has more."""
    if case["command"] in ("validate", "run"):
        return [case["command"], "spec.toml"], {}
    words, odd = ["run", "spec.toml", "--only", "nothing"], case["odd"]
    if case["command"] == "set":
        text = as_toml({"x": ODD[odd]}).partition("=")[2].strip()
        return [*words, "--set", f"{case['key']}={text}"], {}
    text = str(ODD[odd]).replace("\0", "").replace("digits", "9" * 5000)
    return words, {f"RATEVAL_{case['key'].upper()}": text}


def test_specs(commands: Commands, explore: Any, place: Path) -> None:
    def check(case: Case) -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        base = TO_RUN if case["command"] == "run" else EVERYTHING
        tables: Any = base
        spec, said = place / "spec.toml", []
        for which, how, odd in case.get("edits", ()):
            tables, words = change(tables, which, how, odd)
            said.append(words)
        spec.write_text(as_toml(tables), encoding="utf-8", newline="")
        if "bytes" in case:
            said.append(damage(spec, *case["bytes"]))
        try:
            code = give(case)
            if must_be_refused(case, base) and code != 2:
                raise FaultError("a spec that can't be meant is taken", f"exit code {code}")
        except FaultError as fault:
            fault.args = (f"{fault}\n{'; '.join(said)}",)
            raise

    def give(case: Case) -> int:
        words, environment = command_of(case)
        if any("\0" in word for word in words):
            return 2  # no system passes such an argument on
        options = {"environment": environment, "encoding": case.get("encoding", "utf-8")}
        done = commands.run(*words, folder=place, **options)
        require_good_end(done)
        require_told_failures(place / "runs")
        return done.code

    explore("specs", CASES, check, 25)
