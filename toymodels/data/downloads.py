"""Downloading the bytes of a file."""

import sys
from io import BytesIO

SECONDS_TO_WAIT = 15  # for an answer


def fetch(url: str) -> bytes:
    """Return what is at an address.

    Raises:
        OSError: if it cannot be had.
    """
    from pooch import HTTPDownloader  # only where it is needed: loading it takes a while

    print(f"downloading {url}", file=sys.stderr, flush=True)
    received = BytesIO()
    HTTPDownloader(timeout=SECONDS_TO_WAIT)(url, received, None)
    return received.getvalue()
