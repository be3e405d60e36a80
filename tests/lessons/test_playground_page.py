"""The page as a learner uses it: knobs, presets, links, features, seeds, and wrong input."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from opened import LESSONS

from toymodels import ReluOutput, geometry
from toymodels.numerics.checks import check_between, check_count

START = """(maths, settings) => {
    const trainer = new maths.Trainer({ ...maths.DEFAULTS, ...settings });
    trainer.advance(settings.steps);
    return [...trainer.model.W, ...trainer.model.b];
}"""


def refused(check, *args):
    with pytest.raises(ValueError) as problem:
        check(*args)
    return str(problem.value)


def text(playground, id):
    return playground.page.locator(f"#{id}").inner_text()


def slide(playground, sparsity):
    """Move the slider as a hand does."""
    place = round(-100 * math.log10(1 - sparsity))
    playground.page.locator("#sparsity").fill(str(place))


def set_knob(playground, knob, value):
    if not playground.page.locator("#more").evaluate("more => more.open"):
        playground.page.locator("summary").click()
    field = playground.page.locator(f"#knob-{knob}")
    if field.evaluate("field => field.tagName") == "SELECT":
        field.select_option(value)
    else:
        field.fill(str(value))
        field.blur()


def test_it_opens_training_and_a_pentagon_forms(playground):
    playground.open()
    playground.page.wait_for_function(
        "document.querySelector('#arrangement').textContent == 'pentagon'"
    )
    frame = playground.wait_for_step(500)
    gaps = np.asarray(geometry.angular_gaps(np.reshape(frame["W"], (2, 5))))
    assert np.abs(gaps - 72).max() < 8  # importances are unequal
    assert re.match(r"5 of 5 features · step [\d,]+ · seed 0", text(playground, "counter"))
    levels = playground.page.locator("#loss .tick").all_text_contents()
    assert {"2 orthogonal", "triangle", "two pairs", "pentagon"} <= set(levels)


def test_a_link_reproduces_a_run_to_the_last_digit(playground, new_playground):
    address = "n=6&m=3&sparsity=0.9&seed=4&steps=137"
    first = playground.open(address).wait_for_step(137)
    again = new_playground().open(address).wait_for_step(137)
    assert first == again and first["step"] == 137
    assert text(playground, "run") == "Start"
    settings = {"n": 6, "m": 3, "sparsity": 0.9, "seed": 4, "steps": 137}
    assert playground.maths(START, settings) == first["W"] + first["b"]
    playground.page.locator("#step").click()
    assert playground.wait_for_step(138)["step"] == 138


def test_the_address_leads_to_the_step_that_is_seen(playground, new_playground):
    playground.open("sparsity=0.8")
    playground.wait_for_step(60)
    playground.page.locator("#link").click()
    playground.page.wait_for_timeout(100)
    seen, address = playground.frame(), playground.page.evaluate("location.hash")
    steps = int(re.search(r"steps=(\d+)", address)[1])
    again = new_playground().open(address.removeprefix("#")).wait_for_step(steps)
    assert steps <= seen["step"]
    playground.open(address.removeprefix("#"))
    assert playground.wait_for_step(steps) == again


def test_all_settings_are_in_the_address(playground):
    playground.open("steps=0")
    wanted = {
        "n": 8, "m": 3, "sparsity": 0.7, "decay": 0.8, "relation": "anticorrelated", "setSize": 4,
        "activation": "gelu", "learningRate": 0.02, "batch": 64, "start": 0.5, "seed": 12,
    }  # fmt: skip
    for knob, value in wanted.items():
        set_knob(playground, knob, value)
    address = playground.page.evaluate("location.hash.slice(1)")
    assert dict(part.split("=") for part in address.split("&")) == {
        knob: str(value) for knob, value in wanted.items()
    }
    playground.page.reload()
    for knob, value in wanted.items():
        assert playground.page.locator(f"#knob-{knob}").input_value() == str(value)


def test_the_sparsity_is_changed_with_the_weights_kept(playground):
    playground.open("steps=400")
    before = playground.wait_for_step(400)
    slide(playground, 0.8)
    after = playground.wait_for_step(401)
    assert after["step"] > 400
    np.testing.assert_allclose(after["W"], before["W"], atol=0.4)
    assert text(playground, "sparsity-value") == "0.8 (on: p = 0.2)"
    assert "sparsity=0.8" in playground.page.evaluate("location.hash")
    assert playground.page.locator("#shares .past circle").count() == 5
    playground.page.locator("#link").click()
    assert "would start afresh" in text(playground, "status")
    playground.page.locator("#restart").click()
    playground.page.wait_for_function("playground.frame()?.step < 400")


def test_sparsity_moves_with_hysteresis(playground):
    """At S = 0.8 both last: the pentagon from above, and the pairs from below."""
    found = playground.open("steps=0").maths(
        """(maths, path, steps) => {
            const trainer = new maths.Trainer(maths.DEFAULTS);
            return path.map((sparsity) => {
                trainer.setSparsity(sparsity);
                trainer.advance(steps);
                return maths.arrangement(trainer.model);
            });
        }""",
        [0.95, 0.8, 0.75, 0.8, 0.95],
        1000,
    )
    assert found == ["pentagon", "pentagon", "two pairs", "two pairs", "two pairs"]


FOUND = """(maths, settings, seeds, steps) => Array.from({ length: seeds }, (_, seed) => {
    const trainer = new maths.Trainer({ ...maths.DEFAULTS, ...settings, seed });
    trainer.advance(steps);
    return [maths.arrangement(trainer.model), [...trainer.model.W]];
})"""
PROMISED = {
    "orthogonal": {"orthogonal"},
    "pairs": {"two pairs"},
    "pentagon": {"pentagon"},
    "correlated": {"two pairs"},
    "many": {"pentagon", "hexagon"},
}


def settings_of(playground, preset):
    """The settings that a preset's button puts into the address."""
    playground.page.locator(f"#preset-{preset}").click()
    assert playground.page.locator(f"#preset-{preset}").get_attribute("aria-pressed") == "true"
    parts = [
        part.split("=") for part in playground.page.evaluate("location.hash.slice(1)").split("&")
    ]
    playground.page.locator("#run").click()
    words = {"relation", "activation"}
    return {key: value if key in words else float(value) for key, value in parts}


@pytest.mark.parametrize("preset", PROMISED)
def test_presets_reach_what_they_promise(playground, preset):
    settings = settings_of(playground.open("steps=0"), preset)
    found = playground.maths(FOUND, settings, 5, 900)
    reached = [name in PROMISED[preset] for name, _ in found]
    assert sum(reached) >= 4, [name for name, _ in found]
    if preset == "correlated":
        for _, W in found:
            cosine = cosines(W)
            assert abs(cosine[0, 1]) < 0.1 and abs(cosine[2, 3]) < 0.1
            assert np.all(cosine[:2, 2:].min(axis=1) < -0.95)


def cosines(W):
    directions = np.reshape(W, (2, -1))
    directions = directions / np.linalg.norm(directions, axis=0)
    return directions.T @ directions


@pytest.mark.slow
def test_presets_reach_it_as_often_as_is_written(playground):
    """The table of lessons/playground/README.md, of fifty seeds; another browser may round."""
    playground.open("steps=0")
    rows = {
        "two orthogonal features": "orthogonal", "antipodal pairs": "pairs",
        "pentagon": "pentagon", "correlated pairs": "correlated", "too many features": "many",
    }  # fmt: skip
    times = {}
    for row, preset in rows.items():
        found = playground.maths(FOUND, settings_of(playground, preset), 50, 900)
        times[row] = sum(name in PROMISED[preset] for name, _ in found)
    found = playground.maths(FOUND, {"sparsity": 0.8}, 50, 900)
    times["pentagon, at sparsity 0.8"] = sum(name == "pentagon" for name, _ in found)
    sets = settings_of(playground, "correlated") | {"relation": "anticorrelated"}
    opposite = [
        cosines(W)[[0, 2], [1, 3]].max() < -0.9 for _, W in playground.maths(FOUND, sets, 50, 900)
    ]
    times["correlated pairs, made anticorrelated: opposite within the sets"] = sum(opposite)
    page = (LESSONS / "playground" / "README.md").read_text(encoding="utf-8")
    written = {row: int(n) for row, n in re.findall(r"^\| ([^|]+) \| (\d+) \|", page, re.M)}
    assert written == pytest.approx(times, abs=3)


WRONG = [
    ("n", "1", lambda: refused(check_count, "n", 1, 2)),
    ("n", "13", lambda: refused(check_count, "n", 13, 2, 12)),
    ("batch", "2000", lambda: refused(check_count, "batch", 2000, 16, 1024)),
    ("sparsity", "1.2", lambda: refused(check_between, "sparsity", 1.2, 0, 0.99)),
    ("decay", "-1.5", lambda: refused(check_between, "decay", -1.5, 0.1, 1)),
]


def test_wrong_numbers_are_refused_in_place_as_by_the_library(playground):
    playground.open("steps=0")
    for knob, value, sentence in WRONG:
        set_knob(playground, knob, value)
        assert text(playground, f"knob-{knob}-problem") == sentence()
        assert playground.page.locator(f"#knob-{knob}").get_attribute("aria-invalid") == "true"
        set_knob(playground, knob, {"n": 6, "batch": 64}.get(knob, 0.5))
        assert text(playground, f"knob-{knob}-problem") == ""
        assert f"{knob}={value}" not in playground.page.evaluate("location.hash")


def test_impossible_combinations_are_refused(playground):
    playground.open("n=5&steps=0")
    set_knob(playground, "relation", "correlated")
    assert "n must be a multiple of setSize" in text(playground, "knob-setSize-problem")
    set_knob(playground, "setSize", 5)
    assert text(playground, "knob-setSize-problem") == ""
    assert playground.wait_for_step(1)


def test_damaged_links_are_named(playground):
    for knob, value, sentence in WRONG:
        playground.open(f"{knob}={value}")
        assert f"This link is damaged: {sentence()}." in text(playground, "message")
    for address in ["n=five", "sparsity=", "colour=red", "relation=none", "steps=-1"]:
        playground.open(address)
        assert "This link is damaged" in text(playground, "message")
        assert playground.page.locator("#preset-pentagon").get_attribute("aria-pressed") == "true"
    assert playground.wait_for_step(1)  # the pentagon trains
    playground.page.evaluate("location.hash = '#n=6'")
    playground.page.wait_for_function("document.querySelector('#message').hidden")


def test_a_browser_without_workers_is_told_of(new_playground):
    playground = new_playground()
    playground.page.add_init_script(
        "window.Worker = class { constructor() { throw new Error('no workers here'); } }"
    )
    assert "no workers here" in text(playground.open(), "message")


def test_a_feature_shows_its_outputs(playground):
    frame = playground.open("steps=600").wait_for_step(600)
    playground.page.locator(".arrow").last.focus()
    playground.page.keyboard.press("Enter")
    playground.page.locator("#value").fill("0.5")
    feature = int(re.search(r"\d+", text(playground, "feature-name"))[0]) - 1
    W, b = np.reshape(frame["W"], (2, 5)), np.asarray(frame["b"])
    x = np.zeros((5, 1))
    x[feature] = 0.5
    model = ReluOutput(5, 2, key=jax.random.key(0))
    model.W, model.b = nnx.Param(W), nnx.Param(b)
    h = W @ x[:, 0]
    assert text(playground, "hidden") == f"h = Wx = ({signed(h[0])}, {signed(h[1])})"
    shown = playground.page.locator("#outputs g").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('text')].map(t => t.textContent))"
    )
    before, after = W.T @ h + b, np.asarray(model(jnp.asarray(x)))[:, 0]
    assert shown == [[str(j + 1), signed(before[j]), signed(after[j])] for j in range(5)]
    assert "this interference is free" in text(playground, "feature-says")
    playground.page.locator("#close").click()
    assert playground.page.locator("#story").is_visible()


def signed(value):
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")


@pytest.mark.parametrize("width, height", [(1280, 720), (1920, 1080)])
def test_an_arrow_can_be_dragged_and_the_loss_follows(new_playground, width, height):
    playground = new_playground(viewport={"width": width, "height": height})
    before = playground.open("steps=600").wait_for_step(600)
    tip = playground.page.locator(".arrow .tip").first.bounding_box()
    x, y = tip["x"] + tip["width"] / 2, tip["y"] + tip["height"] / 2
    playground.page.mouse.move(x, y)
    playground.page.mouse.down()
    playground.page.mouse.move(x + 60, y + 60, steps=5)
    playground.page.wait_for_function(f"playground.frame().loss > {1.2 * before['loss']}")
    held = playground.frame()
    assert held["step"] == 600 and np.abs(np.subtract(held["W"], before["W"])).max() > 0.2
    after = playground.page.locator(".arrow .tip").first.bounding_box()
    moved = [after["x"] - tip["x"], after["y"] - tip["y"]]
    assert moved == pytest.approx([60, 60], abs=2)  # the tip is under the pointer
    playground.page.mouse.up()
    playground.page.locator("#run").click()
    playground.page.wait_for_function(f"playground.frame().loss < {1.1 * before['loss']}")


def test_arrows_move_by_keys(playground):
    before = playground.open("steps=10").wait_for_step(10)
    arrow = playground.page.get_by_role("button", name=re.compile("^feature 1"))
    arrow.focus()
    playground.page.keyboard.press("ArrowUp")
    playground.page.wait_for_function(f"playground.frame().W[5] > {before['W'][5]} + 0.04")


def test_arrows_in_space_can_be_turned(playground):
    playground.open("m=3&n=6&steps=100").wait_for_step(100)
    lines = "[...document.querySelectorAll('#arrows .shaft')].map(l => l.getAttribute('x2')).sort()"
    before = playground.page.evaluate(lines)
    playground.page.locator("#arrows svg").focus()
    playground.page.keyboard.press("ArrowRight")
    turned = playground.page.evaluate(lines)
    assert turned != before
    box = playground.page.locator("#arrows svg").bounding_box()
    playground.page.mouse.move(box["x"] + 5, box["y"] + 5)
    playground.page.mouse.down()
    playground.page.mouse.move(box["x"] + 60, box["y"] + 5, steps=3)
    playground.page.mouse.up()
    assert playground.page.evaluate(lines) != turned


def test_nine_seeds_are_the_runs_of_these_seeds(playground):
    playground.open("seed=3&steps=80").wait_for_step(80)
    others = playground.page.evaluate("playground.frame().others.map(o => [...o.W, ...o.b])")
    assert len(others) == 9
    for seed in (4, 12):
        assert playground.maths(START, {"seed": seed, "steps": 80}) == others[seed - 4]
    assert "The next nine seeds" in text(playground, "others-name")
    playground.page.locator("#seeds button").nth(2).click()
    playground.page.wait_for_function("location.hash.includes('seed=6')")
    playground.page.locator("#new-seed").click()
    assert "seed=7" in playground.page.evaluate("location.hash")
