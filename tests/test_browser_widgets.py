"""The figures to play with, in Chromium: their numbers are Python's, and a keyboard is enough."""

import json
import re
from collections.abc import Iterator

import measured
import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page
from statsmodels.tsa.ar_model import AutoReg
from torch import nn

from rnncourse import by_hand, datasets, forecasting, models

pytestmark = pytest.mark.browser
SINE, BY_HAND, CYCLE = "01-sine/2-drift", "02-by-hand/1-three-steps", "03-sunspots/3-a-cycle"
PLACE = {SINE: "[data-play=closed-loop]", BY_HAND: "[data-play=rnn-by-hand]", CYCLE: "[data-play=time-machine]"}
SHAPES = {"x": (3, 1), "h0": (2,), "W_ih": (2, 1), "W_hh": (2, 2), "b_ih": (2,), "b_hh": (2,), "W_y": (1, 2)}
SHAPES |= {"b_y": (1,)}
PHI = {"linear": np.positive, "tanh": np.tanh}
HEADS = ["last state", "last state, mended", "all states"]  # the one that fails comes first
# Every piece of text, with its size on the screen: a drawing may be scaled.
SIZES = """place => [...place.querySelectorAll('*')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .filter(e => e.getBoundingClientRect().width > 1)
    .map(e => {
        const svg = e.closest('svg');
        const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
        return [e.textContent.trim(), scale * parseFloat(getComputedStyle(e).fontSize)];
    })"""
COUNT_MESSAGES = """place => {
    place.messages = 0;
    new MutationObserver(() => place.messages++).observe(place.querySelector('[role=status]'), {childList: true});
}"""


def opened(browser: Browser, site_url: str, chapter: str, **options: object) -> Page:
    """Open a chapter and go to its figure."""
    page = browser.new_page(**{"viewport": {"width": 1300, "height": 1000}, **options})
    page.goto(f"{site_url}/book/{chapter}.html", wait_until="domcontentloaded")
    page.locator(PLACE[chapter]).scroll_into_view_if_needed()
    page.locator(f"{PLACE[chapter]} svg").wait_for()
    return page


@pytest.fixture(scope="module")
def hand(browser: Browser, site_url: str) -> Iterator[Page]:
    page = opened(browser, site_url, BY_HAND)
    page.locator(f"{PLACE[BY_HAND]} summary").click()
    yield page
    page.close()


@pytest.fixture(scope="module")
def sine(browser: Browser, site_url: str) -> Iterator[Page]:
    page = opened(browser, site_url, SINE)
    yield page
    page.close()


@pytest.fixture(scope="module")
def machine(browser: Browser, site_url: str) -> Iterator[Page]:
    page = opened(browser, site_url, CYCLE)
    yield page
    page.close()


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def enter(page: Page, values: dict[str, float]) -> None:
    for name, value in values.items():
        page.locator(f"#play-{name}").fill(str(value))


def focused(page: Page) -> str:
    return page.evaluate(
        "document.activeElement.id || document.activeElement.ariaLabel || document.activeElement.value"
    )


# Chapter 2: three steps by hand.


def entered(page: Page) -> dict[str, np.ndarray]:
    """Read all numbers in the fields."""
    fields = dict(page.evaluate("[...document.querySelectorAll('[id^=play-]')].map(f => [f.id, f.value])"))
    return {
        name: np.array([float(fields[f"play-{name}-{'-'.join(map(str, at))}"]) for at in np.ndindex(shape)]).reshape(
            shape
        )
        for name, shape in SHAPES.items()
    }


def shown(page: Page, row: str) -> np.ndarray:
    """Read a row of the table: (steps, numbers)."""
    cells = page.locator(f"{PLACE[BY_HAND]} [data-row={row}] td").all()
    return np.array([[number(text) for text in cell.locator("span").all_inner_texts()] for cell in cells])


def output(page: Page) -> float:
    return number(page.locator(f"{PLACE[BY_HAND]} [data-row=output] span").last.inner_text())


@pytest.fixture(autouse=True)
def from_the_start(request: pytest.FixtureRequest) -> None:
    if "hand" in request.fixturenames:
        request.getfixturevalue("hand").locator("button[value=tutorial]").click()


@pytest.mark.parametrize("activation", PHI)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"h0-0": 1, "h0-1": -0.5, "b_ih-0": 0.25, "b_hh-0": -1.5, "b_hh-1": 0.125, "b_y-0": 3},
        {"x-0-0": -4.321, "x-2-0": 1e-3, "W_ih-0-0": 2, "W_hh-0-1": 0, "W_hh-1-0": 1.25, "W_y-0-1": -0.7},
    ],
)
def test_every_number_is_that_of_by_hand(hand: Page, changes: dict[str, float], activation: str) -> None:
    enter(hand, changes)
    hand.locator(f"[name=play-activation][value={activation}]").check()
    net = entered(hand)
    assert [net[name.partition("-")[0]][tuple(map(int, name.split("-")[1:]))] for name in changes] == [
        *changes.values()
    ]

    weights = net["W_ih"], net["W_hh"], net["b_ih"], net["b_hh"]
    states = by_hand.unroll(by_hand.rnn_step, net["x"], net["h0"], *weights, activation=PHI[activation])
    before = np.vstack([net["h0"], states[:-1]])
    expected = {"x": net["x"], "fromInput": net["x"] @ net["W_ih"].T, "fromState": before @ net["W_hh"].T, "h": states}
    expected["bias"] = np.tile(net["b_ih"] + net["b_hh"], (3, 1))
    expected["a"] = expected["fromInput"] + expected["fromState"] + expected["bias"]
    for row, values in expected.items():
        np.testing.assert_allclose(shown(hand, row), values, rtol=0, atol=1e-6, err_msg=row)
    assert output(hand) == pytest.approx((net["W_y"] @ states[-1] + net["b_y"]).item(), abs=1e-6)


def test_a_field_holds_the_number_that_is_used(hand: Page) -> None:
    field = hand.locator("#play-W_ih-0-0")
    before = output(hand)
    for wrong in ("", "1e308", "-1e7"):
        field.fill(wrong)
        field.blur()
        assert field.input_value() == "0.18662322"
        assert output(hand) == before
    for start, key, after in (("5", "ArrowUp", "5.01"), ("-0.5", "ArrowDown", "-0.51")):
        field.fill(start)
        field.press(key)
        field.blur()
        assert field.input_value() == after
    assert output(hand) != before


def test_large_numbers_have_powers_of_ten_and_the_bias_stays_itself(hand: Page) -> None:
    enter(hand, {"W_ih-0-0": 1e6, "x-2-0": 12345.678, "b_y-0": 0.5})
    texts = hand.locator(f"{PLACE[BY_HAND]} [data-row=output] span").all_inner_texts()
    assert texts[1] == "0.500000"
    assert all(re.fullmatch(r"−?\d\.\d\d·10[⁰¹²³⁴⁵⁶⁷⁸⁹]+", text) for text in (texts[0], texts[2]))
    everything = hand.locator(PLACE[BY_HAND]).inner_text()
    assert not re.search(r"\de\+?\d|NaN|Infinity", everything)


def test_figure_starts_with_the_chapters_output(hand: Page) -> None:
    assert output(hand) == pytest.approx(float(measured.figures()["s9-output"].text.replace("−", "-")), abs=1e-6)


def test_what_the_chapter_says_of_the_figure(hand: Page) -> None:
    hand.locator("button[value=forget]").click()
    without_memory = output(hand)
    enter(hand, {"x-0-0": 5, "x-1-0": -3})
    assert output(hand) == without_memory
    hand.locator("button[value=keep]").click()
    sums_up = output(hand)
    enter(hand, {"x-0-0": 3, "x-1-0": 5, "x-2-0": -3})
    assert output(hand) == sums_up
    moved = {}
    for activation in PHI:
        hand.locator("button[value=tutorial]").click()
        hand.locator(f"[name=play-activation][value={activation}]").check()
        at_3 = output(hand)
        enter(hand, {"x-2-0": 5})
        moved[activation] = abs(output(hand) - at_3)
    assert 0 < moved["tanh"] < moved["linear"] / 10


def test_keyboard_reaches_and_moves_everything(hand: Page) -> None:
    hand.locator("#play-W_ih-0-0").focus()
    start, order = output(hand), [focused(hand)]
    while order[-1] != "tutorial":
        hand.keyboard.press("Tab")
        order.append(focused(hand))
        assert len(order) < 60, order
    assert len(set(order)) == 2 * sum(map(np.prod, SHAPES.values())) + 1 + 3  # fields, sliders, a choice, buttons

    hand.locator("#play-x-2-0").focus()
    hand.keyboard.press("Tab")  # to its slider
    hand.keyboard.press("ArrowRight")
    assert hand.locator("#play-x-2-0").input_value() == "3.01"
    assert output(hand) != start
    while focused(hand) != "linear":
        hand.keyboard.press("Tab")
    hand.keyboard.press("ArrowDown")
    assert hand.locator("[value=tanh]").is_checked()
    while focused(hand) != "tutorial":
        hand.keyboard.press("Tab")
    hand.keyboard.press("Enter")
    assert output(hand) == start


def test_field_that_holds_no_number_changes_nothing(hand: Page) -> None:
    before = output(hand)
    hand.locator("#play-x-0-0").fill("")
    assert output(hand) == before


# Chapter 1: closed loops.


def forecaster(exported: dict[str, object]) -> models.Forecaster:
    """Make the network whose weights are on the page."""
    torch.set_default_dtype(torch.float64)
    core = nn.GRU(1, 10, batch_first=True)
    model = models.Forecaster(core, readout=exported["readout"], lookback=50, residual=exported["residual"])
    model.load_state_dict({name: torch.tensor(value) for name, value in exported["weights"].items()})
    return model


def networks(page: Page) -> dict[str, dict[str, object]]:
    return json.loads(page.locator("#sine-networks").text_content())


def in_python(exported: dict[str, object], start: float, frequency: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    track = datasets.sine(50 + steps, angular_frequency=frequency, start=start - 49 * 0.04)
    return forecasting.closed_loop(forecaster(exported), track[:50, np.newaxis], steps)[:, 0], track[50:]


def run_in_page(page: Page, head: str, start: float, frequency: float, steps: int) -> dict[str, float]:
    """Choose, wait for the end of the run, and read what is shown."""
    page.locator(f"[name=play-head][value='{head}']").check()
    enter(page, {"frequency": frequency, "start": start, "steps": steps})
    page.wait_for_timeout(50)
    page.locator(f"{PLACE[SINE]} .position", has_text=f"step {steps} of {steps},").wait_for()
    cells = page.locator(f"{PLACE[SINE]} [data-result]").all()
    return {cell.get_attribute("data-result"): number(cell.inner_text()) for cell in cells}


@pytest.mark.parametrize(("start", "frequency", "steps"), [(0.0, 1.0, 500), (2.5, 1.3, 250), (100.0, 0.6, 1000)])
@pytest.mark.parametrize("head", HEADS)
def test_closed_loop_is_that_of_forecasting(sine: Page, head: str, start: float, frequency: float, steps: int) -> None:
    exported = networks(sine)[head]
    forecast, truth = in_python(exported, start, frequency, steps)
    results = run_in_page(sine, head, start, frequency, steps)
    error = forecast - truth
    expected = {"forecast": forecast[-1], "truth": truth[-1], "error": error[-1]}
    expected["largest error so far"] = np.abs(error).max()
    assert results == pytest.approx(expected, abs=1e-6)
    call = "([net, start, A, n]) => play.closedLoop(net, play.startAndTruth(start, A, n)[0], n)"
    path = sine.evaluate(call, [exported, start, frequency, steps])
    np.testing.assert_allclose(path, forecast, rtol=0, atol=1e-6)


def printed_by(name: str, sentence: str) -> str:
    """Return the number in a sentence that a cell of a chapter prints."""
    _, cell = measured.cells()[name]
    output = cell["outputs"][0]
    (number,) = re.findall(sentence, "".join(output.get("text") or output["data"]["text/plain"]))
    return number


def test_networks_of_the_page_are_the_chapters(sine: Page) -> None:
    assert set(networks(sine)) == set(HEADS)
    printed = {
        "all states": printed_by("drift-swap", r"all runs, errors of all +(\d\.\d+)"),
        "last state": printed_by("drift-swap", r"last runs, errors of last +(\d\.\d+)"),
        "last state, mended": printed_by("drift-change", r"its own errors: (\d\.\d+)"),
    }
    for head, text in printed.items():
        largest = run_in_page(sine, head, 0.0, 1.0, 500)["largest error so far"]
        assert f"{largest:.{len(text) - 2}f}" == text


def test_networks_return_to_the_wave_they_know(sine: Page) -> None:
    call = "([net, A]) => play.closedLoop(net, play.startAndTruth(0, A, 3000)[0], 3000)"
    for frequency in (0.5, 2):
        for name, exported in networks(sine).items():
            end = np.array(sine.evaluate(call, [exported, frequency]))[1000:]
            rises = np.flatnonzero((end[:-1] < 0) & (end[1:] >= 0))
            if name == "last state":
                assert np.ptp(end[-157:]) < 0.1
            else:
                assert 2 * np.pi / (0.04 * np.diff(rises).mean()) == pytest.approx(1, abs=0.05)


def test_keyboard_moves_the_closed_loop(sine: Page) -> None:
    start = run_in_page(sine, HEADS[0], 0.0, 1.0, 100)
    sine.locator("[name=play-head]:checked").focus()
    sine.keyboard.press("ArrowRight")
    assert sine.locator("[name=play-head]").nth(1).is_checked()
    order = []
    while "play-steps" not in order:
        sine.keyboard.press("Tab")
        order.append(focused(sine))
    assert [name for name in order if name.startswith("play-")] == ["play-frequency", "play-start", "play-steps"]
    sine.locator(f"{PLACE[SINE]} .position", has_text="step 100 of 100,").wait_for()
    largest = sine.locator(f"{PLACE[SINE]} [data-result='largest error so far']")
    assert number(largest.inner_text()) != start["largest error so far"]
    sine.locator("[name=play-head]:checked").focus()
    sine.keyboard.press("Shift+Tab")
    assert focused(sine) == "step shown"
    sine.keyboard.press("Home")
    sine.keyboard.press("ArrowRight")
    assert sine.locator(f"{PLACE[SINE]} .position").inner_text() == "step 1 of 100, x = 0.04"
    sine.keyboard.press("Shift+Tab")
    sine.keyboard.press("Enter")  # play, to the end
    assert sine.locator(f"{PLACE[SINE]} button").inner_text() == "Pause"
    sine.locator(f"{PLACE[SINE]} .position", has_text="step 100 of 100,").wait_for()
    assert sine.locator(f"{PLACE[SINE]} button").inner_text() == "Play"


def test_axis_of_the_error_is_the_same_for_all(sine: Page) -> None:
    """Else success and disaster look alike."""
    axes = []
    for head in HEADS:
        run_in_page(sine, head, 0.0, 1.0, 500)
        axes.append([text for text in sine.locator(f"{PLACE[SINE]} text").all_text_contents() if text[:2] == "10"])
    assert axes == [["10⁻⁵", "10⁻³", "10⁻¹", "10", "10"]] * 3  # the last one is a place on the axis of x


def test_nothing_moves_where_less_motion_is_wished(browser: Browser, site_url: str) -> None:
    page = opened(browser, site_url, SINE, reduced_motion="reduce")
    position, button = page.locator(f"{PLACE[SINE]} .position"), page.locator(f"{PLACE[SINE]} button")
    page.locator(f"{PLACE[SINE]} .position", has_text="step 500 of 500,").wait_for()
    for step in (50, 100):
        button.press("Enter")
        page.wait_for_timeout(300)
        assert position.inner_text().startswith(f"step {step} of 500")
    page.close()


# Chapter 3: the time machine.


def in_machine(page: Page, call: str, k: int) -> object:
    return page.evaluate(f"([data, k]) => play.timeMachine.{call}", [exported_machine(page), k])


def exported_machine(page: Page) -> dict[str, object]:
    return json.loads(page.locator("#time-machine-data").text_content())


@pytest.mark.parametrize("k", [0, 11, 36])
def test_forecasts_of_the_time_machine_are_pythons(machine: Page, k: int) -> None:
    origin, numbers = 2256 + 12 * k, datasets.sunspots().to_numpy()
    roots, cycle = np.sqrt(numbers), np.arange(132)
    assert in_machine(machine, "truth(data, k)", k) == numbers[origin : origin + 132].tolist()
    assert in_machine(machine, "repeat(data, k)", k) == numbers[origin - 132 : origin].tolist()
    # AR(132) by statsmodels: closed loops from the Januaries of 1890 to 1926, for the variance, and from the origin.
    closed = {}
    for stop, origins in ((1692, np.arange(1692, 2125, 12)), (2256, np.array([origin]))):
        weights = AutoReg(roots[:stop], 132).fit().params
        track = roots[origins[:, None] + cycle - 132]
        for _ in cycle:
            track = np.column_stack([track, weights[0] + track[:, :-133:-1] @ weights[1:]])
        closed[stop] = track[:, 132:].clip(min=0)
    variance = np.var(closed[1692] - roots[np.arange(1692, 2125, 12)[:, None] + cycle], axis=0)
    np.testing.assert_allclose(in_machine(machine, "AR(data, k)", k), closed[2256][0] ** 2 + variance, atol=1e-6)
    recorded = datasets.recorded("sunspots_machine").set_index(["line", "origin"])
    for call, line in (("GRU(data, k)", "forecast"), ("fan(data, 'GRU', k)[1]", "high")):
        assert in_machine(machine, call, k) == recorded.loc[(line, origin)].tolist()


def test_scores_of_the_time_machine_add_up(machine: Page) -> None:
    place = machine.locator(PLACE[CYCLE])
    place.locator("#play-origin").fill("11")
    assert place.locator("output").inner_text() == "January 1948"
    cells = place.locator("[data-result]")
    assert cells.nth(0).inner_text() == "–"  # nothing is uncovered yet
    for months in (60, 132):
        place.locator(".transport input").fill(str(months))
        assert place.locator(".position").inner_text() == f"{months} of 132 months uncovered"
        truth = np.array(in_machine(machine, "truth(data, k)", 11))[:months]
        for i, name in enumerate(("repeat", "AR", "GRU")):
            ahead = np.array(in_machine(machine, f"{name}(data, k)", 11))[:months]
            low, high = np.array(in_machine(machine, f"fan(data, '{name}', k)", 11))[:, :months]
            inside = np.sum((low <= truth) & (truth <= high))
            error = np.sqrt(np.mean((ahead - truth) ** 2))
            assert cells.nth(i).inner_text() == f"off by {error:.1f}, {inside} of {months} in its fan"
    won = [int(text) for text in re.findall(r"\d+", cells.nth(3).inner_text())]
    assert sum(won) == 1


def test_keyboard_drives_the_time_machine(machine: Page) -> None:
    place = machine.locator(PLACE[CYCLE])
    place.locator("#play-origin").fill("0")
    place.locator(".transport button").focus()
    order = []
    while focused(machine) != "play-origin":
        machine.keyboard.press("Tab")
        order.append(focused(machine))
    assert order == ["months uncovered", "play-origin"]
    machine.keyboard.press("ArrowRight")
    assert place.locator("output").inner_text() == "January 1938"
    machine.keyboard.press("Shift+Tab")
    machine.keyboard.press("End")
    assert place.locator(".position").inner_text() == "132 of 132 months uncovered"
    before = place.locator("svg").inner_html()
    place.locator("[name=play-fan]:checked").focus()
    machine.keyboard.press("ArrowRight")
    assert place.locator("[name=play-fan]").nth(2).is_checked()
    assert place.locator("svg").inner_html() != before


# All.


@pytest.mark.parametrize("chapter", PLACE)
def test_drawing_stays_in_sight_on_a_phone(browser: Browser, site_url: str, chapter: str) -> None:
    page = opened(browser, site_url, chapter, viewport={"width": 390, "height": 844})
    place = page.locator(PLACE[chapter])
    for slider in place.locator(".controls input[type=range]").all():
        box = slider.bounding_box()
        page.mouse.wheel(0, box["y"] - 640)  # to the lower half of the screen, as a thumb has it
        page.wait_for_timeout(50)
        drawing, at = place.locator(".drawing").bounding_box(), slider.bounding_box()["y"]
        assert drawing["y"] >= 0
        assert drawing["y"] + drawing["height"] <= at < 844
    page.close()


@pytest.mark.parametrize("chapter", PLACE)
def test_figure_fits_on_a_screen_and_can_be_read_on_a_phone(browser: Browser, site_url: str, chapter: str) -> None:
    page = opened(browser, site_url, chapter)
    place = page.locator(PLACE[chapter])
    assert place.bounding_box()["height"] < 800
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)
    sizes = place.evaluate(SIZES)
    assert len(sizes) > 20
    assert [piece for piece in sizes if piece[1] < 11] == []
    page.close()


@pytest.mark.parametrize("chapter", PLACE)
def test_what_changed_lights_up(browser: Browser, site_url: str, chapter: str) -> None:
    for motion, lit in (("no-preference", True), ("reduce", False)):
        page = opened(browser, site_url, chapter, reduced_motion=motion)
        place = page.locator(PLACE[chapter])
        page.wait_for_timeout(500)
        place.locator(".controls input[type=range]").first.press("ArrowRight")
        page.wait_for_timeout(300)
        names = "found => found.map(e => getComputedStyle(e).animationName)"
        assert (set(place.locator(".changed").evaluate_all(names)) == {"play-changed"}) == lit
        unchanged = place.locator(":is(text, dd):not(.changed)")
        assert unchanged.count() > 0
        page.close()


def assert_drawn_in_its_place(page: Page, selector: str) -> None:
    """A figure is drawn when it comes into sight, and moves nothing then."""
    place = page.locator(selector)
    assert place.locator("svg").count() == 0
    height = place.bounding_box()["height"]
    place.scroll_into_view_if_needed()
    place.locator("svg").wait_for()
    page.wait_for_timeout(300)
    assert place.bounding_box()["height"] == pytest.approx(height, abs=1)
    page.close()


@pytest.mark.parametrize("chapter", [SINE, BY_HAND])  # the time machine is in sight at once
@pytest.mark.parametrize("width", [1300, 390])
def test_figure_waits_for_the_reader_and_keeps_its_place(
    browser: Browser, site_url: str, chapter: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{site_url}/book/{chapter}.html", wait_until="domcontentloaded")
    assert_drawn_in_its_place(page, PLACE[chapter])


@pytest.mark.parametrize("chapter", PLACE)
def test_screen_reader_hears_of_the_last_of_many_moves(browser: Browser, site_url: str, chapter: str) -> None:
    page = opened(browser, site_url, chapter)
    place = page.locator(PLACE[chapter])
    place.locator("[role=status]:not(:empty)").wait_for(state="attached")
    place.evaluate(COUNT_MESSAGES)
    slider = place.locator("input[type=range]").nth(1)
    for _ in range(5):
        slider.press("ArrowRight")
    page.wait_for_timeout(1500)
    assert place.evaluate("place => place.messages") == 1
    page.close()


@pytest.mark.parametrize("chapter", PLACE)
def test_without_javascript_a_sentence_leads_to_a_figure(browser: Browser, site_url: str, chapter: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site_url}/book/{chapter}.html", wait_until="domcontentloaded")
    place = page.locator(PLACE[chapter])
    assert place.locator("a[href^='#fig']").count() >= 1
    assert place.locator("input").count() == 0
    context.close()
