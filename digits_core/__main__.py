"""``python -m digits_core``: the command line."""

from digits_core.cli import main

if __name__ == "__main__":
    main()
