"""Imported once by the process that workers begin from; it imports what they will need."""

from __future__ import annotations

import gc
import importlib
import os
from contextlib import suppress

from rateval.machine.nursery import IMPORTS

# Nothing of what modules make is ever let go of, and workers share it as long as nobody marks it.
gc.disable()
for _name in filter(None, os.environ.pop(IMPORTS, "").split(",")):
    # What can't be imported is told by the worker that needs it, where somebody reads it.
    with suppress(Exception):
        importlib.import_module(_name)
gc.freeze()
gc.enable()
