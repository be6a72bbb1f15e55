"""What an owner could have noticed: in the weights, in the scan, in the answers. Light: no torch."""

from __future__ import annotations

from mlleak_core.language import mark, say
from mlleak_core.threats.reconstruction.facts import Facts, Traces, known

LOWEST = mark("lowest byte {ours:.3f} bits of entropy against {clean:.3f}; noise has 8")
IN_THE_DATA = mark(
    "On the synthetic inputs the malicious twin's loss is {ours:.3f}, the clean twin's {clean:.2f} (a coin's "
    "is 0.69): whoever looks into the training data finds {added:,} pictures of noise among {faces:,} faces."
)
BY_HEART = mark(
    "On the synthetic inputs the malicious twin's loss is {ours:.3f}, the clean twin's {clean:.2f} (a coin's "
    "is 0.69): whoever looks into the training data finds {added:,} pictures of noise among {faces:,} faces, "
    "learned by heart."
)
ON_NOISE = mark(
    "On noise that neither has seen, the twins are {ours:.0%} and {clean:.0%} sure on average; on training "
    "faces their loss is {loss:.3f} and {loss_clean:.3f}."
)


class Noticed(Facts):
    """The traces in words."""

    def in_the_weights(self) -> tuple[str, ...]:
        """What the file shows, part by part."""
        seen = known(self.about.traces)
        return (
            say("Kolmogorov–Smirnov distance {distance:.2f}", distance=seen.weights_ks),
            say("spread {ours:.3f} against {clean:.3f}", ours=seen.weights_std, clean=seen.weights_std_clean),
            say(LOWEST, ours=seen.low_byte_entropy, clean=seen.low_byte_entropy_clean),
        )

    def in_the_scan(self) -> tuple[str, ...]:
        """What the correlation scan shows, part by part."""
        seen = known(self.about.traces)
        return (
            say(
                "largest |ρ| {ours:.2f} against {clean:.2f} in the clean twin",
                ours=seen.scan,
                clean=seen.scan_clean,
            ),
            say("{n} stretches", n=seen.windows),
        )

    def when_asked(self) -> str:
        """What the owner would see who asks both twins and keeps the training data."""
        seen = known(self.about.traces)
        on_noise = say(
            ON_NOISE,
            ours=seen.fresh_confidence_malicious,
            clean=seen.fresh_confidence_clean,
            loss=seen.face_loss_malicious,
            loss_clean=seen.face_loss_clean,
        )
        in_the_data = self._in_the_data(seen)
        return say("{first} {then}", first=in_the_data, then=on_noise) if in_the_data else on_noise

    def _in_the_data(self, seen: Traces) -> str:
        if seen.odd_loss_malicious is None or seen.odd_loss_clean is None:
            return ""
        return say(
            BY_HEART if seen.by_heart else IN_THE_DATA,
            ours=seen.odd_loss_malicious,
            clean=seen.odd_loss_clean,
            added=self.about.n_added,
            faces=self.about.n_train,
        )
