"""Make several figures in turn, print a summary of each, and return the exit status."""

import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Mapping

from toymodels.engine.training import TrainingDiverged
from toymodels.numerics.memory import TooLarge
from toymodels.suite.catalog import shorten
from toymodels.suite.claim import Claim
from toymodels.suite.report import count_claims, format_numbers, verdict
from toymodels.suite.running import Job, JobResult, make
from toymodels.suite.store.identity import SourceChanged
from toymodels.suite.store.provenance import DirtyTree

EXPECTED = (OSError, TrainingDiverged, TooLarge, DirtyTree, SourceChanged)  # without a traceback


def perform(jobs: Mapping[str, Callable[[], Job]]) -> int:
    """Make figures, given as name -> function that returns the job; return the exit status.

    If a figure fails, the others are still made; Ctrl-C stops all.
    """
    failed: list[str] = []
    for name, make_job in jobs.items():
        try:
            job = make_job()
            print(summarise(name, job, make(job)), flush=True)
        except EXPECTED as error:
            _complain(f"{name}: {sentence(error)}")
            failed.append(name)
        except KeyboardInterrupt:
            _complain("interrupted; the state is kept, and the same command resumes from it")
            return 1
        except Exception as error:
            traceback.print_exception(error)
            _complain(f"{name}: failed with {type(error).__name__}; the traceback is above")
            failed.append(name)
    if len(jobs) > 1:
        done = f"; failed: {', '.join(failed)}" if failed else ""
        print(f"{len(jobs) - len(failed)} of {len(jobs)} figures are done{done}")
    return 1 if failed else 0


def summarise(name: str, job: Job, result: JobResult) -> str:
    """Summarise a job's result: its claims and the path of the picture."""
    picture = shorten(result.picture)
    if result.kept:
        return f"{name}: kept the {result.kept} figure {picture}; --force replaces it"
    how = "drawn anew from finished data" if result.reused else "done"
    fared = count_claims([claim.holds for claim in result.claims])
    lines = [
        f"{name}, preset {job.preset}, seed {job.seed}: {how}",
        *map(_judged, result.claims),
        f"  {fared}; the picture is {picture}",
    ]
    return "\n".join(lines)


def _judged(claim: Claim) -> str:
    measured, expected = format_numbers(claim.measured), format_numbers(claim.expected)
    return textwrap.fill(
        f"{claim.text}: {measured} (expected {expected})",
        width=shutil.get_terminal_size((100, 24)).columns,
        initial_indent=f"  {verdict(claim.holds):<14} ",
        subsequent_indent=" " * 17,
    )


def sentence(error: Exception) -> str:
    """Return the message of an expected error as one sentence."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror}{where}"


def _complain(words: str) -> None:
    print(f"error: {words}", file=sys.stderr, flush=True)
