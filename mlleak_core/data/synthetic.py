"""Synthetic faces: nobody real. People are drawn at random, each with several photos, every label
independent.

Skin tones follow the ten-step Monk Skin Tone scale (Monk 2019). Gender presentation shows in overlapping cues
only (hair length, jaw, brows, beard shade), so that no classifier can be perfect.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Step, fingerprint
from mlleak_core.data import cache
from mlleak_core.data.faces import SIDE, Faces, Labels, Provenance
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream

PEOPLE, PHOTOS = 1250, 4
VERSION = 4
"""Raise when the painting or the drawing of parameters changes: shipped numbers hang on it."""

MONK = ("f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420")
AGES = (mark("younger"), mark("middle"), mark("older"))
PRESENTATIONS = (mark("feminine"), mark("masculine"))
HAIR = np.array(
    [[38, 30, 28], [52, 38, 30], [78, 54, 38], [104, 74, 48], [150, 112, 70], [186, 150, 98], [116, 72, 50]],
    float,
)
GREY = np.array([168, 164, 160], float)
IRIS = np.array([[70, 46, 30], [92, 62, 38], [84, 92, 62], [82, 108, 128], [100, 120, 112]], float)
CLOTH = np.array(
    [
        [92, 108, 132],
        [124, 100, 96],
        [98, 120, 104],
        [142, 128, 104],
        [86, 86, 100],
        [132, 112, 134],
        [160, 152, 140],
    ],
    float,
)
DARK_FRAMES, LIGHT_FRAMES = (
    [[44, 40, 42], [86, 60, 44], [70, 74, 88]],
    [[190, 164, 110], [176, 180, 186], [20, 17, 18]],
)
BACK = np.array(
    [[196, 202, 206], [206, 200, 190], [190, 200, 192], [202, 194, 202], [178, 186, 196], [212, 206, 198]],
    float,
)

PROVENANCE = Provenance(
    title=mark("Synthetic faces"),
    origin=mark(
        "Painted by this program from random numbers. No real person was pictured, copied or learned from."
    ),
    terms=mark("Free to use with the program."),
    labels_are=mark(
        "What was drawn: presentation, tone, age group, glasses, smile and hat, each chosen independently."
    ),
    labels_are_not=mark("A model of any population. Nobody's gender or age follows from such cues."),
)


def identity() -> str:
    """Names the painted faces: another version, other faces."""
    return fingerprint(VERSION, PEOPLE, PHOTOS)


def load() -> Generator[Step, None, Faces]:
    """The embedded default: PEOPLE people with PHOTOS photos each, painted once and kept."""
    people = draw_people(PEOPLE, seed=0)
    photos, labels = draw_photos(people, PHOTOS, seed=0)
    key = fingerprint("synthetic", VERSION, PEOPLE, PHOTOS)
    images = yield from cache.array(f"synthetic-{key}", lambda: paint_all(photos))
    return as_faces(images, labels, PEOPLE)


def as_faces(images: NDArray[np.uint8], labels: dict[str, NDArray[Any]], people: int) -> Faces:
    """Wrap painted images and their drawn labels as a data set."""

    def yes_no(name: str, without: str) -> Labels:
        return Labels(name, (without, name), labels[name.lower()].astype(np.int8))

    tones = tuple(f"Monk {i + 1}" for i in range(10))
    return Faces(
        name="synthetic",
        images=images,
        person=labels["person"],
        people=tuple(f"Nobody {i + 1:04d}" for i in range(people)),
        task=Labels(mark("gender presentation"), PRESENTATIONS, labels["gender"].astype(np.int8)),
        attributes=(
            Labels(mark("Skin tone"), tones, labels["tone"].astype(np.int8), 5, mark("Darker tone")),
            Labels(mark("Age group"), AGES, labels["age"].astype(np.int8), 2, mark("Older")),
            yes_no(mark("Glasses"), mark("no glasses")),
            yes_no(mark("Smile"), mark("no smile")),
            yes_no(mark("Hat"), mark("no hat")),
        ),
        headline=("Darker tone", "Older", "Glasses", "Smile", "Hat"),
        provenance=PROVENANCE,
    )


def draw_people(n: int, seed: int) -> dict[str, NDArray[Any]]:
    """What stays the same in every photo of a person; each array has n rows."""
    rng = stream(seed, "synthetic people")

    def normal(mean: Any, spread: float) -> NDArray[np.float64]:
        return np.asarray(rng.normal(mean, spread, n))

    gender, tone, age = rng.integers(0, 2, n), rng.integers(0, 10, n), rng.integers(0, 3, n)
    glasses = rng.random(n) < 0.25
    g = np.where(gender == 1, 1.0, -1.0)
    long_hair = rng.random(n) < np.where(gender == 1, 0.10, 0.88)
    curl = (rng.random(n) < 0.15 + 0.05 * tone).astype(float)
    grey = (age == 2) & (rng.random(n) < 0.6)
    dark = rng.random(n) < tone / 9.0
    hair = (
        HAIR[np.where(dark, rng.integers(0, 2, n), rng.integers(0, len(HAIR), n))]
        * np.where(tone > 5, 0.72, 1.0)[:, None]
    )
    hair = np.where(grey[:, None], GREY * rng.uniform(0.8, 1.1, (n, 1)), hair) * rng.uniform(0.9, 1.1, (n, 1))
    iris = IRIS[np.where(dark, rng.integers(0, 2, n), rng.integers(0, len(IRIS), n))]
    beard = np.where((gender == 1) & (age > 0) & (rng.random(n) < 0.50), rng.uniform(0.25, 0.75, n), 0.0)
    young, old = (age == 0).astype(float), (age == 2).astype(float)
    return {
        "gender": gender,
        "tone": tone,
        "age": age,
        "glasses": glasses,
        "hair": hair,
        "iris": iris,
        "beard": beard,
        "skin": _skin(tone, rng),
        "curl": curl,
        "frame_round": rng.random(n) < 0.5,
        "cloth": CLOTH[rng.integers(0, len(CLOTH), n)],
        "frame": np.where(tone[:, None] > 5, rng.choice(LIGHT_FRAMES, n), rng.choice(DARK_FRAMES, n)).astype(
            float
        ),
        "head_w": normal(0.535 + 0.016 * g + 0.012 * young, 0.018),
        "head_h": normal(0.725 - 0.014 * young, 0.022),
        "jaw": np.clip(normal(0.80 + 0.065 * g - 0.01 * young, 0.055), 0.62, 0.98),
        "chin": normal(0.10 + 0.05 * g, 0.06),
        "ear": normal(1.0 + 0.06 * old, 0.07),
        "eye_y": normal(-0.02, 0.014),
        "eye_gap": normal(0.235, 0.012),
        "eye_w": normal(0.128 + 0.005 * young, 0.007),
        "eye_h": normal(0.066 - 0.0025 * g + 0.005 * young - 0.004 * old, 0.005),
        "lid": np.clip(normal(1.10 - 0.30 * g, 0.24), 0.6, 1.8),
        "brow_y": normal(-0.172 + 0.008 * g, 0.012),
        "brow_thick": np.clip(normal(0.025 + 0.0058 * g, 0.005), 0.013, 0.042),
        "brow_arch": np.clip(normal(0.030 - 0.006 * g, 0.009), 0.006, 0.06),
        "nose_len": normal(0.185 + 0.008 * g + 0.008 * old, 0.018),
        "nose_w": normal(0.088 + 0.004 * g, 0.010),
        "mouth_y": normal(0.425, 0.016),
        "mouth_w": normal(0.185, 0.015),
        "lip_full": np.clip(normal(0.044 - 0.0045 * g, 0.006), 0.028, 0.060),
        "hair_len": np.where(long_hair, rng.uniform(0.55, 1.0, n), rng.uniform(0.0, 0.28, n)),
        "hair_vol": np.clip(normal(0.35 + 0.25 * curl + 0.10 * long_hair, 0.18), 0.05, 0.95),
        "hairline": np.clip(normal(0.66 + 0.07 * old * (gender == 1), 0.05), 0.55, 0.86),
        "part": rng.choice([-0.5, 0.0, 0.45], n) + normal(0, 0.06),
        "wave": rng.random(n) * long_hair,
        "fringe": np.where(rng.random(n) < 0.30, rng.uniform(0.4, 1.0, n), 0.0),
        "lines": np.where(
            age == 2, rng.uniform(0.6, 1.0, n), np.where(age == 1, rng.uniform(0.0, 0.30, n), 0.0)
        ),
    }


def _skin(tone: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The tone's own colour: the palest toned down from chalk, the deepest lifted so that every feature still
    reads.
    """
    swatch = np.array([[int(m[i : i + 2], 16) for i in (0, 2, 4)] for m in MONK], float)
    floor = np.array([134.0, 95.0, 75.0])
    lift = np.linspace(0, 1, 10)[:, None] ** 3
    shown = swatch * np.array([0.965, 0.905, 0.865]) * (1 - 0.55 * lift) + floor * 0.55 * lift
    shown[7:] = shown[7:] * np.array([[0.80], [0.55], [0.50]]) + floor * np.array([[0.17], [0.40], [0.33]])
    return np.asarray(shown[tone] * rng.uniform(0.965, 1.03, (len(tone), 1)))


def draw_photos(
    people: dict[str, NDArray[Any]], photos: int, seed: int
) -> tuple[NDArray[np.float64], dict[str, NDArray[Any]]]:
    """Painter's parameters [n * photos, fields] and the labels of every photo."""
    from mlleak_core.data._paint import AT, FIELDS

    rng = stream(seed, "synthetic photos")
    person = np.repeat(np.arange(len(people["gender"])), photos)
    n = len(person)
    smile, hat = rng.random(n) < 0.5, rng.random(n) < 0.15
    params = np.zeros((n, len(FIELDS)))

    def put(name: str, value: Any) -> None:
        params[:, AT[name]] = value

    def put_colour(name: str, rgb: NDArray[np.float64]) -> None:
        for channel, letter in enumerate("rgb"):
            put(f"{name}_{letter}", rgb[:, channel])

    for name, value in people.items():
        if name in AT:
            put(name, value[person])
    exposure = rng.normal(1.0, 0.045, (n, 1))
    cast = 1 + rng.normal(0, 0.012, (n, 3))
    skin = people["skin"][person] * exposure * cast
    put_colour("skin", skin)
    red = np.array([1.02, 0.74, 0.72])
    deep = (people["tone"][person, None] / 9.0) ** 2
    put_colour(
        "lip",
        skin * red * (0.90 + 0.26 * deep) + np.array([12.0, 0, 0]) + deep * np.array([26.0, 12.0, 14.0]),
    )
    put_colour("hair", people["hair"][person] * exposure)
    put_colour("iris", people["iris"][person])
    put_colour("frame", people["frame"][person])
    put_colour("cloth", people["cloth"][person] * rng.uniform(0.85, 1.1, (n, 1)))
    put_colour("hat", CLOTH[rng.integers(0, len(CLOTH), n)] * rng.uniform(0.75, 1.0, (n, 1)))
    put_colour("back", BACK[rng.integers(0, len(BACK), n)] * rng.uniform(0.72, 1.06, (n, 1)))
    for name, value in {
        "scale": rng.normal(0.92, 0.03, n),
        "shift_x": rng.normal(0, 0.035, n),
        "shift_y": rng.normal(0.05, 0.03, n),
        "tilt": rng.normal(0, 0.055, n),
        "yaw": rng.normal(0, 0.38, n).clip(-1, 1),
        "light_x": rng.uniform(-1, 1, n),
        "light_y": rng.uniform(-0.9, -0.2, n),
        "light_amount": rng.uniform(0.20, 0.34, n) + 0.08 * people["tone"][person] / 9.0,
        "blur": rng.uniform(1.0, 1.5, n),
        "smile": np.where(smile, rng.uniform(0.65, 1.0, n), rng.uniform(-0.05, 0.20, n)),
        "hat": hat,
        "hat_kind": rng.random(n) < 0.5,
        "back2": rng.uniform(0.02, 0.14, n),
        "collar": rng.random(n),
    }.items():
        put(name, value)
    labels = {k: people[k][person] for k in ("gender", "tone", "age", "glasses")}
    return params, {**labels, "smile": smile, "hat": hat, "person": person}


def paint_all(params: NDArray[np.float64], side: int = SIDE) -> Generator[Step, None, NDArray[np.uint8]]:
    """Paint every row of `params`: [n, side, side, 3] uint8, on two threads."""
    yield Step(0, len(params), say("mixing the paint (slow the very first time)"))
    from mlleak_core.data._paint import paint

    images = np.empty((len(params), side, side, 3), np.uint8)
    noise = stream(len(params), "paint noise")
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(params), 250):
            parts = [slice(s, min(s + 125, len(params))) for s in (start, start + 125)]
            list(pool.map(lambda part: paint(params[part], images[part]), parts))
            block = images[start : start + 250]
            grain = noise.integers(-3, 4, block.shape, dtype=np.int8)
            block[...] = np.clip(block.astype(np.int16) + grain, 0, 255).astype(np.uint8)
            yield Step(min(start + 250, len(params)), len(params), say("painting faces"))
    return images
