"""`yamlflow`, and `python -m yamlflow` where the script is not on PATH: the way to the command line.

Not on Windows itself, where half of what is imported from here on does not
exist; nothing is, before that is said.
"""

import sys

from yamlflow.core.errors import WINDOWS, SetupError


def main() -> None:
    """The command line; 78 on Windows."""
    if sys.platform == "win32":
        sys.stderr.write(f"error: {WINDOWS}\n")
        sys.exit(SetupError.exit_code)
    from yamlflow.cli.app import main as command_line

    command_line()


if __name__ == "__main__":
    main()
