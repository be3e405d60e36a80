"""Download of files."""

import sys
from io import BytesIO

SECONDS_TO_WAIT = 15  # for a response


def fetch(url: str) -> bytes:
    """Download a URL and return its content.

    Raises:
        OSError: if the download fails.
    """
    from pooch import HTTPDownloader  # imported here, as its import is slow

    print(f"downloading {url}", file=sys.stderr, flush=True)
    received = BytesIO()
    HTTPDownloader(timeout=SECONDS_TO_WAIT)(url, received, None)
    return received.getvalue()
