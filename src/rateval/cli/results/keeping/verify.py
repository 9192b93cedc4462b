"""``rateval runs verify``: what is damaged or missing, and what to do about it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from rateval.cli.terminal import say
from rateval.console import Console
from rateval.engine.keeping.runs import list_runs
from rateval.engine.keeping.verifying import Verified, tell_flaws, verify
from rateval.errors import RatevalError
from rateval.json_file import format_json
from rateval.progress import make_reporter
from rateval.records.run import FILE_NAME
from rateval.wording import write_bytes, write_count


def verify_runs(parsed: Namespace) -> int:
    """Verify runs; return 1 where something is wrong."""
    runs = _choose(parsed)
    reporter = make_reporter(Console(stderr=True), quiet=parsed.quiet)
    label = f"{len(runs)} runs" if len(runs) > 1 else runs[0].name
    with reporter.watch("verify", label) as monitor:
        verified = verify(runs, monitor)
    if parsed.json:
        say(Console(), format_json(_describe(verified), ascii_only=True).rstrip())
    else:
        _print(verified, label, Console(plain=parsed.plain))
    return int(bool(verified.flaws))


def _choose(parsed: Namespace) -> list[Path]:
    """Return the folders of the runs that are asked for."""
    if parsed.all and parsed.runs:
        raise RatevalError(f"--all: and {parsed.runs[0]}: leave one of them")
    if parsed.runs:
        return list(dict.fromkeys(map(_find, parsed.runs)))
    found = [run.path for run in list_runs(Path(parsed.output))]
    if not found:
        raise RatevalError(
            f"{parsed.output}: holds no run; name the folder of one, or where runs went to: "
            "--output FOLDER"
        )
    return found if parsed.all else found[:1]


def _find(given: str) -> Path:
    """Return the folder of a run, which may be named by its record."""
    path = Path(given)
    path = path.parent if path.name == FILE_NAME else path
    if not (path / FILE_NAME).exists():
        raise RatevalError(f"{given}: holds no {FILE_NAME}; give the folder of a run")
    return path


def _print(verified: Verified, label: str, console: Console) -> None:
    for line in tell_flaws(verified.flaws):
        say(console, line, "" if line.startswith(" ") else "red")
    found = write_count(verified.results, "result"), write_count(verified.files, "file")
    looked = ", ".join((*found, write_bytes(verified.size)))
    count = len(verified.flaws)
    wrong = f"{write_count(count, 'thing')} damaged or gone"
    how = wrong if count else "all as it was stored"
    say(console, f"{label}: {looked}: {how}", "red" if count else "green")


def _describe(verified: Verified) -> dict[str, object]:
    return {
        "whole": not verified.flaws,
        "runs": verified.runs,
        "results": verified.results,
        "files": verified.files,
        "bytes": verified.size,
        "flaws": [
            {
                "path": str(flaw.path),
                "what": flaw.what,
                "advice": flaw.advice,
                "runs": list(flaw.runs),
            }
            for flaw in verified.flaws
        ],
    }
