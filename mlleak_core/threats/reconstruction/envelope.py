"""Faces in a sealed envelope: compressed without loss, then encrypted; opens unchanged only, with its key."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from PIL import Image

from mlleak_core.contract import BadInput
from mlleak_core.language import say
from mlleak_core.threats.likeness import SIDE, Pictures

HEAD = 4
"""Bytes that tell the length, masked so that they look like any others."""


def seal(pictures: Pictures, key: str) -> bytes:
    """Pictures [n, c, 32, 32] as lossless WebP under AES-SIV (RFC 5297), length first; deterministic."""
    sealed = _cipher(key).encrypt(_pack(pictures), None)
    return _masked(len(sealed).to_bytes(HEAD, "big"), key) + sealed


def unseal(data: bytes, key: str, channels: int) -> Pictures:
    """The pictures again; `data` may go on behind them. Raises BadInput when nothing opens."""
    length = int.from_bytes(_masked(data[:HEAD], key), "big")
    try:
        return _unpack(_cipher(key).decrypt(data[HEAD : HEAD + length], None), channels)
    except (InvalidTag, ValueError, OSError) as error:
        raise BadInput(
            say("weights that open with this key"),
            say("noise"),
            say("It is the wrong key, or the weights were changed since, or nothing is in there."),
        ) from error


def _cipher(key: str) -> AESSIV:
    return AESSIV(Scrypt(salt=b"mlleak lsb", length=64, n=2**12, r=8, p=1).derive(key.encode()))


def _masked(sent: bytes, key: str) -> bytes:
    mask = hashlib.sha256(b"length" + key.encode()).digest()
    return bytes(a ^ b for a, b in zip(sent, mask, strict=False))


def _pack(pictures: Pictures) -> bytes:
    values = np.clip(np.round(pictures), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    column = values.reshape(-1, SIDE, values.shape[-1])
    tall = np.broadcast_to(column, (len(values) * SIDE, SIDE, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(tall)).save(buffer, "WEBP", lossless=True, quality=100)
    return buffer.getvalue()


def _unpack(data: bytes, channels: int) -> Pictures:
    picture = Image.open(io.BytesIO(data), formats=["WEBP"]).convert("RGB")
    tall = np.asarray(picture, np.float32)
    return tall.reshape(-1, SIDE, SIDE, 3)[..., :channels].transpose(0, 3, 1, 2)
