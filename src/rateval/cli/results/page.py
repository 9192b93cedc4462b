"""What is printed of a record, or written as a page: one file, or a folder with its pictures."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rateval.cli.arguments import path
from rateval.errors import RatevalError

INDEX_NAME = "index.html"


def add_form(parser: ArgumentParser, what: str) -> None:
    """Declare in which forms a command shows ``what`` it has."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=f"print the {what} as JSON")
    form.add_argument(
        "--plain",
        action="store_true",
        help="print in ASCII and without colours, for mails and logs",
    )
    form.add_argument(
        "--html",
        metavar="FILE",
        type=path,
        help="write a page for a browser, in one file; FOLDER/ has the pictures beside it",
    )
    parser.add_argument(
        "--no-pictures",
        action="store_true",
        help="leave all photos out of the page, with --html",
    )


def require_page(parsed: Namespace) -> None:
    """Raise RatevalError where photos are to be left out of no page."""
    if parsed.no_pictures and not parsed.html:
        raise RatevalError("--no-pictures: nothing to leave out of; give it with --html FILE")


def write_given(
    given: str,
    write_page: Callable[..., None],
    write_folder: Callable[..., None],
    record: Any,
    *,
    pictures: bool,
) -> Path:
    """Write a record's page where ``--html`` asks for it, and return the page's path.

    Raises RatevalError where it can't be written.
    """
    target = Path(given)
    folder = given.endswith(("/", os.sep)) or target.is_dir()
    write = write_folder if folder else write_page
    try:
        write(record, target, pictures=pictures)
    except OSError as error:
        raise RatevalError(
            f"--html {given}: can't be written ({error.strerror}); name a file in a folder that is "
            "there and can be written to, or a folder with a slash behind it"
        ) from None
    return target / INDEX_NAME if folder else target
