"""The home page in Chromium, and the figures that stand on more than one page: the leash and the eigenvalue."""

import json
from collections.abc import Iterator

import numpy as np
import pictures
import pytest
import torch
from playwright.sync_api import Browser, Page
from sklearn.linear_model import LinearRegression
from test_browser import MOST_BYTES, paths, transferred, watched
from test_browser_widgets import SINE, SIZES, assert_drawn_in_its_place, networks, number, opened, printed_by
from torch import nn

from rnncourse import datasets, forecasting, models, windows

pytestmark = pytest.mark.browser
LEASH, EIGENVALUE, RUNNING = "[data-play=leash]", "[data-play=eigenvalue]", "[data-play=running]"
LENGTHS = [1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 125, 150, 200, 250, 300, 400, 500]
NAMES = {"last state": "failing network", "last state, mended": "mended network", "linear rule": "linear rule"}
# The figure stands in chapter 2; here it is put beside the leash, to be looked at alone.
PUT = """address => {
    const place = Object.assign(document.createElement('div'), { className: 'play' });
    place.dataset.play = 'eigenvalue';
    document.querySelector('[data-play=leash]').before(place);
    const script = document.createElement('script');
    script.src = address;
    document.body.append(script);
}"""


def home(browser: Browser, site_url: str, **options: object) -> Page:
    """Open the home page, with its figures computed."""
    page = browser.new_page(**{"viewport": {"width": 1300, "height": 900}, "reduced_motion": "reduce", **options})
    page.goto(f"{site_url}/book/index.html", wait_until="domcontentloaded")
    page.locator(LEASH).scroll_into_view_if_needed()
    page.locator(f"{LEASH} svg").wait_for()
    return page


@pytest.fixture(scope="module")
def front(browser: Browser, site_url: str) -> Iterator[Page]:
    page = home(browser, site_url)
    page.evaluate(PUT, f"{site_url}/_static/play-eigenvalue.js")
    page.locator(f"{EIGENVALUE} svg").wait_for()
    yield page
    page.close()


# The leash.


def shipped(page: Page) -> dict[str, dict[str, object]]:
    return page.evaluate("() => play.sineNetworks")


def callable_of(exported: dict[str, object]) -> object:
    """Make Python's model of what the page runs."""
    if "coefficients" in exported:
        weights, intercept = np.array(exported["coefficients"]), exported["intercept"]
        return lambda window: window @ weights + intercept
    torch.set_default_dtype(torch.float64)
    options = {"readout": exported["readout"], "residual": exported["residual"], "lookback": 50}
    model = models.Forecaster(nn.GRU(1, 10, batch_first=True), **options)
    model.load_state_dict({name: torch.tensor(value) for name, value in exported["weights"].items()})
    return model


def on_leash(model: object, every: int) -> np.ndarray:
    """Forecast 500 steps from x = 0; the truth is shown again every so many."""
    track = datasets.sine(550, start=-49 * 0.04)
    pieces = []
    for now in range(0, 500, every):
        window, steps = track[now : now + 50], min(every, 500 - now)
        if isinstance(model, nn.Module):
            pieces.append(forecasting.closed_loop(model, window[:, np.newaxis], steps)[:, 0])
            continue
        for _ in range(steps):
            window = np.append(window, model(window[-50:]))
        pieces.append(window[50:])
    return np.concatenate(pieces)


@pytest.mark.parametrize("every", [1, 7, 30, 500])
@pytest.mark.parametrize("name", NAMES)
def test_leash_is_pythons(front: Page, name: str, every: int) -> None:
    expected = on_leash(callable_of(shipped(front)[name]), every)
    call = "([name, every]) => play.onLeash(play.sineNetworks[name], play.startAndTruth(0, 1, 500), every)"
    np.testing.assert_allclose(front.evaluate(call, [name, every]), expected, rtol=0, atol=1e-6)

    largest = np.abs(expected - datasets.sine(501)[1:]).max()
    front.locator("#play-leash").fill(str(LENGTHS.index(every)))
    front.wait_for_timeout(100)
    shown = front.locator(f"{LEASH} [data-result='{NAMES[name]}']").inner_text().removeprefix("off by up to ")
    if largest > 1e-3:
        assert number(shown) == pytest.approx(largest, abs=0.006 if largest > 0.1 else 6e-5)
    else:
        digit, _, power = shown.partition("·10")
        power = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) if power else "0"
        assert float(f"{digit}e{power}") == pytest.approx(
            largest, rel=1 if "linear" in name else 0.06, abs=6e-5 * (not power)
        )


def test_linear_rule_is_least_squares(front: Page) -> None:
    cut = windows.make_windows(datasets.sine(), lookback=50)
    rule = LinearRegression().fit(cut.inputs[..., 0], cut.targets[:, 0, 0])
    exported = shipped(front)["linear rule"]
    np.testing.assert_allclose(exported["coefficients"], rule.coef_, rtol=0, atol=1e-6)
    assert exported["intercept"] == pytest.approx(rule.intercept_, abs=1e-6)


def test_networks_on_the_front_are_the_chapters(front: Page) -> None:
    """As far as print goes: L-BFGS magnifies rounding, so the mended one is only as good."""
    exported = shipped(front)
    printed = printed_by("drift-swap", r"last runs, errors of last +(\d\.\d+)")
    wrong = {name: np.abs(on_leash(callable_of(exported[name]), 500) - datasets.sine(501)[1:]).max() for name in NAMES}
    assert f"{wrong['last state']:.3f}" == printed
    assert wrong["last state, mended"] < 0.05
    assert wrong["linear rule"] < 1e-10


def test_leash_moves_by_keyboard_on_an_axis_that_stays(front: Page) -> None:
    slider = front.locator("#play-leash")
    slider.focus()
    seen, axes = [], []
    for key in ("Home", "ArrowRight", "End"):
        front.keyboard.press(key)
        front.wait_for_timeout(300)
        seen.append(slider.get_attribute("aria-valuetext"))
        texts = front.locator(f"{LEASH} text").all_text_contents()
        axes.append([text for text in texts if text.startswith("10⁻")])
    assert seen == ["1 step: open loop", "2 steps", "500 steps: closed loop"]
    assert axes == [["10⁻⁵", "10⁻³", "10⁻¹"]] * 3


# The eigenvalue.


def in_python(a: float, b: float, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Let PyTorch run the states, and carry the gradient back through them."""
    W = torch.tensor([[a, -b], [b, a]], dtype=torch.float64)
    assert sorted(np.linalg.eigvals(W.numpy()).imag) == pytest.approx(sorted([-b, b]))
    states = [torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)]
    for _ in range(50):
        following = W @ states[-1]
        following = torch.tanh(following) if kind == "tanh" else following
        following.retain_grad()
        states.append(following)
    states[-1][0].backward()
    return (
        np.stack([state.detach().numpy() for state in states]),
        np.stack([state.grad.numpy() for state in reversed(states)]),
    )


@pytest.mark.parametrize("kind", ["linear", "tanh"])
@pytest.mark.parametrize(("radius", "angle"), [(0.5, 90), (0.9, 30), (1.0, 10), (1.1, 30), (1.3, 0), (1.2, 180)])
def test_eigenvalue_is_pythons(front: Page, radius: float, angle: float, kind: str) -> None:
    a, b = radius * np.cos(np.radians(angle)), radius * np.sin(np.radians(angle))
    states, gradients = in_python(a, b, kind)
    found = front.evaluate("([a, b, kind]) => play.eigenvalue(a, b, kind)", [a, b, kind])
    np.testing.assert_allclose(found["states"], states, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(found["gradients"], gradients, rtol=1e-9, atol=1e-6)

    front.locator("#play-radius").fill(str(radius))
    front.locator("#play-angle").fill(str(angle))
    shown = front.locator(f"{EIGENVALUE} [data-result='state, {kind}']").inner_text()
    length = np.linalg.norm(states[-1])
    if 0.1 <= length < 1e4:
        assert number(shown) == pytest.approx(length, abs=6e-4)
    assert (
        front.locator(f"{EIGENVALUE} [data-result=eigenvalues]").inner_text().startswith(f"{a:.3f}".replace("-", "−"))
    )


def test_eigenvalue_is_dragged_across_the_circle(front: Page) -> None:
    front.locator(EIGENVALUE).scroll_into_view_if_needed()
    circle = front.locator(f"{EIGENVALUE} circle").first.bounding_box()
    middle = circle["x"] + circle["width"] / 2, circle["y"] + circle["height"] / 2
    unit = circle["width"] / 2
    knob = front.locator(f"{EIGENVALUE} .knob").bounding_box()
    front.mouse.move(knob["x"] + 8, knob["y"] + 8)
    front.mouse.down()
    for radius in (0.8, 1.2):
        front.mouse.move(middle[0], middle[1] - radius * unit)
        assert float(front.locator("#play-radius").input_value()) == pytest.approx(
            radius, abs=0.011
        )  # its line has a width
        assert front.locator("#play-angle").input_value() == "90"
    front.mouse.up()
    front.mouse.move(middle[0], middle[1])
    assert float(front.locator("#play-radius").input_value()) > 1.1


def test_eigenvalue_moves_by_keyboard(front: Page) -> None:
    front.locator("#play-radius").fill("1")
    front.locator("#play-radius").focus()
    front.keyboard.press("Tab")
    front.keyboard.press("ArrowRight")
    assert front.locator("#play-radius").input_value() == "1.01"
    gradient = front.locator(f"{EIGENVALUE} [data-result='gradient, linear']").inner_text()
    assert number(gradient) == pytest.approx(1.01**50, abs=6e-4)


# The page.


def test_network_runs_by_itself_and_can_be_paused(browser: Browser, site_url: str) -> None:
    page = home(browser, site_url, reduced_motion="no-preference")
    page.locator(RUNNING).scroll_into_view_if_needed()
    button, position = page.locator(f"{RUNNING} button"), page.locator(f"{RUNNING} .position")
    assert button.inner_text() == "Pause"
    first = position.inner_text()
    page.wait_for_timeout(500)
    assert position.inner_text() != first
    button.focus()
    page.keyboard.press("Enter")
    held = position.inner_text()
    page.wait_for_timeout(300)
    assert (position.inner_text(), button.inner_text()) == (held, "Play")
    page.close()


def test_network_rests_where_less_motion_is_wished(front: Page) -> None:
    position = front.locator(f"{RUNNING} .position")
    assert position.inner_text() == "step 500 of 500"
    model = callable_of(shipped(front)["last state"])
    for words, every in (("reading the truth", 1), ("reading itself", 500)):
        shown = front.locator(f"{RUNNING} [data-result='largest error, {words}']").inner_text()
        errors = on_leash(model, every) - datasets.sine(501)[1:]
        assert number(shown.split()[0]) == pytest.approx(np.abs(errors).max(), abs=6e-3)
    front.locator(f"{RUNNING} button").press("Enter")
    assert position.inner_text() == "step 50 of 500"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_the_figures_is_large_enough_on_a_phone(browser: Browser, site_url: str, scheme: str) -> None:
    page = home(browser, site_url, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page.evaluate(PUT, f"{site_url}/_static/play-eigenvalue.js")
    page.locator(f"{EIGENVALUE} svg").wait_for()
    for place in page.locator(".play").all():
        sizes = place.evaluate(SIZES)
        assert len(sizes) > 5
        assert [piece for piece in sizes if piece[1] < 11] == []
    page.close()


@pytest.mark.parametrize("width", [1300, 390])
def test_figures_keep_their_places(browser: Browser, site_url: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 600}, reduced_motion="reduce")
    page.goto(f"{site_url}/book/index.html", wait_until="domcontentloaded")
    assert_drawn_in_its_place(page, LEASH)


@pytest.mark.parametrize("width", [1300, 390])
def test_figures_fit_on_a_screen(browser: Browser, site_url: str, width: int) -> None:
    page = home(browser, site_url, viewport={"width": width, "height": 844})
    for place in page.locator(".play").all():
        assert place.bounding_box()["height"] < 844 - 60  # the header
    page.close()


def test_home_page_is_light_and_quiet(browser: Browser, site_url: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    requests, errors = watched(page)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(f"{site_url}/book/index.html")
    page.locator(LEASH).scroll_into_view_if_needed()
    page.locator(f"{LEASH} svg").wait_for()
    assert errors == []
    assert [text for text in said if "theme mode" not in text] == []  # the theme's own, on a first visit
    assert sum(transferred(path) for path in paths(requests)) < MOST_BYTES / 2
    context.close()


def test_without_javascript_there_are_a_picture_and_all_links(browser: Browser, site_url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site_url}/book/index.html")
    picture = page.locator(f"{RUNNING} img")
    assert picture.evaluate("picture => picture.naturalWidth") > 0
    assert page.locator(".buttons a").count() == 3
    assert page.locator(".chapter svg").count() == len(pictures.CARDS)
    context.close()


def test_on_paper_nothing_is_left_of_buttons_but_words(browser: Browser, site_url: str) -> None:
    page = home(browser, site_url)
    page.emulate_media(media="print")
    button, text = page.locator(".buttons a").first, page.locator(".bd-article p").first
    colour = "e => getComputedStyle(e).color"
    assert button.evaluate(colour) == text.evaluate(colour)
    assert page.locator("#pst-back-to-top").evaluate("e => getComputedStyle(e).display") == "none"
    page.close()


def test_cards_lead_to_the_chapters(front: Page) -> None:
    for card in front.locator(".chapter").all():
        link = card.locator(".title a")
        box = card.bounding_box()
        front.evaluate("y => scrollBy(0, y - 200)", box["y"])
        box = card.bounding_box()
        hit = "([x, y]) => document.elementFromPoint(x, y).closest('a')?.href"
        assert front.evaluate(hit, [box["x"] + 30, box["y"] + 30]) == link.evaluate("a => a.href")


def test_leash_and_closed_loop_agree(browser: Browser, site_url: str) -> None:
    """Two figures, two copies of the weights of one network."""
    page = opened(browser, site_url, SINE)
    here = networks(page)["last state"]["weights"]
    page.close()
    script = (pictures.STATIC / "play" / "sine-networks.js").read_text(encoding="utf-8")
    there = json.loads(script.partition(" = ")[2].rstrip(";\n"))["last state"]["weights"]
    for name, weights in here.items():
        np.testing.assert_allclose(there[name], weights, rtol=0, atol=1e-8)
