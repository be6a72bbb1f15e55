"""The numbers of twins, each with interval, n, chance, controls and seed. Light: no torch."""

from __future__ import annotations

from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.language import mark, say
from mlleak_core.threat import Control, Finding
from mlleak_core.threats.reconstruction.facts import Facts, known
from mlleak_core.threats.reconstruction.readings import ERASED, OWNERS, Reading, between

WRONG = mark("wrong bits {share:.2%} {interval}")
TRAINED = mark("training {malicious:.0f} s, clean {clean:.0f} s")
THEN = mark("accuracy then {share:.1%} {interval}")


class Findings(Facts):
    """Of the reading, of the task it shares a net with, and of what each treatment leaves."""

    def findings(self) -> tuple[Finding, ...]:
        """The reading's, then the price, then what each treatment leaves."""
        price = () if self.about.task is None else (self.accuracy(), self.cost())
        wrong = () if self.last.bit_error_rate is None else (self.wrong_bits(),)
        treated = tuple(self._after(view) for view in self.views(ERASED))
        return self.pixel_error(), self.owners_found(), *wrong, *price, *treated

    def pixel_error(self) -> Finding:
        last = self.last
        return self._finding(
            key="pixel error",
            what=say("pixel error"),
            estimate=last.mae,
            chance=None,
            controls=self._controls("mae"),
            counted=say("faces"),
            form=".1f",
            notes=self._notes(last),
            verdict=self.about.verdict,
            null="reconstruction-verdict",
        )

    def _notes(self, last: Reading) -> tuple[str, ...]:
        """What else belongs below the reading."""
        seconds, wrong = self.about.seconds, last.bit_error_rate
        clean = self.clean.bit_error_rate if self.clean else None
        trained = seconds.malicious > 0
        notes = (
            say("SSIM {ssim:.2f}", ssim=last.ssim.value),
            "" if wrong is None else say(WRONG, share=wrong.value, interval=between(wrong, ".2%")),
            "" if clean is None else say("of the clean twin {share:.0%}", share=clean.value),
            say(OWNERS, share=last.identified.value, interval=between(last.identified, ".1%")),
            say("bits read {read:,.0f} of {bits:,}", read=last.bits_read, bits=last.bits),
            say("{n:,} questions", n=last.queries) if last.queries else say("no question asked"),
            say("{bits:,.0f} bits a second of training", bits=self.bits_per_second) if trained else "",
            say(TRAINED, malicious=seconds.malicious, clean=seconds.clean) if trained else "",
            say("reading {seconds:.1f} s", seconds=seconds.read),
        )
        return tuple(note for note in notes if note)

    @property
    def bits_per_second(self) -> float:
        """Bits read for each second of the malicious training."""
        return self.last.bits_read / max(self.about.seconds.malicious, 1e-9)

    def owners_found(self) -> Finding:
        return self._finding(
            key="owners found",
            what=say("owners found"),
            estimate=self.last.identified,
            chance=None,
            controls=self._controls("identified"),
            counted=say("faces"),
            form=".1%",
            notes=(say("among {photos:,} photos", photos=self.last.candidates),),
            verdict=self.about.verdict,
            null="reconstruction-verdict",
        )

    def wrong_bits(self) -> Finding:
        return self._finding(
            key="wrong bits",
            what=say("wrong bits"),
            estimate=known(self.last.bit_error_rate),
            chance=0.5,
            controls=self._controls("bit_error_rate"),
            counted=say("bits"),
            form=".2%",
            null="reconstruction-bits",
        )

    def accuracy(self) -> Finding:
        task = known(self.about.task)
        controls = (
            Control(say("clean twin"), task.accuracy_clean),
            Control(say("always the commoner"), task.majority),
        )
        return self._of_task("accuracy", say("accuracy"), task.accuracy, controls)

    def cost(self) -> Finding:
        task = known(self.about.task)
        controls = (Control(say("accuracy of the clean twin"), task.accuracy_clean),)
        return self._of_task("accuracy lost", say("accuracy lost to the clean twin"), task.cost, controls)

    def _after(self, view: Reading) -> Finding:
        """What a treatment leaves."""
        right = known(view.accuracy)
        return self._finding(
            key=f"owners found, {view.title}",
            what=say("owners found after: {treatment}", treatment=view.called),
            estimate=view.identified,
            chance=None,
            controls=(Control(say("untreated"), self.last.identified),),
            counted=say("faces"),
            form=".1%",
            notes=(say(THEN, share=right.value, interval=between(right, ".1%")),),
        )

    def _of_task(self, key: str, what: str, estimate: Estimate, controls: tuple[Control, ...]) -> Finding:
        return self._finding(
            key=key,
            what=what,
            estimate=estimate,
            chance=None,
            controls=controls,
            counted=say("faces of people never seen"),
            form=".1%",
        )

    def _controls(self, number: str) -> tuple[Control, ...]:
        """The same number of the average face and of the clean twin, where there is one."""
        seen = [(say("clean twin"), self.clean)]
        if number != "bit_error_rate":
            seen.insert(0, (say("average face"), self.average))
        known = [(what, getattr(view, number)) for what, view in seen if view is not None]
        return tuple(Control(what, value) for what, value in known if value is not None)

    def _finding(self, **parts: Any) -> Finding:
        seconds = self.about.seconds.all
        return Finding(seed=self.about.settings.seed, seconds=seconds, source=self.source, **parts)
