"""The page's controls: each turns the engine, every other page shows it, and a new one needs no edit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, WebSocketRoute, expect

from tests.faces.web.stagehand import Visit, Visitor

pytestmark = pytest.mark.system("chromium")


def test_every_control_is_turned_by_its_widget_and_the_other_page_follows(visit: Visit) -> None:
    page, other = visit(), visit()
    page.panel("Controls")
    other.panel("Controls")
    controls = page.see("antiphon.jam.latest('hello').controls")
    assert len(controls) > 40
    wanted = {control["name"]: _turn(_row(page, control["name"]), control) for control in controls}
    other.until(_ALL, wanted)
    assert other.see(SHOWN) == page.see(SHOWN)
    page.see(DELETE)
    other.until(_ALL, {control["name"]: control["default"] for control in controls})


def test_the_few_on_stage_and_the_panel_are_in_step(visit: Visit) -> None:
    page = visit()
    page.panel("Controls")
    stage = page.page.locator("antiphon-stage")
    stage.get_by_role("radio", name="trade").check()
    expect(_row(page, "policy").locator("select")).to_have_value("trade")
    share = stage.locator("[data-control=share]")
    share.locator("input[type=text]").fill("0.8")
    share.locator("input[type=text]").press("Enter")
    page.until("antiphon.jam.values.share === 0.8")
    expect(_row(page, "share").locator("input[type=text]")).to_have_value("0.8")
    share.locator("input[type=range]").dblclick()
    page.until("antiphon.jam.values.share === 0.45")
    stage.locator("[data-control=key] select").select_option("F# dorian")
    page.until("antiphon.jam.values.key === 'F# dorian'")
    stage.locator("[data-control=mute] input").check()
    page.until("antiphon.jam.values.mute === 'on'")
    for name, value in (("mute", "off"), ("key", "auto"), ("policy", "together")):
        page.see("([name, value]) => antiphon.jam.set(name, value)", [name, value])


def test_a_control_is_found_by_words_of_its_help(visit: Visit) -> None:
    page = visit()
    page.panel("Controls")
    page.page.get_by_label("Find a control").fill("triplets")
    expect(page.page.locator("antiphon-controls .control:visible")).to_have_count(1)
    expect(_row(page, "swing")).to_be_visible()


def test_what_the_table_does_not_have_yet_appears_without_an_edit(visit: Visit, address: str) -> None:
    sparkle = {"name": "sparkle", "group": "novelties", "kind": "float", "default": 2.0, "low": 1.0, "high": 5.0}
    sparkle |= {"unit": "stars", "help": "how brightly it shines", "cc": None, "choices": []}
    asked: list[dict[str, Any]] = []

    def meet(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def told(text: str | bytes) -> None:
            news = json.loads(text)
            if news["t"] == "hello":
                news["controls"].append(sparkle)
                news["actions"].append({"name": "encore", "help": "once more", "argument": ""})
            route.send(json.dumps(news))

        def said(text: str | bytes) -> None:
            asked.append(json.loads(text))
            if asked[-1].get("name") not in ("sparkle", "encore"):
                server.send(text)

        server.on_message(told)
        route.on_message(said)

    page = visit()
    page.page.route_web_socket("**/jam*", meet)
    page.page.goto(address)
    page.panel("Controls")
    row = _row(page, "sparkle")
    expect(page.page.get_by_role("region", name="Novelties")).to_contain_text("stars")
    row.locator("input[type=range]").press("End")
    page.page.get_by_role("button", name="Encore").click()
    page.page.wait_for_timeout(100)
    assert {"t": "set", "name": "sparkle", "value": 5} in asked
    assert {"t": "act", "name": "encore"} in asked


def test_strips_are_changed_and_the_other_page_follows(visit: Visit) -> None:
    page, other = visit(), visit()
    page.panel("Channels")
    strip = page.page.locator("[data-channel='3']")
    strip.get_by_label("channel 3: mode").select_option("auto")
    other.until("antiphon.jam.strip(3).mode === 'auto'")
    strip.locator(".instrument").click()
    page.page.get_by_role("combobox", name="find an instrument").fill("viol")
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Enter")
    other.until("antiphon.jam.strip(3).name === 'viola'")
    strip.get_by_label("channel 3: mute").click()
    strip.get_by_label("channel 3: limits").click()
    for limit, low, high, fields in (
        ("range", "C2", "60", "[36, 60]"),
        ("polyphony", "1", "2", "[1, 2]"),
        ("length", "0.1", "1.5", "[0.1, 1.5]"),
        ("velocity", "30", "90", "[30, 90]"),
    ):
        for place, text in ((1, high), (0, low)):
            strip.locator(f"[data-limit={limit}] input").nth(place).fill(text)
            strip.locator(f"[data-limit={limit}] input").nth(place).press("Tab")
        other.until(f"JSON.stringify(antiphon.jam.strip(3).{limit}) === JSON.stringify({fields})")
    assert other.see("antiphon.jam.strip(3).mute") is True
    strip.get_by_label("channel 3: mode").select_option("follow")
    other.until("antiphon.jam.strip(3).mode === 'follow' && antiphon.jam.strip(3).source === 1")
    strip.locator("[data-limit=interval] input").first.fill("3")
    strip.locator("[data-limit=interval] input").first.press("Tab")
    other.until("antiphon.jam.strip(3).interval[0] === 3")
    strip.get_by_label("follows").select_option("16")
    other.until("antiphon.jam.strip(3).source === 16")


def test_what_is_refused_is_said_and_shown_as_it_is(visit: Visit) -> None:
    page = visit()
    page.panel("Channels")
    strip = page.page.locator("[data-channel='16']")
    strip.get_by_label("channel 16: limits").click()
    velocity = strip.locator("[data-limit=velocity] input").first
    velocity.fill("300")
    velocity.press("Tab")
    expect(page.page.get_by_role("log")).to_contain_text("velocity")
    expect(velocity).to_have_value("1")


def test_presets_are_taken_and_actions_asked_for(visit: Visit) -> None:
    page, other = visit(), visit()
    page.page.get_by_role("button", name="strings").click()
    other.until("antiphon.jam.latest('presets').current === 'strings'")
    expect(other.page.locator("[data-preset=strings]")).to_have_attribute("aria-current", "true")
    other.until("antiphon.jam.strips.some(({ name, mode }) => name === 'cello' && mode === 'auto')")
    for action in ("Stop", "Again", "Undo", "Query", "Reset"):
        page.page.get_by_role("button", name=action, exact=True).click()
    page.page.get_by_role("button", name="duet").click()
    other.until("antiphon.jam.latest('presets').current === 'duet'")


def test_another_model_is_chosen(visit: Visit) -> None:
    page = visit()
    page.panel("Session")
    models = page.page.get_by_label("Model")
    expect(models).to_have_value("antiphon")
    others = [name for name in page.see("antiphon.jam.latest('model').models") if name != "antiphon"]
    for name in [*others[:1], "antiphon"]:
        models.select_option(name)
        page.until("(name) => antiphon.jam.latest('model').name === name", name)
    expect(page.page.locator("antiphon-connection")).to_have_text("antiphon")


def test_the_take_is_taken_home(visit: Visit) -> None:
    page = visit()
    page.page.keyboard.press("KeyZ")
    page.wait_for_release(60)
    page.panel("Session")
    for kind, beginning in (("MIDI file", b"MThd"), ("Sound (WAV)", b"RIFF")):
        with page.page.expect_download() as download:
            page.page.get_by_role("link", name=kind).click()
        assert download.value.suggested_filename.startswith("evening.")
        assert download.value.path().read_bytes().startswith(beginning)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_any_screen_and_everything_has_a_name(visit: Visit, scheme: str) -> None:
    page = visit(color_scheme=scheme)
    for width in (360, 800, 1100, 1920):
        page.page.set_viewport_size({"width": width, "height": 740})
        for panel in ("Channels", "Controls", "Session", "Presets"):
            page.panel(panel)
            assert page.see("document.scrollingElement.scrollWidth") <= width, panel
    assert page.see(NAMELESS) == []


def test_it_is_used_by_keyboard_alone(visit: Visit) -> None:
    page = visit()
    page.page.get_by_role("tab", name="Presets").focus()
    page.page.keyboard.press("ArrowRight")
    expect(page.page.get_by_role("tab", name="Channels")).to_be_focused()
    expect(page.page.locator("antiphon-strips")).to_be_visible()
    page.page.keyboard.press("Tab")
    expect(page.page.get_by_label("channel 1: instrument")).to_be_focused()
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("Escape")
    expect(page.page.locator("dialog")).to_have_count(0)
    outline = page.see("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "what has the focus is seen"


def _row(page: Visitor, name: str) -> Locator:
    return page.page.locator(f"antiphon-controls [data-control={name}]")


def _turn(row: Locator, control: dict[str, Any]) -> float | str:
    """Turn a control away from its default, as one does with its kind of widget. Returns where it should be."""
    if control["kind"] != "choice":
        slider = row.locator("input[type=range]")
        end = "high" if control["default"] != control["high"] else "low"
        slider.press("End" if end == "high" else "Home")
        return float(control[end])
    value = next(str(choice) for choice in control["choices"] if choice != control["default"])
    if control["choices"] == ["off", "on"]:
        row.locator("input").set_checked(value == "on")
    else:
        row.locator("select").select_option(value)
    return value


SHOWN = """() => [...document.querySelectorAll("antiphon-controls .control")].map((row) => {
  const turner = row.children[1];
  const input = turner.matches("input, select") ? turner : turner.querySelector("input");
  return [row.dataset.control, input.type === "checkbox" ? input.checked : input.value];
})"""
"""What every widget of the panel shows."""

DELETE = """() => document.querySelectorAll("antiphon-controls .control").forEach(({ children: [, turner] }) =>
  turner.dispatchEvent(new KeyboardEvent("keydown", { key: "Delete", bubbles: true })))"""
"""Press Delete on every widget of the panel."""

_ALL = "(wanted) => Object.entries(wanted).every(([name, value]) => antiphon.jam.values[name] === value)"

NAMELESS = """[...document.querySelectorAll("button, input, select, a[href], [role=img]")]
  .filter((element) => {
    const labels = [...(element.labels ?? [])].map((label) => label.textContent).join("");
    const by = element.getAttribute("aria-labelledby");
    const named = element.ariaLabel || (by && document.getElementById(by)?.textContent) || labels;
    return !(named || element.textContent).trim();
  })
  .map((element) => element.outerHTML)"""
"""What can be used, and has no name for those who do not see it."""
