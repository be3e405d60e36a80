"""Frame rate of lessons/playground.html while it trains, and the time until its pentagon.

    python -m benchmarks.playground

Headless Chromium opens the page several times for each row; medians. Milliseconds to the pentagon
count from the start of the navigation; frames are those in which the picture has changed.
"""

import shutil
import statistics
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

PAGE = Path(__file__).resolve().parents[1] / "lessons" / "playground.html"
ROUNDS = 5
ROWS = {
    "opening, n = 5, m = 2": "",
    "n = 12, m = 3": "#n=12&m=3",
    "n = 12, m = 3, batch 1,024": "#n=12&m=3&batch=1024",
}
PENTAGON = """() => new Promise((done) => {
    const look = () => document.querySelector("#arrangement").textContent === "pentagon"
        ? done(performance.now()) : requestAnimationFrame(look);
    look();
})"""
RATES = """(seconds) => new Promise((done) => {
    let [frames, drawn, last] = [0, 0, null];
    const [start, first] = [performance.now(), playground.frame().step];
    const look = () => {
        frames++;
        const text = document.querySelector("#counter").textContent;
        if (text !== last) [drawn, last] = [drawn + 1, text];
        const passed = (performance.now() - start) / 1000;
        if (passed < seconds) requestAnimationFrame(look);
        else done([frames, drawn, playground.frame().step - first].map((n) => n / passed));
    };
    look();
})"""


def main() -> None:
    """Print a table with a row for each setting."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed")
    print("| settings | frames a second | with a new picture | steps a second | ms to pentagon |")
    print("| --- | --- | --- | --- | --- |")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, address in ROWS.items():
            found = [_measure(browser, address) for _ in range(ROUNDS)]
            medians = [statistics.median(column) for column in zip(*found, strict=True)]
            cells = [f"{value:.0f}" if value else "-" for value in medians]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
        browser.close()


def _measure(browser: Browser, address: str) -> list[float]:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(PAGE.as_uri() + address)
    pentagon: Any = 0.0 if address else page.evaluate(PENTAGON)
    page.wait_for_function("playground.frame() !== null")
    rates: list[float] = page.evaluate(RATES, 2)
    page.close()
    return [*rates, pentagon]


if __name__ == "__main__":
    main()
