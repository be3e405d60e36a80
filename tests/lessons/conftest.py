"""The playground in headless Chromium, without a network."""

import pytest
from opened import Playground, need
from playwright.sync_api import sync_playwright


# not longer: Playwright's event loop is in the way of other tests' in the same process
@pytest.fixture(scope="module")
def browser():
    chromium = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_playground(browser):
    """Open playgrounds in windows with the options of Playwright's `new_context`."""
    contexts, opened = [], []

    def make(**options):
        contexts.append(browser.new_context(**options))
        opened.append(Playground(contexts[-1].new_page()))
        return opened[-1]

    yield make
    for context in contexts:
        context.close()
    assert [trouble for playground in opened for trouble in playground.troubles] == []


@pytest.fixture
def playground(new_playground):
    return new_playground(viewport={"width": 1280, "height": 720})
