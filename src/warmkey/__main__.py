"""``python -m warmkey``: the command line without the script."""

import sys

from warmkey.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
