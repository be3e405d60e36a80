"""`python -m toymodels`: says where figures are made, not where the package is installed."""

import sys

WHERE = (
    "this is the library; the scripts of the figures are not installed with it. "
    "`python -m experiments` needs the folder `experiments` of the repository: run it in a clone, "
    "with this package installed"
)


def main() -> int:
    """Say it; any command was meant for `python -m experiments`, and is wrong usage."""
    if len(sys.argv) > 1:
        print(f"error: {WHERE}", file=sys.stderr)
        return 2
    print(WHERE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
