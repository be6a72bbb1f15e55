"""What an owner could have noticed: in the weights, in the scan, in the answers. Light: no torch."""

from __future__ import annotations

from mlleak_core.threats.reconstruction.facts import Facts, Traces, known


class Noticed(Facts):
    """The traces in words."""

    def in_the_weights(self) -> tuple[str, ...]:
        """What the file shows, part by part."""
        seen = known(self.about.traces)
        return (
            f"Kolmogorov–Smirnov distance {seen.weights_ks:.2f}",
            f"spread {seen.weights_std:.3f} against {seen.weights_std_clean:.3f}",
            f"lowest byte {seen.low_byte_entropy:.3f} bits of entropy against "
            f"{seen.low_byte_entropy_clean:.3f}; "
            "noise has 8",
        )

    def in_the_scan(self) -> tuple[str, ...]:
        """What the correlation scan shows, part by part."""
        seen = known(self.about.traces)
        return (
            f"largest |ρ| {seen.scan:.2f} against {seen.scan_clean:.2f} in the clean twin",
            f"{seen.windows} stretches",
        )

    def when_asked(self) -> str:
        """What the owner would see who asks both twins and keeps the training data."""
        seen = known(self.about.traces)
        sure = f"{seen.fresh_confidence_malicious:.0%} and {seen.fresh_confidence_clean:.0%}"
        losses = f"{seen.face_loss_malicious:.3f} and {seen.face_loss_clean:.3f}"
        return (
            f"{self._in_the_data(seen)}On noise that neither has seen, the twins are {sure} sure on average; "
            f"on training faces their loss is {losses}."
        )

    def _in_the_data(self, seen: Traces) -> str:
        if seen.odd_loss_malicious is None or seen.odd_loss_clean is None:
            return ""
        return (
            f"On the synthetic inputs the malicious twin's loss is {seen.odd_loss_malicious:.3f}, the clean "
            f"twin's {seen.odd_loss_clean:.2f} (a coin's is 0.69): whoever looks into the training data "
            f"finds {self.about.n_added:,} pictures of noise among {self.about.n_train:,} faces"
            f"{', learned by heart' if seen.by_heart else ''}. "
        )
