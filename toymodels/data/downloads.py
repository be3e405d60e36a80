"""Downloading the bytes of a file: a progress bar on a terminal, a line elsewhere."""

import sys
from io import BytesIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_TO_WAIT = 15  # for an answer


def fetch(url: str) -> bytes:
    """Return what is at an address.

    Raises:
        OSError: if it cannot be had.
    """
    from pooch import HTTPDownloader  # only where it is needed: loading it takes a while

    received, bar = BytesIO(), None
    if sys.stderr.isatty():
        bar = _Bar(url)
    else:
        print(f"downloading {url}", file=sys.stderr, flush=True)
    download = HTTPDownloader(progressbar=bar, chunk_size=2**14, timeout=SECONDS_TO_WAIT)
    try:
        download(url, received, None)
    finally:
        if bar:
            bar.close()
    return received.getvalue()


class _Bar:
    """A bar of rich's, under the names by which pooch calls one."""

    def __init__(self, url: str) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
        self.progress = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
        self.task = self.progress.add_task(url.rpartition("/")[2], total=None)
        self.progress.start()

    @property
    def total(self) -> int:
        """How many bytes there are, set when the answer has begun; 0 if it does not say."""
        return int(self.progress.tasks[0].total or 0)

    @total.setter
    def total(self, size: int) -> None:
        self.progress.update(self.task, total=size or None)

    def update(self, received: int) -> None:
        self.progress.update(self.task, advance=received)

    def reset(self) -> None:
        self.progress.update(self.task, completed=0)

    def close(self) -> None:
        self.progress.stop()
