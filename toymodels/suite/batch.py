"""Figures made one after the other: what came of each, in words, and whether all went well."""

import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Mapping

from toymodels.engine.diverged import TrainingDiverged
from toymodels.suite.backend import NoDevices
from toymodels.suite.catalog import shorten
from toymodels.suite.claim import Claim
from toymodels.suite.report import count_claims, format_numbers, verdict
from toymodels.suite.running import Order, Outcome, make
from toymodels.suite.store.identity import SourceChanged
from toymodels.suite.store.provenance import DirtyTree

EXPECTED = (OSError, TrainingDiverged, DirtyTree, SourceChanged)  # one sentence says it all


def perform(orders: Mapping[str, Callable[[], Order]]) -> int:
    """Make figures, given by name and how to place the order, and return the exit status.

    One that fails does not keep the others from being made.

    Raises:
        NoDevices: if one is to be computed and nothing can be.
    """
    failed: list[str] = []
    for name, place_order in orders.items():
        try:
            order = place_order()
            outcome = make(order)
        except NoDevices:
            raise
        except Exception as error:
            failed.append(name)
            _explain(name, error)
        else:
            print(summarise(name, order, outcome), flush=True)
    if len(orders) > 1:
        print(_summary(len(orders), failed))
    return 1 if failed else 0


def summarise(name: str, order: Order, outcome: Outcome) -> str:
    """Say what became of an order: how the claims fare, and where the picture is."""
    picture = shorten(outcome.picture)
    if outcome.kept:
        return f"{name}: kept the {outcome.kept} figure {picture}; --force replaces it"
    how = "drawn anew from finished data" if outcome.reused else "done"
    fared = count_claims([claim.holds for claim in outcome.claims])
    lines = [
        f"{name}, preset {order.preset}, seed {order.seed}: {how}",
        *map(_judged, outcome.claims),
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


def _explain(name: str, error: Exception) -> None:
    if isinstance(error, EXPECTED):
        return _complain(f"{name}: {sentence(error)}")
    traceback.print_exception(error)
    _complain(f"{name}: stopped by an unexpected {type(error).__name__}, traced above")


def sentence(error: Exception) -> str:
    """Say in a sentence what an expected error is about."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror}{where}"


def _summary(count: int, failed: list[str]) -> str:
    if failed:
        return f"{count - len(failed)} of {count} figures are done; failed: {', '.join(failed)}"
    return f"all {count} figures are done"


def _complain(words: str) -> None:
    print(f"error: {words}", file=sys.stderr, flush=True)
