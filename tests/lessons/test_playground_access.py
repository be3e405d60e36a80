"""Everybody can use the page: by keys, with a screen reader, on a phone, in the dark, at rest."""

import pytest
from opened import LESSONS, lacks

AXE = LESSONS / "playground" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious(new_playground, scheme, width):
    if not AXE.exists():
        lacks("node's packages are not installed: make playground")
    size = {"width": width, "height": 720}
    playground = new_playground(viewport=size, color_scheme=scheme).open("n=5&m=3&steps=60")
    page = playground.page
    playground.wait_for_step(60)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = "async () => (await axe.run()).violations.map(v => [v.impact, v.id, v.nodes[0].html])"
    violations = page.evaluate(found)
    page.locator("summary").click()
    page.locator("#knob-n").fill("1")
    page.locator("#knob-n").blur()
    page.locator(".arrow").first.focus()
    page.keyboard.press("Enter")
    violations += page.evaluate(found)
    assert [v for v in violations if v[0] in ("serious", "critical")] == []


def test_all_can_be_reached_by_keys(playground):
    playground.open("steps=60").wait_for_step(60)
    playground.page.locator("summary").click()
    wanted = playground.page.evaluate(
        """[...document.querySelectorAll("button, input, select, summary, .arrow")]
        .filter((e) => e.getClientRects().length > 0).length"""
    )
    reached = set()
    for _ in range(2 * wanted):
        playground.page.keyboard.press("Tab")
        reached.add(
            playground.page.evaluate(
                """[...document.querySelectorAll("*")].indexOf(document.activeElement)"""
            )
        )
    assert len(reached) >= wanted  # the body may be among them
    playground.page.locator("#sparsity").focus()
    playground.page.keyboard.press("ArrowLeft")
    assert "sparsity=0.95&" not in playground.page.evaluate("location.hash + '&'")


@pytest.mark.parametrize("width, height", [(390, 844), (820, 1180), (1280, 720), (1920, 1080)])
def test_nothing_is_wider_than_the_page(new_playground, width, height):
    size = {"width": width, "height": height}
    playground = new_playground(viewport=size).open("n=12&m=3&sparsity=0.9&steps=30")
    playground.wait_for_step(30)
    playground.page.locator("summary").click()
    wide = """[...document.querySelectorAll("body *")]
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
        .map((e) => e.outerHTML.slice(0, 80))"""
    assert playground.page.evaluate(wide) == []
    if width == 1280:  # the opening view needs no scrolling
        bottom = "document.querySelector('#seeds').getBoundingClientRect().bottom"
        assert playground.page.evaluate(bottom) <= height + 20


def test_reduced_motion_draws_once_a_second(new_playground):
    drawn = """() => new Promise((done) => {
        let drawn = 0;
        const watch = new MutationObserver(() => drawn++);
        watch.observe(document.querySelector("#counter"), { childList: true });
        setTimeout(() => done(drawn), 1500);
    })"""
    calm = new_playground(reduced_motion="reduce").open()
    calm.wait_for_step(1)
    assert 1 <= calm.page.evaluate(drawn) <= 2


def test_the_theme_follows_the_system_and_the_button(new_playground):
    playground = new_playground(color_scheme="dark").open("steps=10")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = playground.page.evaluate(ground)
    playground.page.locator("#theme").click()
    assert playground.page.evaluate(ground) == "rgb(255, 255, 255)" != dark
