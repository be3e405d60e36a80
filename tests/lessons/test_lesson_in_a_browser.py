"""A lesson in headless Chromium: a slider changes the picture at once, and a prediction is kept."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from opened import need
from playwright.sync_api import expect
from worked import LESSONS

pytestmark = pytest.mark.slow
SECONDS = 60


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve the first lesson, as `marimo run` does; yield its address."""
    need("chromium")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, home = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("home")
    lesson = str(LESSONS / "01_superposition.py")
    how = ["--headless", "--no-token", "--port", str(port)]
    environment = os.environ | {"HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    command = [sys.executable, "-m", "marimo", "-q", "run", lesson, *how]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + SECONDS
        while not answers(f"{address}/health") and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.2)
        yield address
        process.terminate()


@pytest.fixture
def lesson(server, browser):
    """The lesson, opened; a request to another machine fails the test."""
    page, elsewhere = browser.new_page(), []
    local = (server, server.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda made: elsewhere.append(made.url) if not is_in(made, local) else None)
    page.set_default_timeout(SECONDS * 1000)
    page.goto(server)
    yield page
    page.close()
    assert elsewhere == []


def is_in(request, places):
    return request.url.startswith(places)


def test_a_slider_changes_the_picture_at_once(lesson):
    picture = lesson.locator("img").first
    before = picture.get_attribute("src")
    lesson.get_by_role("slider").first.focus()
    lesson.keyboard.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before, timeout=10_000)


def test_a_prediction_is_kept(lesson):
    form = lesson.locator("marimo-form").first
    form.get_by_text("two", exact=True).click()
    form.get_by_role("button", name="Commit").click()
    form.get_by_text("five", exact=True).click()
    form.get_by_role("button", name="Commit").click()
    expect(lesson.get_by_text("You have committed to “two”.")).to_be_visible(timeout=10_000)
    expect(lesson.get_by_text("Commit to both predictions")).to_be_visible()
