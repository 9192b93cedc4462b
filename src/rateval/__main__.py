"""``python -m rateval``: what ``rateval`` does."""

from rateval.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
