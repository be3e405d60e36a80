"""The playground, opened in headless Chromium, or a reason why it cannot be."""

import json
import os
import shutil
from pathlib import Path

import pytest

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
PAGE = LESSONS / "playground.html"


def need(command):
    """The path of a program, or the end of the test: skipped here, an error where CI=true."""
    found = shutil.which(command)
    if found is None:
        lacks(f"{command} is not installed")
    return found


def lacks(reason):
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


class Playground:
    """The page at some settings; what goes wrong on it fails the test."""

    def __init__(self, page):
        self.page, self.troubles = page, []
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda said: self.troubles.append(f"{said.type}: {said.text}"))
        page.on("request", lambda request: self.note(request.url))

    def note(self, url):
        if not url.startswith((PAGE.as_uri(), "blob:", "data:")):
            self.troubles.append(f"a request to {url}")

    def open(self, address=""):
        self.page.goto("about:blank")
        self.page.goto(f"{PAGE.as_uri()}#{address}" if address else PAGE.as_uri())
        return self

    def maths(self, body, *args):
        """Call a JavaScript function (maths, ...args) => ... with the page's mathematics."""
        # as JSON, since Playwright takes a second for ten thousand numbers
        call = f"(args) => JSON.stringify(({body})(playground.maths, ...JSON.parse(args)))"
        return json.loads(self.page.evaluate(call, json.dumps(args)))

    def frame(self):
        """What is drawn: the step, the loss, W by rows, and b."""
        return self.page.evaluate(
            "() => { const f = playground.frame(); return f && "
            "{ step: f.step, loss: f.loss, W: [...f.W], b: [...f.b] } }"
        )

    def wait_for_step(self, step):
        self.page.wait_for_function(f"() => (playground.frame()?.step ?? -1) >= {step}")
        return self.frame()
