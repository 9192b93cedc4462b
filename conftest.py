"""Keep doctests of plugins whose library lives in another environment out of this one."""

from importlib.util import find_spec

collect_ignore_glob = (
    [] if find_spec("lavis") else ["plugins/rateval_lavis/*", "tests/rateval_lavis/*"]
)
collect_ignore_glob += [
    f"plugins/rateval_trackers/{library}_*.py"
    for library in ("mlflow", "tensorboard", "trackio", "wandb")
    if not find_spec(library)
]
