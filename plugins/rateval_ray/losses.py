"""Workers that were lost: which steps are done again, and when there is no use in it."""

from __future__ import annotations

from collections import Counter

from rateval_ray.cluster import AGAIN, UnusableError
from rateval_ray.messages import Failed, Task

_NEVER_CAME = 5
"""Workers that may be lost one after the other before any has taken a step."""


class Losses:
    """How often each step was lost with its worker, and how many workers never came.

    >>> losses = Losses(1)
    >>> task = Task("a", b"", None)
    >>> losses.lost(task, RuntimeError("killed"), 2.0) is None
    True
    >>> losses.lost(task, RuntimeError("killed"), 2.0).reason[:59]
    'its Ray worker was lost 2 times, at last: killed; perhaps m'
    """

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._lost: Counter[str] = Counter()
        self._never_came = 0

    def arrived(self) -> None:
        """Take note of a worker that can take steps."""
        self._never_came = 0

    def never_came(self, error: BaseException) -> None:
        """Take note of a worker that was lost before it could take a step.

        Raises UnusableError if others would be lost as well: not if a node went, but if it could
        not be set up, or after several.
        """
        self._never_came += 1
        chance = type(error).__name__ in ("ActorDiedError", "ActorUnavailableError")
        if getattr(error, "actor_init_failed", False) or not chance:
            raise UnusableError(
                f"a worker on the Ray cluster could not start: {say_last(error)}; every node needs "
                "the same Python, rateval and plugins as this computer, at the same paths"
            )
        if self._never_came >= _NEVER_CAME:
            raise UnusableError(
                f"{self._never_came} workers on the Ray cluster were lost before they took a step, "
                f"the last one: {say_reason(error)}; see `ray status`, then {AGAIN}"
            )

    def lost(self, task: Task, error: BaseException, seconds: float) -> Failed | None:
        """Take note of a step that was lost; return how it ended if it is not done again."""
        self._lost[task.identity] += 1
        times = self._lost[task.identity]
        if times <= self._retries:
            return None
        return Failed(
            task.identity,
            round(seconds, 3),
            f"its Ray worker was lost {'once' if times == 1 else f'{times} times'}, at last: "
            f"{say_reason(error)}; perhaps memory ran out: ask for more by executor.memory, use "
            f"fewer executor.workers or a lower run.batch_size, and {AGAIN}",
        )


def say_reason(error: BaseException) -> str:
    r"""Return why Ray lost something, in one line, without what Ray always says.

    >>> said = "Its node  died.\n\tpid: 7\nSome common causes include: (1) the OOM killer"
    >>> say_reason(RuntimeError(said))
    'Its node died'
    """
    lines = [line for line in str(error).splitlines() if line.strip() and line[0] != "\t"]
    reason = " ".join(" ".join(lines).partition("Some common causes")[0].split())
    reason = reason.removeprefix("The actor died unexpectedly before finishing this task.").strip()
    return (reason or type(error).__name__)[:400].rstrip(" .;")


def say_last(error: BaseException) -> str:
    r"""Return the last line of an error that holds a traceback.

    >>> say_last(RuntimeError("Traceback:\n  File x\nModuleNotFoundError: No module named 'a'\n"))
    "ModuleNotFoundError: No module named 'a'"
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:400].rstrip(" .;")
