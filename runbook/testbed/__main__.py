"""`python -m runbook.testbed up|down|status|fault|heal`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from runbook.errors import RunbookError
from runbook.testbed.commands import add_arguments, perform


def main() -> int:
    """The exit code; errors go to standard error."""
    parser = ArgumentParser(prog="runbook testbed", description=__doc__)
    add_arguments(parser)
    try:
        code, text = perform(parser.parse_args())
    except RunbookError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; what was begun is taken back", file=sys.stderr)
        return 130
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
