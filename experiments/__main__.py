"""The command line of all experiments: `python -m experiments list | run ... | report`."""

from pathlib import Path

from toymodels.suite.cli import suite

if __name__ == "__main__":
    suite(Path(__file__).resolve().parent)
