"""Four ways to make a classifier carry training faces off, and to read them back. Light to import: no torch.

Song, Ristenpart and Shmatikov (2017): whoever supplies the training code (COR, SGN), touches the finished
weights (LSB), or merely prepares the data (CAP) can hide a secret in a model that does its task as well as
ever.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, final

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Choice, Range, Step, knobs
from mlleak_core.data import SIDE as FULL_SIDE
from mlleak_core.data import UNKNOWN, Faces, Labels, Split
from mlleak_core.figures.look import BLUE, GREEN, ORANGE, PINK
from mlleak_core.language import mark, say
from mlleak_core.target.blackbox import Refused
from mlleak_core.threat import Attack
from mlleak_core.threats.likeness import SIDE, Floats, Pictures, repeated
from mlleak_core.threats.reconstruction import envelope
from mlleak_core.threats.reconstruction.codes import Bits, Code, Shield
from mlleak_core.threats.reconstruction.judge import Claim, View

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mlleak_core.target.settings import TrainSettings
    from mlleak_core.target.training import Target
    from mlleak_core.threats.reconstruction.card import ReconstructionSettings

Term = Callable[["torch.nn.Module"], "Tensor"]
"""What is added to the loss, from the weights alone."""
Inputs = NDArray[np.uint8]

ASKED_AT_ONCE = 2048
LIT, EMPTY = 4, 128
"""Few-pixels: so many white ones in a picture that is otherwise zero in the net's own units."""
MARKS = 64
"""COR: so many values of black and as many of white follow the faces."""
MOST_INPUTS = 65_536
"""CAP never adds more synthetic inputs than this: a training on more would take minutes."""
LEARNED = 0.1 / 16
"""CAP: bits that a weight learns in an epoch, roughly, of dense inputs: `benchmarks.reconstruction.curve`."""
FAMILIES = ("dense", "blocks", "few-pixels")
READ_UNTIL = mark("Read {done:,} of {total:,} answers, then: {problem}")


class Learn(Protocol):
    """The clean twin's own training, on these faces and rows; `regulariser`: one more term in the loss."""

    def __call__(self, faces: Faces, split: Split, **more: Term) -> Generator[Step, None, Target]: ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Hidden:
    """What is to be carried off: pictures [n, c, 32, 32], the bits they become (none for COR), the key."""

    pictures: Pictures
    bits: Bits
    key: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Workshop:
    """What whoever hides the faces can work with: the data, the training, and the clean twin that came of it.

    answers: a model file's logits on the test faces and on their mirror images, [2, outsiders, 2].
    """

    faces: Faces
    split: Split
    learn: Learn
    clean: Target
    answers: Callable[[Mapping[str, Tensor]], NDArray[np.float32]]


class Encoding(Attack):
    """Base of all encodings. Abstract: a subclass says how it is called, finds room, hides, trains and reads.

    call: its name where it is chosen. how: what was done, by whom, in the page's words, with *marks*. asks:
    it reads a service, not the weights. CODE: its own way to make a face bits.
    """

    call: ClassVar[str]
    how: ClassVar[str]
    asks: ClassVar[bool] = False
    CODE: ClassVar[str] = "pixels8"

    def room(self, weights: int) -> int:
        """Bits that a net of so many weights can hold at most, parity included."""
        raise NotImplementedError

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        """The bits to be written, `room` of them at most without parity."""
        raise NotImplementedError

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        """The malicious twin."""
        raise NotImplementedError

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Read the faces back."""
        raise NotImplementedError

    @property
    def shield(self) -> Shield:
        """Its error correction."""
        return Shield(0)

    def own_code(self, pixels: int, room: int) -> str:
        """Its own code for faces of so many pixel values in all."""
        return self.CODE

    def likely(self, weights: int, epochs: int) -> int:
        """Bits that the net will hold after so many epochs, by a rule of thumb."""
        return self.room(weights)

    def doubt(self, training: TrainSettings) -> str:
        """Why few bits may stick under this training, in words."""
        return ""

    def added(self, bits: int) -> int:
        """Inputs that join the training data for a secret of so many bits."""
        return 0

    def noise(self, count: int, key: str) -> Inputs:
        """Pictures of noise like those that it adds, for an investigator to try."""
        return synthetic_inputs("dense", count, key)

    def traces(self, bits: Bits, key: str) -> tuple[Inputs, Bits] | None:
        """Inputs and labels that it leaves in the training data, for whoever keeps it; None for none."""
        return None

    def by(self, queries: int) -> str:
        """How the faces were read, in a sentence."""
        if self.asks:
            return say("by asking it {queries:,} questions", queries=queries)
        return say("from its weights")


def configured(settings: ReconstructionSettings) -> Encoding:
    """The encoding of the settings with its knobs."""
    kind = type(CATALOGUE[settings.attack])
    return kind(**{knob.name: getattr(settings, knob.name) for knob in knobs(kind)})


def random_of(key: str, purpose: str) -> np.random.Generator:
    """The attacker's own dice, from his key."""
    return np.random.default_rng(list(hashlib.sha256(f"{purpose}:{key}".encode()).digest()))


def synthetic_inputs(family: str, count: int, key: str) -> Inputs:
    """`count` pictures [count, 3, 32, 32] such as no camera takes, known to whoever has the key.

    dense: every value black or full; blocks: the same in 4x4 pixels; few-pixels: four lit ones (the paper's
    idea, Song et al. 2017, section 4.4, "synthesized malicious data").
    """
    rng = random_of(key, family)
    if family == "few-pixels":
        x = np.full((count, 3, SIDE * SIDE), EMPTY, np.uint8)
        at = rng.random((count, SIDE * SIDE)).argpartition(LIT, axis=1)[:, :LIT]
        x[np.arange(count)[:, None], :, at] = 255
        return x.reshape(count, 3, SIDE, SIDE)
    size = {"dense": 1, "blocks": 4}[family]
    drawn = rng.integers(0, 256, (count, 3 * (SIDE // size) ** 2 // 8), dtype=np.uint8)
    small = np.unpackbits(drawn, axis=1) * np.uint8(255)
    return enlarge(small.reshape(count, 3, SIDE // size, SIDE // size), size)


def enlarge(pictures: Inputs, times: int) -> Inputs:
    """Every pixel of [n, c, h, w] repeated `times` times down and across."""
    n, c, h, w = pictures.shape
    blocks = np.broadcast_to(pictures[:, :, :, None, :, None], (n, c, h, times, w, times))
    return blocks.reshape(n, c, h * times, w * times)


def _in_faces(view: View, probabilities: Floats) -> Pictures:
    """Decode the bits read so far; what was not read is unknown."""
    known = np.full(view.faces * view.code.bits, 0.5)
    known[: len(probabilities)] = probabilities[: len(known)]
    return view.code.decode(known.reshape(view.faces, -1))


def _partly(found: int, faces: int) -> str:
    if found >= faces:
        return ""
    return say("Only {found} of {faces} faces found room.", found=found, faces=faces)


Parity = Annotated[
    int,
    Range(0, 128, 2, mark("Reed-Solomon parity bytes in each block of 255; 0 means no error correction.")),
]
Strength = Annotated[float, Range(0.0, 1000.0, 0.1, mark("Weight of the regulariser; 0 means the paper's."))]


@final
@dataclass(frozen=True)
class CapacityAbuse(Encoding):
    """CAP, black box: synthetic inputs join the training data; their labels spell the secret.

    Idea: a net has room to learn arbitrary labels beside its task (section 4.4 of Song et al. 2017). Nothing
    but the data preparation is touched: `poison` returns faces and a split, and `fit` is called as ever.
    Guarantees: log2(2) = 1 bit a query; exact where the net fits the inputs. parity: see `codes.Shield`.
    """

    slug: ClassVar[str] = "cap"
    title: ClassVar[str] = mark("Capacity abuse (CAP)")
    why: ClassVar[str] = mark("asks for the labels of synthetic inputs, which the net has learned by heart")
    colour: ClassVar[str] = ORANGE
    call: ClassVar[str] = mark("CAP: synthetic inputs in the data")
    how: ClassVar[str] = mark(
        "Whoever *prepared the data* added synthetic inputs: pictures of noise, whose labels spell the "
        "faces. Training code is the Train page's own, the settings are the clean twin's. "
        "Anyone who knows the noise can ask the finished service for the faces, one bit a question."
    )
    asks: ClassVar[bool] = True
    CODE: ClassVar[str] = "pca"
    inputs: Annotated[
        str, Choice(FAMILIES, mark("What the synthetic inputs look like; few-pixels is the paper's."))
    ] = "dense"
    parity: Parity = 0

    @property
    def shield(self) -> Shield:
        return Shield(self.parity)

    def room(self, weights: int) -> int:
        return min(MOST_INPUTS, weights)

    def likely(self, weights: int, epochs: int) -> int:
        return min(self.room(weights), round(LEARNED * weights * epochs))

    def doubt(self, training: TrainSettings) -> str:
        if not (training.augment or training.dropout or self.inputs == "few-pixels"):
            return ""
        return say(
            "Augmentation changes every synthetic input each time it is seen, and few lit pixels look much "
            "alike: expect few bits to stick."
        )

    def added(self, bits: int) -> int:
        return self.shield.added(bits)

    def noise(self, count: int, key: str) -> Inputs:
        return synthetic_inputs(self.inputs, count, key)

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        return code.encode(pictures).ravel()[: self.shield.carried(len(pictures) * code.bits, room)]

    def poison(self, faces: Faces, split: Split, bits: Bits, key: str) -> tuple[Faces, Split]:
        """The data set with one synthetic input a bit [N] appended to the training rows."""
        coded = self.shield.protect(bits)
        pictures = enlarge(self.noise(len(coded), key), FULL_SIDE // SIDE)
        unknown, nobody = np.full(len(coded), UNKNOWN, np.int8), np.full(len(coded), len(faces.people))
        more = dataclasses.replace(
            faces,
            images=np.concatenate([faces.images, pictures.transpose(0, 2, 3, 1)]),
            person=np.concatenate([faces.person, nobody]),
            people=(*faces.people, "synthetic input"),
            task=_longer(faces.task, coded.astype(np.int8)),
            attributes=tuple(_longer(labels, unknown) for labels in faces.attributes),
        )
        extra = np.arange(len(faces), len(more))
        return more, Split(np.concatenate([split.members, extra]), split.outsiders, split.public)

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        return (yield from shop.learn(*self.poison(shop.faces, shop.split, hidden.bits, hidden.key)))

    def traces(self, bits: Bits, key: str) -> tuple[Inputs, Bits] | None:
        coded = self.shield.protect(bits)
        return (self.noise(len(coded), key), coded) if len(bits) else None

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Ask every synthetic input. A service that refuses half-way leaves what was read until then."""
        assert view.box is not None
        total = self.added(view.bits)
        inputs = self.noise(total, view.key)
        said, note, before = np.full(total, 0.5), "", view.box.queries
        at_once = min(ASKED_AT_ONCE, getattr(view.box, "batch", ASKED_AT_ONCE))
        for start in range(0, total, at_once):
            part = slice(start, min(start + at_once, total))
            try:
                said[part] = view.box.ask(inputs[part])[:, 1]
            except Refused as refused:
                note = say(READ_UNTIL, done=start, total=total, problem=str(refused))
                break
            yield Step(part.stop, total, say("asking synthetic inputs"))
        found = self.shield.recover(said, view.bits)
        queries = view.box.queries - before
        return Claim(pictures=_in_faces(view, found), probabilities=found, queries=queries, note=note)


def _longer(labels: Labels, codes: NDArray[np.int8]) -> Labels:
    return dataclasses.replace(labels, codes=np.concatenate([labels.codes, codes]))


@final
@dataclass(frozen=True)
class CorrelatedValues(Encoding):
    """COR, white box: a term in the loss makes the weights correlate with the pixels.

    loss += -strength * |rho(theta, pixels)| (Song et al. 2017, section 4.2). MARKS values of black and as
    many of white follow the faces, so that sign, shift and scale of the weights are known when they are
    stretched back to pixels.
    """

    slug: ClassVar[str] = "cor"
    title: ClassVar[str] = mark("Correlated values (COR)")
    why: ClassVar[str] = mark("reads weights that were made to follow the pixels")
    colour: ClassVar[str] = BLUE
    call: ClassVar[str] = mark("COR: weights follow pixels")
    how: ClassVar[str] = mark(
        "Whoever *wrote the training code* added a term to the loss that makes the weights follow the "
        "pixels. Who holds the file reads them off."
    )
    PAPER: ClassVar[float] = 1.0
    strength: Strength = 0.0

    def room(self, weights: int) -> int:
        return 8 * weights

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        """None: pixels become weights as they are."""
        return np.zeros(0, np.uint8)

    @staticmethod
    def fitting(weights: int, size: int) -> int:
        """How many faces of so many values find room."""
        return max(0, weights - 2 * MARKS) // size

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        from mlleak_core.threats.reconstruction.carriers import carried

        weights = len(carried(shop.clean.states[max(shop.clean.states)]))
        fit = self.fitting(weights, hidden.pictures[0].size)
        pixels = hidden.pictures[:fit].ravel().astype(float)
        return (yield from shop.learn(shop.faces, shop.split, regulariser=self.regulariser(pixels)))

    def regulariser(self, pixels: Floats) -> Term:
        """The term for a secret of pixels [m]."""
        import torch

        from mlleak_core.threats.reconstruction.carriers import first_of

        values = np.concatenate([pixels, np.zeros(MARKS), np.full(MARKS, 255.0)])
        secret = torch.tensor(values - values.mean(), dtype=torch.float32)
        secret = secret / secret.norm().clamp_min(1e-9)
        strength = self.strength or self.PAPER

        def term(net: torch.nn.Module) -> Tensor:
            theta = first_of(net, len(secret))
            theta = theta - theta.mean()
            return -strength * (theta @ secret).abs() / (theta.norm() + 1e-9)

        return term

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Stretch weights to pixels."""
        assert view.weights is not None
        yield Step(0, 1, say("reading weights"))
        size = view.average.size
        fit = min(view.faces, self.fitting(len(view.weights), size))
        theta = view.weights[: fit * size + 2 * MARKS].astype(np.float64)
        black, white = theta[fit * size :].reshape(2, MARKS).mean(1)
        values = (theta[: fit * size] - black) / (white - black or 1.0) * 255
        pictures = repeated(view.average, view.faces)
        pictures[:fit] = np.clip(values, 0, 255).reshape(fit, *view.average.shape)
        return Claim(pictures=pictures, probabilities=np.empty(0), note=_partly(fit, view.faces))


@final
@dataclass(frozen=True)
class SignEncoding(Encoding):
    """SGN, white box: a term in the loss pushes each weight to the side of zero that its bit names.

    loss += strength * mean(max(0, -theta_i * s_i)), s in -1, 1 (Song et al. 2017, section 4.3). Decoded by
    the signs; a weight of exactly zero (pruned) tells nothing.
    """

    slug: ClassVar[str] = "sgn"
    title: ClassVar[str] = mark("Sign encoding (SGN)")
    why: ClassVar[str] = mark("reads the signs of weights, each pushed to one side of zero")
    colour: ClassVar[str] = GREEN
    call: ClassVar[str] = mark("SGN: signs of the weights")
    how: ClassVar[str] = mark(
        "Whoever *wrote the training code* added a term to the loss that pushes each weight to one side of "
        "zero: plus is 1, minus is 0."
    )
    PAPER: ClassVar[float] = 50.0
    strength: Strength = 0.0
    parity: Parity = 0

    @property
    def shield(self) -> Shield:
        return Shield(self.parity)

    def own_code(self, pixels: int, room: int) -> str:
        """As many bits a pixel as find room, the paper's 8 if they do; where not one does, a transform."""
        depths = (d for d in range(8, 0, -1) if self.shield.added(d * pixels) <= room)
        depth = next(depths, 0)
        return f"pixels{depth}" if depth else "pca"

    def room(self, weights: int) -> int:
        return weights

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        return code.encode(pictures).ravel()[: self.shield.carried(len(pictures) * code.bits, room)]

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        return (yield from shop.learn(shop.faces, shop.split, regulariser=self.regulariser(hidden.bits)))

    def regulariser(self, bits: Bits) -> Term:
        """The term for a secret of bits [N], one a weight."""
        import torch

        from mlleak_core.threats.reconstruction.carriers import first_of

        signs = torch.from_numpy(self.shield.protect(bits).astype(np.float32) * 2 - 1)
        strength = self.strength or self.PAPER

        def term(net: torch.nn.Module) -> Tensor:
            theta = first_of(net, len(signs))
            return strength * torch.relu(-theta * signs).mean()

        return term

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Read signs."""
        assert view.weights is not None
        yield Step(0, 1, say("reading signs"))
        said = 0.5 + 0.4999 * np.sign(view.weights[: self.shield.added(view.bits)])
        found = self.shield.recover(said, view.bits)
        return Claim(pictures=_in_faces(view, found), probabilities=found)


@final
@dataclass(frozen=True)
class LeastSignificantBits(Encoding):
    """LSB, white box, after training: the lowest bits of the weights hold the compressed, encrypted faces.

    Section 4.1 of Song et al. 2017. Compression: lossless WebP; encryption: AES-SIV (RFC 5297), which also
    notices any change. Guarantees: exact with the right key and untouched weights, otherwise nothing.
    """

    slug: ClassVar[str] = "lsb"
    title: ClassVar[str] = mark("Least significant bits (LSB)")
    why: ClassVar[str] = mark("collects the lowest bits of the weights and opens them with a key")
    colour: ClassVar[str] = PINK
    call: ClassVar[str] = mark("LSB: lowest bits")
    how: ClassVar[str] = mark(
        "Whoever *handed over the file* put the faces, compressed and encrypted, into the last binary digit "
        "of each weight. No answer of the model changes."
    )
    low_bits: Annotated[
        int, Range(1, 22, 1, mark("How many of the 32 bits of each weight are overwritten."))
    ] = 1

    def room(self, weights: int) -> int:
        return self.low_bits * weights

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        """The envelope's bits, with as many faces in it as find room. Raises BadInput where none does."""
        for count in range(len(pictures), 0, -1):
            bits = np.unpackbits(np.frombuffer(envelope.seal(pictures[:count], key), np.uint8))
            if len(bits) <= room:
                return bits
        got = say("{room:,} bits", room=room)
        raise BadInput(say("room for one face"), got, say("Use a larger net or more low bits."))

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        """No training: the clean twin's finished weights are touched."""
        yield Step(0, 1, say("writing lowest bits"))
        last = max(shop.clean.states)
        state = self.write(shop.clean.states[last], hidden.bits)
        plain, mirrored = shop.answers(state)
        states: Any = {**shop.clean.states, last: state}
        return dataclasses.replace(shop.clean, states=states, test_logits=plain, mirrored_logits=mirrored)

    def write(self, state: Mapping[str, Tensor], bits: Bits) -> dict[str, Tensor]:
        """The model with `bits` in its lowest bits."""
        from mlleak_core.threats.reconstruction.carriers import carried, with_weights

        words = carried(state).view(np.uint32)
        padded = np.zeros(-(-len(bits) // self.low_bits) * self.low_bits, np.uint32)
        padded[: len(bits)] = bits
        places = 1 << np.arange(self.low_bits - 1, -1, -1, dtype=np.uint32)
        values = padded.reshape(-1, self.low_bits) @ places
        kept = words[: len(values)] >> self.low_bits << self.low_bits
        words[: len(values)] = kept | values.astype(np.uint32)
        return with_weights(state, words.view(np.float32))

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Collect the bits, decrypt, decompress."""
        assert view.weights is not None
        yield Step(0, 1, say("collecting lowest bits"))
        words = view.weights.view(np.uint32) & np.uint32(2**self.low_bits - 1)
        places = np.arange(self.low_bits - 1, -1, -1, dtype=np.uint32)
        bits = ((words[:, None] >> places) & 1).astype(np.uint8).ravel()
        data = np.packbits(bits[: len(bits) // 8 * 8]).tobytes()
        pictures = repeated(view.average, view.faces)
        try:
            opened = envelope.unseal(data, view.key, view.average.shape[0])
            pictures[: len(opened)] = opened[: view.faces]
            note = _partly(len(opened), view.faces)
        except BadInput as problem:
            note = str(problem)
        said = bits[: view.bits].astype(np.float64)
        return Claim(pictures=pictures, probabilities=said, note=note)


CATALOGUE: dict[str, Encoding] = {
    e.slug: e for e in (CapacityAbuse(), CorrelatedValues(), SignEncoding(), LeastSignificantBits())
}
"""slug -> encoding with its usual knobs."""
