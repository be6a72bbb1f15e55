"""The embedded reviews: patients write about doctors. Everything is made up: names, habits, sentences.

Every author has a hand of his own (which word of several that mean the same, which aside, how a review begins
and ends), every doctor a specialty; neither goes with praise or blame, which is the task.
"""

from __future__ import annotations

import bisect
from collections.abc import Generator, Sequence

import numpy as np

from mlleak_core.contract import Step, fingerprint
from mlleak_core.data.faces import Labels, Provenance
from mlleak_core.data.texts import Texts, collected
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream

VERSION, REVIEWS = 1, 60
MIXED = 0.25
"""Share of the reviews in which one sentence says the opposite."""
OWN_HAND = 0.5
"""Concentration of an author's habits (a symmetric Dirichlet law): the smaller, the more alike are his
reviews.
"""
# fmt: off
AUTHORS = (
    "Alma", "Bodo", "Cleo", "Dario", "Edda", "Fritz", "Greta", "Hugo", "Iris", "Jonas", "Kaja", "Levi",
    "Mira", "Nilo", "Odile", "Pavel", "Quinn", "Rosa", "Sven", "Thea", "Ugo", "Vera", "Wanda", "Xaver",
    "Yara", "Zeno", "Anouk", "Bela", "Carla", "Dimo", "Elif", "Falk", "Gesa", "Hanno", "Ines", "Juri",
    "Kolja", "Lotte", "Mats", "Nora",
)
# fmt: on
SPECIALTIES = {
    mark("cardiologist"): "heart, pulse, blood pressure, stress test, echo, palpitations, rhythm, chest pain",
    mark("dentist"): "tooth, filling, crown, gums, root canal, drill, cleaning, jaw",
    mark("dermatologist"): "skin, mole, rash, cream, eczema, acne, biopsy, sunburn",
    mark("eye doctor"): "eyes, glasses, lens, cataract, retina, drops, eyesight, eye pressure",
    mark("orthopaedist"): "knee, shoulder, cast, joint, spine, fracture, physiotherapy, brace",
    mark("paediatrician"): "baby, toddler, vaccine, fever, daughter, son, growth chart, ear infection",
    mark("psychiatrist"): "anxiety, sleep, therapy, medication, panic, mood, depression, worries",
    mark("urologist"): "kidney, stone, bladder, prostate, urine, catheter, ultrasound, infection",
}
SLOTS = {
    "visit": "visit appointment consultation checkup session",
    "doctor": "doctor physician specialist practitioner medic",
    "staff": "staff team receptionists nurses assistants",
    "office": "office practice clinic surgery centre",
    "said": "said told explained mentioned remarked",
    "problem": "problem trouble complaint issue condition",
    "very": "very really extremely quite truly",
    "went": "went came drove walked travelled",
    "about": "about regarding concerning because over",
}
GOOD = {
    "kind": "kind friendly warm gentle patient",
    "great": "great excellent wonderful superb brilliant",
    "helped": "helped relieved healed improved cured",
    "recommend": "recommend praise endorse thank applaud",
}
BAD = {
    "kind": "rude cold dismissive impatient arrogant",
    "great": "awful terrible dreadful useless horrible",
    "helped": "worsened ignored failed hurt neglected",
    "recommend": "avoid regret criticise report leave",
}
# fmt: off
ASIDES = (
    "to be honest", "frankly", "by the way", "as far as I can tell", "if you ask me", "all in all",
    "at least", "after all", "needless to say", "in hindsight", "for what it is worth",
    "strangely enough", "of course", "in my experience", "believe it or not", "long story short",
    "on balance", "luckily", "as usual", "between us",
)
# fmt: on
OPENINGS = (
    "I {went} to this {office} {about} my {a}.",
    "My {visit} {about} the {a} was last week.",
    "A neighbour sent me here with {a} and {b}.",
    "Second {visit} at the {office}, again {about} my {a}.",
    "For months the {problem} had been my {a}.",
)
MIDDLES = (
    "The {doctor} was {very} {kind} and {said} what the {b} meant.",
    "The {doctor} looked at my {b} and the {problem} was {helped}.",
    "What the {doctor} {said} on the {b} was {great}.",
    "The {staff} were {kind}, the talk on the {b} {great}.",
    "The answer to questions on {a} and {b} was {great}.",
    "The {problem} with my {a} was {helped} within days.",
)
ENDINGS = (
    "I {recommend} this {doctor}.",
    "This {office} is {very} {great}.",
    "{great} {staff}, {great} {visit}.",
    "Anyone with {a} will {recommend} the {office}.",
    "That is why I {recommend} them.",
)
PROVENANCE = Provenance(
    title=mark("Doctor reviews"),
    origin=mark("Made up by this program: invented patients write about invented doctors."),
    terms=mark("Yours to use."),
    labels_are=mark("Who is said to have written it, what the doctor treats, whether it is praise."),
    labels_are_not=mark("They are about nobody."),
)


def identity() -> str:
    """Names these reviews: another version, other reviews."""
    return fingerprint("doctors", VERSION, len(AUTHORS), REVIEWS)


def load() -> Generator[Step, None, Texts]:
    """REVIEWS reviews by each of 40 authors."""
    yield Step(0, 1, say("writing reviews"))
    rng = stream(0, "doctor reviews")
    documents, authors, specialties, praise = [], [], [], []
    for name in AUTHORS:
        hand = _Hand(rng)
        for _ in range(REVIEWS):
            specialty, good = str(rng.choice(list(SPECIALTIES))), bool(rng.integers(2))
            documents.append(hand.review(specialty, good))
            authors.append(name)
            specialties.append(specialty)
            praise.append(good)
    task = Labels(mark("sentiment"), (mark("blame"), mark("praise")), np.array(praise, np.int8))
    columns = {mark("author"): authors, mark("specialty"): specialties}
    return collected(mark("the doctor reviews"), documents, task, columns, PROVENANCE)


class _Hand:
    """How one author writes."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._habits: dict[str, list[float]] = {}
        """By slot, how probable each choice and all before it are together."""
        self._asides = rng.choice(len(ASIDES), 3, replace=False)

    def review(self, specialty: str, good: bool) -> str:
        """A beginning, two to four sentences, an end."""
        count = int(self._rng.integers(2, 5))
        turned = int(self._rng.integers(count)) if self._rng.random() < MIXED else -1
        middles, left = [], list(MIDDLES)
        for i in range(count):
            template = self._pick(f"middle of {len(left)}", left)
            left.remove(template)
            middles.append(self._sentence(template, specialty, good ^ (i == turned)))
        first, last = (
            self._sentence(self._pick(place, of), specialty, good)
            for place, of in (("opening", OPENINGS), ("ending", ENDINGS))
        )
        return " ".join([first, *middles, last])

    def _sentence(self, template: str, specialty: str, good: bool) -> str:
        about = SPECIALTIES[specialty].split(", ")
        a = about.pop(int(self._rng.integers(len(about))))
        b = about[int(self._rng.integers(len(about)))]
        mood = GOOD if good else BAD
        words = {slot: self._pick(slot, of.split()) for slot, of in SLOTS.items()}
        words |= {slot: self._pick(f"{slot} {good}", of.split()) for slot, of in mood.items()}
        text = template.format(a=a, b=b, **words)
        if self._rng.random() < 0.3:
            begins = text[0] if text.startswith("I ") else text[0].lower()
            text = f"{ASIDES[self._asides[int(self._rng.integers(3))]]}, {begins}{text[1:]}"
        return text[0].upper() + text[1:]

    def _pick(self, slot: str, of: Sequence[str]) -> str:
        """One of several, by the author's habit."""
        if slot not in self._habits:
            self._habits[slot] = self._rng.dirichlet([OWN_HAND] * len(of)).cumsum().tolist()
        return of[min(bisect.bisect(self._habits[slot], self._rng.random()), len(of) - 1)]
