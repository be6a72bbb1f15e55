"""Everything that is written can be read, and everything that is drawn can be seen, in both themes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mlleak_core.figures import look
from mlleak_core.figures.canvases import TEN
from mlleak_core.threat import discover

ROOT = Path(__file__).parents[2]
KIT = ROOT / "pages" / "_kit"
THEMES = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
TEXT, DRAWN = 4.5, 3.0
"""What words need, and what lines and marks need (WCAG 2.2, 1.4.3 and 1.4.11)."""
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
HEX = re.compile(r"#[0-9A-Fa-f]{6}")


def channels(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def light(colour: str) -> float:
    """Relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ratio(one: str, other: str) -> float:
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def over(colour: str, ground: str, opacity: float) -> str:
    """What is seen of a colour that lets the ground through."""
    mixed = (a * opacity + b * (1 - opacity) for a, b in zip(channels(colour), channels(ground), strict=True))
    return "#" + "".join(f"{round(255 * c):02X}" for c in mixed)


def rules(path: Path) -> dict[str, dict[str, str]]:
    """Selector -> its declarations, those in media and container queries too."""
    text = re.sub(r"/\*.*?\*/|@[a-z]+\([^{]*\)\s*\{|@[a-z]+ [^{]*\{", "", path.read_text(), flags=re.DOTALL)
    found: dict[str, dict[str, str]] = {}
    for selector, body in RULE.findall(text):
        pairs = (part.split(":", 1) for part in body.split(";") if ":" in part)
        said = {k.strip(): v.replace("!important", "").strip() for k, v in pairs}
        found.setdefault(selector.strip().lstrip("}").strip(), {}).update(said)
    return found


def colour_of(value: str, theme: str) -> str | None:
    """The colour that a value has in a theme; None for one that is inherited or not a plain one."""
    own = THEMES[theme]
    names = {"primary": "primaryColor", "background": "backgroundColor", "text": "textColor"}
    names |= {"secondary-background": "secondaryBackgroundColor", "link": "linkColor"}
    if found := re.fullmatch(r"var\(--st-([a-z-]+)-color\)", value):
        return own[names[found[1]]] if found[1] in names else None
    if found := re.match(r"light-dark\((.+?),(.+?)\)", value):
        value = found[1 + (theme == "dark")].strip()
    return value if HEX.fullmatch(value) else None


def share_of(said: dict[str, str]) -> float:
    """How much of its own colour a rule lets its words have."""
    mixed = re.match(r"color-mix\(in srgb,currentColor (\d+)%,transparent\)", said.get("color", ""))
    return int(mixed[1]) / 100 if mixed else float(said.get("opacity", 1))


def ground_of(selector: str, sheet: dict[str, dict[str, str]], theme: str) -> list[str]:
    """The grounds that a rule's words stand on: its own, that of what it stands in, else the page's."""
    family = [s for s in sheet if selector.startswith(s.split(":")[0]) or selector == s]
    for name in sorted(family, key=len, reverse=True):
        own = colour_of(sheet[name].get("background", ""), theme)
        if own:
            return [own]
    return [THEMES[theme]["backgroundColor"], THEMES[theme]["sidebar"]["backgroundColor"]]


CANVASES = {
    path.stem: path
    for folder in (KIT / "canvas", ROOT / "mlleak_core" / "figures" / "canvases")
    for path in sorted(folder.glob("*.css"))
}
SHEETS = [KIT / "style.css", *CANVASES.values()]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", SHEETS, ids=lambda p: p.stem)
def test_words_can_be_read(path, theme):
    sheet, faint = rules(path), {}
    for selector, said in sheet.items():
        if "disabled" in selector and ":not(:disabled)" not in selector or "fill-opacity" in said:
            continue
        stated = colour_of(said.get("color", ""), theme)
        ink = stated or THEMES[theme]["textColor"]
        on = [THEMES[theme]["primaryColor"]] if "BaseButton-primary" in selector else None
        opacity = share_of(said)
        if not stated and opacity == 1 and "background" not in said:
            continue
        for ground in on or ground_of(selector, sheet, theme):
            seen = ratio(over(ink, ground, opacity), ground)
            if seen < TEXT:
                faint[selector] = round(seen, 2)
    assert not faint


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_itself_can_be_read(theme):
    own = THEMES[theme]
    for ground in (own, own["sidebar"]):
        for name in ("textColor", "linkColor", "primaryColor"):
            for back in ("backgroundColor", "secondaryBackgroundColor"):
                assert ratio(own[name], ground[back]) >= TEXT, (name, back)
    tinted = over(own["primaryColor"], own["backgroundColor"], 0.1)
    assert ratio(own["primaryColor"], tinted) >= TEXT, "a chosen segment"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_and_marks_can_be_seen(theme):
    ground = THEMES[theme]["backgroundColor"]
    drawn = {name: getattr(look, name) for name in vars(look) if HEX.fullmatch(str(getattr(look, name)))}
    drawn |= {f"ramp {i}": colour for i, colour in enumerate(TEN)}
    drawn |= {f"theme {i}": colour for i, colour in enumerate(THEMES[theme]["chartCategoricalColors"])}
    for found in discover():
        drawn |= {a.title: a.colour for a in found.catalogue().values()}
    faint = {name: round(ratio(colour, ground), 2) for name, colour in drawn.items()}
    assert not {name: seen for name, seen in faint.items() if seen < DRAWN}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["face_map", "round_tape"])
def test_what_is_grey_on_a_canvas_can_be_seen(name, theme):
    css, own = CANVASES[name].read_text(), THEMES[theme]
    share = re.search(r"--grey: color-mix\(in srgb, var\(--st-text-color\) (\d+)%", css)
    assert share
    grey = over(own["textColor"], own["backgroundColor"], int(share[1]) / 100)
    assert ratio(over(grey, own["backgroundColor"], 0.9), own["backgroundColor"]) >= DRAWN


def test_the_ruler_is_right():
    assert ratio("#FFFFFF", "#000000") == pytest.approx(21)
    assert ratio("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)
    assert over("#000000", "#FFFFFF", 0.5) == "#808080"
