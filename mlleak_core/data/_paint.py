"""The painter of synthetic faces: parameters in, pixels out. Soft-edged shapes, back to front, one face at a
time.

Coordinates: x to the right, y down, the head about one unit high around the origin.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from mlleak_core.disk import compiled_home

FIELDS = (
    "scale shift_x shift_y tilt yaw light_x light_y light_amount blur "
    "head_w head_h jaw chin ear "
    "skin_r skin_g skin_b lip_r lip_g lip_b "
    "eye_y eye_gap eye_w eye_h iris_r iris_g iris_b lid "
    "brow_y brow_thick brow_arch nose_len nose_w mouth_y mouth_w lip_full smile "
    "hair_r hair_g hair_b hair_len hair_vol hairline part wave curl fringe "
    "beard lines glasses frame_r frame_g frame_b frame_round "
    "hat hat_r hat_g hat_b hat_kind back_r back_g back_b back2 cloth_r cloth_g cloth_b collar"
).split()
AT = {name: i for i, name in enumerate(FIELDS)}
for _name, _i in AT.items():
    globals()["P_" + _name.upper()] = _i

numba.config.CACHE_DIR = str(compiled_home())
_fast = numba.njit(cache=True, fastmath=True, nogil=True)


@_fast
def _edge(d, soft):
    """Coverage of a pixel at signed distance d (inside negative)."""
    t = 0.5 - d / soft
    if t <= 0.0:
        return 0.0
    if t >= 1.0:
        return 1.0
    return t * t * (3.0 - 2.0 * t)


@_fast
def _ellipse(x, y, a, b):
    k = math.sqrt((x / a) ** 2 + (y / b) ** 2)
    return (k - 1.0) * min(a, b)


@_fast
def _mix(c, r, g, b, t):
    c[0] += (r - c[0]) * t
    c[1] += (g - c[1]) * t
    c[2] += (b - c[2]) * t


@_fast
def _bump(v):
    """A soft bell, 1 at 0 and 0 beyond 1."""
    v = abs(v)
    if v >= 1.0:
        return 0.0
    u = 1.0 - v * v
    return u * u


@_fast
def _width(y, p_w, p_h, jaw, chin):
    """Half width of the head at height y: round above, tapering through the jaw to the chin."""
    if y < 0.0:
        t = y / p_h
        return p_w * math.sqrt(max(0.0, 1.0 - t * t))
    t = y / (p_h * 1.12)
    if t >= 1.0:
        return 0.0
    round_part = math.sqrt(1.0 - t**2.6)
    return p_w * round_part * (1.0 - (1.0 - jaw) * t * t) * (1.0 + chin * t * (1.0 - t))


@numba.njit(cache=True, fastmath=True, nogil=True)
def paint(params, out):  # noqa: PLR0915  one picture, painted in order
    """Paint each row of params [n, len(FIELDS)] into out [n, side, side, 3] uint8."""
    n, side = out.shape[0], out.shape[1]
    c = np.zeros(3)
    for i in range(n):
        p = params[i]
        soft = 2.0 / side / p[P_SCALE] * 1.25 * p[P_BLUR]
        ct, st = math.cos(p[P_TILT]), math.sin(p[P_TILT])
        sr, sg, sb = p[P_SKIN_R], p[P_SKIN_G], p[P_SKIN_B]
        hr, hg, hb = p[P_HAIR_R], p[P_HAIR_G], p[P_HAIR_B]
        w, h, yaw = p[P_HEAD_W], p[P_HEAD_H], p[P_YAW]
        luma = 0.3 * sr + 0.59 * sg + 0.11 * sb
        ink = 0.30 * luma / 255.0 + 0.05  # lines are drawn in the skin's own dark
        for row in range(side):
            for col in range(side):
                u = (col + 0.5) / side * 2.0 - 1.0
                v = (row + 0.5) / side * 2.0 - 1.0
                # background: one muted colour, lighter towards the light
                glow = 1.0 + p[P_BACK2] * (-0.5 * v + 0.35 * u * p[P_LIGHT_X])
                c[0], c[1], c[2] = p[P_BACK_R] * glow, p[P_BACK_G] * glow, p[P_BACK_B] * glow
                x0 = (u - p[P_SHIFT_X]) / p[P_SCALE]
                y0 = (v - p[P_SHIFT_Y]) / p[P_SCALE]
                x = ct * x0 + st * y0
                y = -st * x0 + ct * y0
                strand = 1.0 + 0.025 * math.sin(x * 46.0 + 3.0 * math.sin(y * 9.0 + p[P_PART] * 5.0))
                wave = p[P_WAVE] * math.sin(y * 11.0 + (1.0 if x > 0 else 2.1)) * 0.02
                # hair behind the head
                if p[P_HAIR_LEN] > 0.02 and p[P_HAT] < 3.0:
                    hw = w * (1.10 + 0.20 * p[P_HAIR_VOL]) + wave
                    bottom = -0.05 + p[P_HAIR_LEN] * 1.05
                    if y < 0.0:
                        d = _ellipse(x, y + 0.05, hw, h * (1.06 + 0.12 * p[P_HAIR_VOL]))
                    else:
                        narrow = hw * (1.0 + 0.10 * p[P_HAIR_LEN] * math.sin(min(y, 1.2) * 2.2))
                        dx, dy = abs(x) - narrow + 0.10, y - bottom + 0.10
                        d = min(max(dx, dy), 0.0) + math.sqrt(max(dx, 0.0) ** 2 + max(dy, 0.0) ** 2) - 0.10
                    shade = (0.66 + 0.10 * p[P_LIGHT_X] * x / w) * strand
                    _mix(c, hr * shade, hg * shade, hb * shade, _edge(d, soft))
                # shoulders and neck
                neck_w = w * (0.40 + 0.12 * p[P_JAW])
                ys = 0.86 + 0.36 * (abs(x0) / 0.9) ** 2.2
                d = max(ys - y0, abs(x0) - 1.25)
                fold = 1.0 - 0.10 * _bump((abs(x0) - 0.55) / 0.3) + 0.08 * p[P_LIGHT_X] * x0
                _mix(c, p[P_CLOTH_R] * fold, p[P_CLOTH_G] * fold, p[P_CLOTH_B] * fold, _edge(d, soft * 1.5))
                collar = max(
                    abs(x0)
                    - neck_w
                    - (0.12 + 0.10 * p[P_COLLAR])
                    * max(0.0, 1.0 - max(0.0, y0 - 0.80) * (3.4 - 1.4 * p[P_COLLAR])),
                    0.45 - y0,
                )
                collar = max(collar, _ellipse(x0, y0 - 0.72, neck_w * 1.35, 0.26 + 0.16 * p[P_COLLAR]))
                d = min(max(abs(x0) - neck_w, 0.2 - y0, y0 - 0.92), collar)
                under = (
                    0.80 + 0.12 * min(1.0, max(0.0, (y0 - 0.62) / 0.3)) + 0.06 * p[P_LIGHT_X] * x0 / neck_w
                )
                _mix(c, sr * under, sg * under * 0.985, sb * under * 0.97, _edge(d, soft * 1.3))
                # ears
                for s in (-1.0, 1.0):
                    ex = x - s * (w * 0.985) + yaw * 0.05
                    d = _ellipse(ex, y - 0.06, 0.075 * p[P_EAR], 0.135 * p[P_EAR])
                    e = _edge(d, soft)
                    if e > 0.0:
                        t = 0.90 - 0.12 * _bump(d / 0.05 + 0.9)
                        _mix(c, sr * t * 1.02, sg * t * 0.97, sb * t * 0.96, e)
                # head
                half = _width(y, w, h, p[P_JAW], p[P_CHIN])
                vertical = max(-h - y, y - h * 1.12)
                d = max(abs(x) - half, vertical)
                if half > 0.0 and half < w * 0.75:
                    d *= 0.55 + 0.45 * half / (w * 0.75)
                skin = _edge(d, soft * 1.15)
                if skin > 0.0:
                    nx = (x - 0.10 * yaw) / (w * 1.06)
                    ny = y / (h * 1.18)
                    nz = math.sqrt(max(0.05, 1.0 - nx * nx - ny * ny))
                    lit = nx * p[P_LIGHT_X] * 0.6 + ny * p[P_LIGHT_Y] * 0.5 + nz * 0.75
                    tone = 0.80 + p[P_LIGHT_AMOUNT] * (lit - 0.35)
                    # form: cheeks, sockets, sides of the nose, under the lip
                    fx = x - yaw * 0.16
                    for s in (-1.0, 1.0):
                        cheek = _bump((fx - s * w * 0.55) / 0.24) * _bump(
                            (y - 0.26 + 0.03 * p[P_SMILE]) / 0.20
                        )
                        tone += cheek * (0.03 + 0.035 * p[P_SMILE])
                        socket = _bump((fx - s * p[P_EYE_GAP]) / 0.21) * _bump((y - p[P_EYE_Y] + 0.05) / 0.13)
                        tone -= 0.06 * socket
                        fold_x = fx - s * (0.17 + 0.45 * (y - 0.28))
                        fold_a = _bump(fold_x / 0.035) * _bump((y - 0.38) / 0.15)
                        tone -= fold_a * (0.12 * p[P_LINES] + 0.05 * p[P_SMILE])
                    tone += 0.09 * _bump(fx / 0.06) * _bump((y - 0.10) / 0.26)
                    side_n = fx + 0.09 * (1.0 if p[P_LIGHT_X] > 0 else -1.0)
                    tone -= 0.07 * _bump(side_n / 0.07) * _bump((y - 0.14) / 0.24)
                    tone -= 0.07 * _bump(fx / 0.17) * _bump((y - p[P_MOUTH_Y] - 0.135) / 0.055)
                    tone += 0.03 * _bump(fx / 0.20) * _bump((y + 0.45) / 0.25)
                    if p[P_LINES] > 0.0:
                        for k in range(2):
                            line = _bump((y + 0.40 + 0.10 * k + 0.03 * math.cos(fx * 4.0)) / 0.028) * _bump(
                                fx / 0.32
                            )
                            tone -= 0.06 * p[P_LINES] * line
                        for s in (-1.0, 1.0):
                            bag = _bump((fx - s * p[P_EYE_GAP]) / 0.14) * _bump(
                                (y - p[P_EYE_Y] - 0.11) / 0.03
                            )
                            tone -= 0.07 * p[P_LINES] * bag
                    warm = 1.0 + 0.05 * (tone - 0.9)
                    _mix(c, sr * tone * warm, sg * tone, sb * tone * (2.0 - warm) ** 0.5, skin)
                    blush = 0.0
                    for s in (-1.0, 1.0):
                        blush += _bump((fx - s * w * 0.58) / 0.22) * _bump((y - 0.30) / 0.17)
                    _mix(c, p[P_LIP_R], p[P_LIP_G], p[P_LIP_B], 0.12 * blush * skin)
                    # beard: a soft shade of the hair colour along the jaw and the upper lip
                    if p[P_BEARD] > 0.0:
                        jawline = min(1.0, max(0.0, (y - 0.22) / 0.18)) * min(
                            1.0, max(0.0, (abs(fx) - 0.13 + (y - 0.50) * 1.4) / 0.12)
                        )
                        lip_top = _bump((y - p[P_MOUTH_Y] + 0.075) / 0.05) * _bump(fx / 0.22)
                        shade = max(jawline, 0.9 * lip_top)
                        _mix(c, hr * 0.8, hg * 0.8, hb * 0.8, shade * p[P_BEARD] * skin)
                    # nose: wings and nostrils
                    ny0 = 0.06 + p[P_NOSE_LEN]
                    under_n = _bump((y - ny0 - 0.022) / 0.035) * _bump(fx / (p[P_NOSE_W] * 1.25))
                    _mix(c, sr * 0.60, sg * 0.55, sb * 0.54, 0.55 * under_n)
                    for s in (-1.0, 1.0):
                        d = _ellipse(fx - s * p[P_NOSE_W] * 0.55, y - ny0 - 0.012, 0.030, 0.018)
                        _mix(c, sr * 0.42, sg * 0.36, sb * 0.36, 0.75 * _edge(d, soft * 1.4))
                    _mix(
                        c,
                        min(255.0, sr * 1.12 + 10.0),
                        min(255.0, sg * 1.10 + 8.0),
                        min(255.0, sb * 1.08 + 6.0),
                        0.42 * _bump((fx - 0.02 * p[P_LIGHT_X]) / 0.055) * _bump((y - ny0 + 0.045) / 0.07),
                    )
                    # mouth
                    my = p[P_MOUTH_Y]
                    mw = p[P_MOUTH_W] * (1.0 + 0.20 * p[P_SMILE])
                    mx = fx / mw
                    if abs(mx) < 1.15:
                        curve = my - (0.010 + 0.080 * p[P_SMILE]) * (mx * mx - 0.35)
                        taper = max(0.0, 1.0 - mx * mx)
                        up = p[P_LIP_FULL] * 0.75 * taper**0.8 * (1.0 - 0.22 * _bump(mx / 0.28))
                        lo = p[P_LIP_FULL] * taper**0.7
                        d = max(curve - up - y, y - curve - lo)
                        t = 0.90 if y < curve else 1.06
                        _mix(
                            c,
                            p[P_LIP_R] * t,
                            p[P_LIP_G] * t,
                            p[P_LIP_B] * t,
                            0.88 * _edge(d, soft * 1.1) * min(1.0, taper * 4.0),
                        )
                        line = _edge(abs(y - curve) - 0.008, soft * 1.1) * min(
                            1.0, max(0.0, (1.05 - abs(mx)) * 8.0)
                        )
                        _mix(
                            c,
                            p[P_LIP_R] * ink * 1.5,
                            p[P_LIP_G] * ink * 1.2,
                            p[P_LIP_B] * ink * 1.2,
                            0.75 * line,
                        )
                        _mix(
                            c,
                            min(255.0, p[P_LIP_R] * 1.2 + 18.0),
                            min(255.0, p[P_LIP_G] * 1.2 + 14.0),
                            min(255.0, p[P_LIP_B] * 1.2 + 14.0),
                            0.30 * _bump(mx / 0.45) * _bump((y - curve - 0.55 * p[P_LIP_FULL]) / 0.02),
                        )
                    # eyes and brows
                    for s in (-1.0, 1.0):
                        ex = fx - s * p[P_EYE_GAP]
                        ey = y - p[P_EYE_Y]
                        if abs(ex) < 0.24 and abs(ey) < 0.16:
                            q = min(1.0, (ex / p[P_EYE_W]) ** 2)
                            open_up = p[P_EYE_H] * (1.0 - q) ** 0.75
                            open_lo = p[P_EYE_H] * (0.72 - 0.12 * p[P_SMILE]) * (1.0 - q) ** 0.9
                            d = max(-open_up - ey, ey - open_lo, abs(ex) - p[P_EYE_W])
                            eye = _edge(d, soft)
                            if eye > 0.0:
                                _mix(c, 236.0 - 14.0 * _bump((ey + open_up) / 0.05), 230.0, 224.0, eye)
                                gaze = ex - yaw * 0.02
                                di = math.sqrt(gaze * gaze + (ey + 0.004) ** 2)
                                r = p[P_EYE_H] * 1.02
                                _mix(c, p[P_IRIS_R], p[P_IRIS_G], p[P_IRIS_B], eye * _edge(di - r, soft))
                                _mix(c, 18.0, 14.0, 14.0, eye * _edge(di - r * 0.50, soft))
                                dh = math.sqrt((gaze - 0.018 * p[P_LIGHT_X]) ** 2 + (ey + 0.022) ** 2)
                                _mix(c, 250.0, 248.0, 244.0, 0.85 * eye * _edge(dh - 0.013, soft))
                            lid = _edge(abs(ey + open_up + 0.004) - 0.011 * p[P_LID], soft) * (
                                1.0 if abs(ex) < p[P_EYE_W] * 1.06 else 0.0
                            )
                            _mix(c, sr * ink, sg * ink * 0.8, sb * ink * 0.8, 0.92 * lid)
                            crease = _bump((ey + open_up + 0.048) / 0.018) * _bump(ex / (p[P_EYE_W] * 1.1))
                            _mix(c, sr * 0.55, sg * 0.50, sb * 0.50, 0.40 * crease)
                            lower = _bump((ey - open_lo - 0.004) / 0.016) * _bump(ex / (p[P_EYE_W] * 1.15))
                            _mix(c, sr * 0.5, sg * 0.42, sb * 0.42, 0.35 * lower)
                        bx = ex * s
                        if abs(bx) < 0.22:
                            arc = (
                                p[P_BROW_Y] + p[P_EYE_Y] - p[P_BROW_ARCH] * (1.0 - ((bx + 0.015) / 0.19) ** 2)
                            )
                            thick = p[P_BROW_THICK] * (
                                0.85 if bx < 0.03 else max(0.25, 0.85 - (bx - 0.03) * 4.0)
                            )
                            d = max(abs(y - arc) - thick, abs(bx) - 0.18)
                            _mix(
                                c,
                                hr * 0.62 * (0.4 + 0.6 * min(1.0, ink * 3.2)),
                                hg * 0.60 * (0.4 + 0.6 * min(1.0, ink * 3.2)),
                                hb * 0.60 * (0.4 + 0.6 * min(1.0, ink * 3.2)),
                                0.85 * _edge(d, soft * 1.5),
                            )
                # hair in front: a cap that follows the skull, ending at the hairline
                if p[P_HAT] < 0.5 or y > -0.30:
                    vol = p[P_HAIR_VOL]
                    lump = p[P_CURL] * 0.018 * (math.sin(x * 23.0 + y * 7.0) + math.sin(y * 21.0 - x * 9.0))
                    cap = _ellipse(x, y + 0.05, w * (1.05 + 0.16 * vol), h * (1.05 + 0.16 * vol)) + lump
                    fxh = x - yaw * 0.06 - p[P_PART] * 0.17
                    line_y = (
                        -p[P_HAIRLINE] * h
                        + 0.08 * p[P_FRINGE] * math.cos(x * 5.0 + p[P_PART] * 2.0)
                        + (0.52 - 0.26 * p[P_FRINGE]) * (abs(fxh) / w) ** 2.8
                    )
                    reach = 0.02 + 0.10 * p[P_EAR] + (0.9 * p[P_HAIR_LEN] if p[P_HAIR_LEN] > 0.30 else 0.0)
                    d_line = y - line_y + lump
                    side_in = w * (0.90 - 0.05 * p[P_HAIR_LEN]) + 0.02 * math.sin(y * 6.0) + wave
                    if y > line_y:
                        d_line = side_in - abs(x)
                    d_line = max(d_line, y - reach)
                    d = (
                        max(cap, d_line)
                        if y < 0.55 * h
                        else max(abs(x) - w * (1.1 + 0.12 * vol), d_line, cap - 0.25)
                    )
                    cover = _edge(d, soft * 1.25)
                    if cover > 0.0:
                        shine = (
                            _bump((y + 0.62 * h - 0.14 * x * p[P_LIGHT_X]) / 0.26)
                            * 0.20
                            * (1.0 - 0.5 * p[P_CURL])
                        )
                        shade = (0.86 + 0.12 * p[P_LIGHT_X] * x / w + shine) * strand
                        grain = (
                            p[P_CURL]
                            * 0.07
                            * math.sin(x * 51.0 + 4.0 * math.sin(y * 31.0))
                            * math.sin(y * 47.0)
                        )
                        shade += grain
                        _mix(
                            c,
                            hr * shade + 22.0 * shine,
                            hg * shade + 20.0 * shine,
                            hb * shade + 18.0 * shine,
                            cover,
                        )
                # glasses
                if p[P_GLASSES] > 0.5:
                    fx = x - yaw * 0.16
                    for s in (-1.0, 1.0):
                        gx, gy = fx - s * p[P_EYE_GAP], y - p[P_EYE_Y] - 0.015
                        if p[P_FRAME_ROUND] > 0.5:
                            d = _ellipse(gx, gy, 0.185, 0.150)
                        else:
                            dx, dy = abs(gx) - 0.145, abs(gy) - 0.085
                            d = (
                                min(max(dx, dy), 0.0)
                                + math.sqrt(max(dx, 0.0) ** 2 + max(dy, 0.0) ** 2)
                                - 0.045
                            )
                        glint = 0.03 + 0.10 * _bump((gx + gy * 1.2 - 0.04) / 0.06)
                        _mix(c, 235.0, 240.0, 245.0, glint * _edge(d, soft))
                        _mix(c, p[P_FRAME_R], p[P_FRAME_G], p[P_FRAME_B], 0.95 * _edge(abs(d) - 0.013, soft))
                        arm = max(abs(gy + 0.04) - 0.012, 0.175 - gx * s, abs(x) - w * 1.0)
                        _mix(c, p[P_FRAME_R], p[P_FRAME_G], p[P_FRAME_B], 0.9 * _edge(arm, soft))
                    bridge = max(
                        abs(y - p[P_EYE_Y] + 0.02 - 0.02 * math.cos(fx * 20.0)) - 0.013,
                        abs(fx) - (p[P_EYE_GAP] - 0.165),
                    )
                    _mix(c, p[P_FRAME_R], p[P_FRAME_G], p[P_FRAME_B], 0.95 * _edge(bridge, soft))
                # hat: pulled over the skull, brim or band above the brows
                if p[P_HAT] > 0.5:
                    rim = -0.36 * h + 0.05 * (x / w) ** 2
                    crown = max(_ellipse(x, y + 0.12, w * (1.13 + 0.08 * p[P_HAIR_VOL]), h * 1.10), y - rim)
                    knit = 1.0 + (0.06 * math.sin(x * 60.0) if p[P_HAT_KIND] < 0.5 else 0.0)
                    shade = (0.86 + 0.16 * p[P_LIGHT_X] * x / w + 0.10 * _bump((y + 0.75) / 0.4)) * knit
                    _mix(
                        c,
                        p[P_HAT_R] * shade,
                        p[P_HAT_G] * shade,
                        p[P_HAT_B] * shade,
                        _edge(crown, soft * 1.2),
                    )
                    if p[P_HAT_KIND] < 0.5:
                        band = max(
                            abs(y - rim + 0.055) - 0.075,
                            abs(x)
                            - w
                            * (1.15 + 0.08 * p[P_HAIR_VOL])
                            * math.sqrt(max(0.0, 1.0 - ((y + 0.12) / (h * 1.25)) ** 2)),
                        )
                        b = 0.78 * shade
                        _mix(c, p[P_HAT_R] * b, p[P_HAT_G] * b, p[P_HAT_B] * b, _edge(band, soft * 1.2))
                    else:
                        brim = _ellipse(x - 0.10 * yaw, y - rim - 0.015, w * 1.16, 0.085)
                        b = 0.66 * shade
                        _mix(c, p[P_HAT_R] * b, p[P_HAT_G] * b, p[P_HAT_B] * b, _edge(brim, soft * 1.2))
                for k in range(3):
                    out[i, row, col, k] = np.uint8(min(255.0, max(0.0, c[k])))
