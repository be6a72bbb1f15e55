"""What a report says, whichever form it takes: read off the threat's card and the exhibit alone."""

from __future__ import annotations

import contextvars
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlleak_core import __version__, calibrate
from mlleak_core.contract import BadInput, Settings, knobs
from mlleak_core.data.source import LABELS_NOTE, Source, find
from mlleak_core.language import ENGLISH, mark, say, speak
from mlleak_core.report import reproduce
from mlleak_core.threat import SHIPPED, Conclusion, Drawing, Exhibit, Finding, Threat, discover, imported

OWN = mark(
    "It was made from records that somebody brought: pictures, names or words in it are theirs. Pass it on "
    "only to those who may see them."
)
REAL = mark(
    "The records behind it are of real people, as the data set carries them. Pictures and names in it are "
    "the data set's: they must not be published."
)
STOPPED = mark("The run was stopped early: these are the numbers of what was finished until then.")
ELSEWHERE = mark("The command line has no option for: {names}. These stand in the sidebar of the page.")
OWN_PICTURES = mark("Unpack your pictures into a folder, and name it in place of PATH.")
SAME = mark("Equal settings and seed give equal numbers on the same machine with the pinned packages.")


@dataclass(frozen=True)
class Reproduction:
    """How to get the same numbers: the command, and what must be known besides."""

    command: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """A threat's result, ready to be written down. given: words of the command line that are no settings,
    such as a service's address; they are part of how to reproduce it.
    """

    threat: Threat
    exhibit: Exhibit
    given: tuple[str, ...] = ()

    @property
    def settings(self) -> Settings:
        """What the run was asked."""
        return self.exhibit.about.settings  # type: ignore[no-any-return]

    @property
    def data(self) -> Source:
        return find(self._data)[0]

    @property
    def _data(self) -> str:
        return str(self.settings.as_dict()["data"])

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.exhibit.findings()

    @property
    def made(self) -> str:
        """ISO date of the run."""
        return str(self.exhibit.about.made)

    @property
    def version(self) -> str:
        """Of the program."""
        return __version__

    @property
    def stopped(self) -> bool:
        """Whether the run was stopped before its end."""
        return "stopped" in self.exhibit.source

    @property
    def name(self) -> str:
        """What its files are called, without an ending."""
        return f"mlleak-{self.threat.card.slug}-{self.exhibit.about.settings.seed}"

    def conclusions(self) -> tuple[Conclusion, ...]:
        """What follows; of a threat that concludes nothing in words, the verdicts of its findings."""
        verdicts = {f.verdict: None for f in self.findings if f.verdict is not None}
        bare = (Conclusion(verdict, _sentence(verdict.words)) for verdict in verdicts)
        return self.exhibit.conclusions() or tuple(bare)

    def drawings(self) -> tuple[Drawing, ...]:
        """The exhibit's, else what Home draws of it."""
        headlines = [line for line in self.exhibit.headlines() if line.picture is not None]
        return self.exhibit.drawings() or tuple(
            Drawing(title=line.title, picture=line.picture, alt=line.small, findings=line.findings)
            for line in headlines
        )

    def warnings(self) -> tuple[str, ...]:
        """What must be read before anything else."""
        whose = OWN if self.data.own else "" if self.data.invented else REAL
        return tuple(map(say, filter(None, (STOPPED if self.stopped else "", whose))))

    def cautions(self) -> tuple[str, ...]:
        """What else limits the numbers."""
        return (*self.exhibit.cautions(), say(LABELS_NOTE))

    def rows(self) -> list[dict[str, Any]]:
        """All settings that mean anything, one by one."""
        values = self.settings.as_dict()
        known = [knob for knob in knobs(type(self.settings)) if knob.name in values]
        return [
            {
                mark("setting"): knob.name,
                mark("value"): _plain(values[knob.name]),
                mark("what it is"): say(knob.help),
            }
            for knob in known
        ]

    def reproduction(self) -> Reproduction:
        beyond = reproduce.beyond(self.settings)
        notes = (
            say(ELSEWHERE, names=", ".join(beyond)) if beyond else "",
            say(OWN_PICTURES) if self.data.private else "",
            say(SAME),
        )
        words = (self.threat.card.slug,) if "--scores" in self.given else None
        line = reproduce.command(*(words or reproduce.words(self.threat, self.settings)), *self.given)
        return Reproduction(line, tuple(filter(None, notes)))

    def parts(self) -> dict[str, Any]:
        """What the command line's `--json` writes of a run, and all else that the report says."""
        card, reproduction = self.threat.card, self.reproduction()
        return {
            "threat": card.slug,
            "title": card.title,
            "question": card.question,
            "version": self.version,
            "made": self.made,
            "source": self.exhibit.source,
            "stopped": self.stopped,
            "data": self._data,
            "seed": self.findings[0].seed,
            "settings": self.settings.as_dict(),
            "seconds": self.findings[0].seconds,
            "conclusions": [
                {"verdict": c.verdict.words, "sentence": c.sentence, "small": c.small}
                for c in self.conclusions()
            ],
            "report": {"findings": [finding.row() for finding in self.findings]},
            "wrong where nothing is there": self._rates(),
            "figures": [{"title": d.title, "alt": d.alt, "rows": list(d.rows)} for d in self.drawings()],
            "warnings": self.warnings(),
            "cautions": self.cautions(),
            "reproduce": {"command": reproduction.command, "notes": reproduction.notes},
            "papers": card.papers,
        }

    def _rates(self) -> dict[str, Any]:
        """Of the verdicts in it, by the key of their null."""
        known = calibrate.shipped()
        rates = {f.null: known[f.null].wrong for f in self.findings if f.null in known}
        return {key: {"rate": r.value, "low": r.low, "high": r.high, "n": r.n} for key, r in rates.items()}


def as_json(report: Report) -> bytes:
    """A report for programs, which read English."""
    return contextvars.copy_context().run(_in_english, report)


def _in_english(report: Report) -> bytes:
    speak(ENGLISH)
    return (json.dumps(finite(report.parts()), indent=1, allow_nan=False) + "\n").encode()


def shipped(name: str) -> Report | None:
    """The report of the exhibit that is called so among those that came with the program; None of others."""
    for threat in discover():
        if name in map(threat.shipped_name, threat.shipped):
            return kept(SHIPPED / name)
    return None


def kept(path: Path) -> Report:
    """The report of an exhibit that lies on disk, as `mlleak ship` writes it. Raises BadInput."""
    slug = path.stem.partition("-")[0]
    for threat in discover():
        if threat.card.slug == slug:
            return Report(threat, imported(threat.exhibit).load(path.parent, path.stem))
    known = ", ".join(threat.card.slug for threat in discover())
    expected = say("an exhibit called THREAT-NUMBER, of {known}", known=known)
    raise BadInput(expected, repr(path.name[:80]), say("Name its JSON file."))


def finite(value: Any) -> Any:
    """Numbers that JSON cannot say (the interval of a single value is infinite) become null."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _plain(value: Any) -> str:
    """A setting's value as people write it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    return str(value) or say("none")
