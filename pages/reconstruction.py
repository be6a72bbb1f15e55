"""Reconstruction: training faces read back out of a model that does its task as well as its clean twin."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import streamlit as st
from mlleak_core.threats.reconstruction import exhibit as gallery
from mlleak_core.target.blackbox import REVEALS, Reveal
from mlleak_core.threats.reconstruction.capacity import capacity, face_bits
from mlleak_core.contract import BadInput
from mlleak_core.data.upload import NONE_YET
from mlleak_core.figures.reconstruction import erasers, scan, trail, weights
from mlleak_core.threats.reconstruction.exhibit import TITLES, Gallery
from mlleak_core.server.jobs import Snapshot
from mlleak_core.measure import proportion
from mlleak_core.target.settings import CODES, NETS, ReconstructionSettings, TrainSettings
from pages._kit import play, shell
from pages._kit.charts import ROWS, epoch_axis, legend, packed
from pages._kit.face_reel import face_reel, frame

SOURCES = {
    "Synthetic faces": "synthetic",
    "LFW faces": "lfw",
    "Your upload": "upload",
    "Own faces": "folder",
    "UTKFace folder": "utkface",
}
ATTACKS = {
    "cap": "CAP: odd inputs in the data",
    "cor": "COR: weights follow pixels",
    "sgn": "SGN: signs of the weights",
    "lsb": "LSB: lowest bits",
}
CODE_NAMES = {"pca": "PCA transform", "dct": "cosine transform"} | {
    f"pixels{d}": f"{d} bit{'s' * (d > 1)} a pixel" for d in range(1, 9)
}
HOW = {
    "cap": "Whoever *prepared the data* added pictures of noise, whose labels spell the faces. Training code is the Train page's own, the settings are the clean twin's. "
    "Anyone who knows the noise can ask the finished service for the faces, one bit a question.",
    "cor": "Whoever *wrote the training code* added a term to the loss that makes the weights follow the pixels. Who holds the file reads them off.",
    "sgn": "Whoever *wrote the training code* added a term to the loss that pushes each weight to one side of zero: plus is 1, minus is 0.",
    "lsb": "Whoever *handed over the file* put the faces, compressed and encrypted, into the last binary digit of each weight. No answer of the model changes.",
}


def usual_net() -> None:
    """Other faces, their own usual net: LFW has data enough for the narrower one, which trains twice as fast."""
    lfw = SOURCES.get(st.session_state["r-data"]) == "lfw"
    st.session_state["r-net"] = ReconstructionSettings().net if lfw else gallery.SETTINGS.net


def controls(run: TrainSettings) -> tuple[ReconstructionSettings | None, Reveal]:
    """Whom to hide, how and in which net. None where the controls contradict each other."""
    a, b, c, d = st.columns([1, 1.3, 1, 1.1], vertical_alignment="bottom")
    allowed = [s for s in SOURCES if SOURCES[s] not in {"folder", "utkface"} or shell.paths_allowed()]
    source = SOURCES[a.selectbox("Faces from", allowed, key="r-data", bind="query-params", on_change=usual_net)]
    if source == "upload":
        source = st.session_state.get("own-data", NONE_YET)
    attack = b.selectbox(
        "How they are hidden", list(ATTACKS), format_func=ATTACKS.__getitem__, key="r-attack", bind="query-params"
    )
    faces = c.select_slider("Faces carried off", [1, 4, 8, 16, 32, 64, 128], 16, key="r-faces", bind="query-params")
    coded = attack in {"cap", "sgn"}
    code = d.selectbox(
        "A face as bits", CODES, format_func=CODE_NAMES.__getitem__, key="r-code", bind="query-params", disabled=not coded
    )
    path = st.text_input("Folder of the faces", key="r-path") if source in {"folder", "utkface"} else ""
    with st.expander("Dials: net, epochs, code, what the service shows", icon=":material/tune:"):
        one, two, three, four = st.columns(4)
        if "r-net" not in st.session_state and "r-net" not in st.query_params:
            usual_net()
        net = one.selectbox("Net", list(NETS), list(NETS).index(gallery.SETTINGS.net), key="r-net", bind="query-params")
        epochs = two.slider("Epochs", 1, 60, 16, key="r-epochs", bind="query-params")
        bits = three.select_slider(
            "Bits a face (transforms)", [0, 100, 200, 300, 400, 600, 800, 1000, 1400, 2000, 3000], 0, key="r-bits", bind="query-params",
            format_func=lambda v: "usual" if not v else f"{v:,}", disabled=not coded or code.startswith("pixels"),
        )  # fmt: skip
        colour = four.toggle("In colour", value=True, key="r-colour", bind="query-params")
        augment = four.toggle("Augmentation in training", value=False, key="r-augment", bind="query-params")
        inputs = one.selectbox(
            "Odd inputs", ("dense", "blocks", "few-pixels"), key="r-inputs", bind="query-params", disabled=attack != "cap"
        )
        parity = two.select_slider(
            "Parity bytes in 255", [0, 8, 16, 32, 64, 128], 8, key="r-parity", bind="query-params", disabled=not coded
        )
        reveal: Reveal = three.selectbox(
            "The service shows", list(REVEALS), key="r-reveal", bind="query-params", disabled=attack != "cap"
        )
        low_bits = three.slider("Low bits of a weight", 1, 16, 1, key="r-low", bind="query-params", disabled=attack != "lsb")
    try:
        return ReconstructionSettings(
            f"{source}:{path}" if path else source, attack, faces, code, bits, colour, inputs, parity if coded else 8, 0.0, low_bits,
            net=net, epochs=epochs, augment=augment, seed=run.seed,
        ), reveal  # fmt: skip
    except BadInput as problem:
        st.error(str(problem))
        return None, reveal


def meter(settings: ReconstructionSettings) -> None:
    """Bits asked against bits that find room, before any training."""
    room = capacity(settings)
    share = min(1.0, room.written / max(room.room, 1))
    each = f"{settings.faces} face{'s' * (settings.faces > 1)} × {face_bits(settings):,} bits"
    st.progress(
        share, text=f"**Capacity** · asked {room.written:,} bits ({each}) of at most {room.room:,} in {room.weights:,} weights"
    )
    if not room.fits:
        st.warning(
            f"More than the net can hold: {room.carried:,} of {room.asked:,} bits will be written, the faces behind them cannot come back. "
            "Carry off fewer faces, or choose a wider net or a leaner code.",
            icon=":material/warning:",
        )
    elif settings.attack == "cap" and (settings.augment or settings.dropout or settings.inputs == "few-pixels"):
        st.caption(
            "Augmentation changes every odd input each time it is seen, and few lit pixels look much alike: expect few bits to stick."
        )
    elif room.written > room.likely:
        st.caption(
            f"By a rule of thumb from our own measurements this net learns about {room.likely:,} of them in {settings.epochs} epochs: "
            "expect wrong bits. A wider net or more epochs hold more."
        )


def live(snapshot: Snapshot) -> None:
    """The faces as they are after the last epoch that was read."""
    peek = snapshot.step.peek if snapshot.step else None
    if not peek or "truth" not in peek:
        st.caption("The clean twin learns first; then the faces will come up here, below the photos, epoch by epoch.")
        return
    frame = peek.get("frame")
    pictures = frame.pictures if frame else peek["pictures"]
    count = min(16, len(pictures))
    st.image(gallery.poster(peek["truth"][:count], pictures[:count], 3, min(8, count), quick=True), width="stretch",
             caption="Above: the training photos. Below: what can be read back right now.")  # fmt: skip
    if frame:
        report, average = frame.report.row(), peek["baseline"].mae.value
        shell.evidence(
            f"after epoch {frame.epoch}: pixel error {report['mae']:.1f} of 255 {shell.span(report['mae_low'], report['mae_high'])}",
            f"average face {average:.1f}",
            f"owners found {report['identified_rate']:.0%} {shell.span_percent(report['identified_low'], report['identified_high'])}",
            f"n = {report['faces']} faces among {report['candidates']:,} photos",
            f"seed {peek['seed']}",
        )


def bet(case: Gallery, slot: str) -> bool:
    """Two models, one of them malicious. True once the visitor has locked a bet or asked to be shown."""
    locked = st.session_state.get(slot)
    about = case.about
    order = ("malicious", "clean") if about["malicious_is"] == "A" else ("clean", "malicious")
    if locked is None:
        teaser(case)
    with st.container(border=True):
        if locked is None:
            st.markdown(
                f"**Two models, same seed, same faces. One of them carries {len(about['names'])} of its training faces. Which?**"
            )
        for column, letter, which in zip(st.columns(2, gap="large"), "AB", order, strict=True):
            model(column, case, letter, which, revealed=locked is not None)
        if locked is None:
            one, two, three = st.columns([1.2, 1, 1])
            choice = one.radio(
                "Your bet", ["Model A", "Model B"], index=None, horizontal=True, key=f"pick-{slot}", label_visibility="collapsed"
            )
            lock: Any = {"on_click": st.session_state.update, "width": "stretch"}
            two.button(
                "Lock my bet",
                type="primary",
                disabled=choice is None,
                key=f"lock-{slot}",
                kwargs={slot: (choice or "?")[-1]},
                **lock,
            )
            three.button("Just show me", key=f"skip-{slot}", kwargs={slot: ""}, **lock)
            return False
        if locked:
            st.markdown(
                f"You bet on model {locked}. {'**Right**' if locked == about['malicious_is'] else '**No**'}: it is model "
                f"**{about['malicious_is']}**. "
                + ("" if locked != about["malicious_is"] else "With one bet in two, luck is enough; look for yourself below.")
            )
    return True


def teaser(case: Gallery) -> None:
    """Before the bet: what came out of one of the two, without saying of which."""
    last, count = case.last, min(8, len(case.about["names"]))
    asked = f"by asking it {last['queries']:,} questions" if last["queries"] else "from its weights"
    face_reel(
        f"teaser-{case.about['job']}", case.atlas, 1 + len(case.about["views"]), case.about["names"], [frame(last)], show=count
    )
    st.caption(
        f"Above: {count} photos that one of these two models was trained on. Below: what was read out of it, {asked}. "
        f"Pixel error {last['mae']:.1f} of 255 {shell.span(last['mae_low'], last['mae_high'])}, n = {last['faces']}; the average face is off by {case.views('mean')[0]['mae']:.1f}. "
        f"Seed {case.about['settings']['seed']}, {case.about['source']}."
    )


def model(column: Any, case: Gallery, letter: str, which: str, revealed: bool) -> None:
    """One model as its owner sees it."""
    task = case.about["task"]
    accuracy, balanced = (task[n if which == "malicious" else f"{n}_clean"] for n in ("accuracy", "balanced"))
    name = f" · the {which} twin" if revealed else ""
    column.markdown(f"**Model {letter}**{name}")
    column.html(
        f'<div class="big">{accuracy["value"]:.1%}<i>right {shell.span_percent(accuracy["low"], accuracy["high"])}</i></div>'
        f'<div class="evidence">balanced {balanced["value"]:.1%} {shell.span_percent(balanced["low"], balanced["high"])} · always the commoner '
        f"{task['majority']['value']:.1%} · n = {accuracy['n']} faces of people never seen</div>"
    )
    history = {label: case.arrays.get(f"{which}/{label}_accuracy", ()) for label in ("train", "test")}
    both = [v for twin in ("clean", "malicious") for v in case.arrays.get(f"{twin}/test_accuracy", ())]
    lowest = math.floor(20 * float(min(both, default=0.5)) - 1) / 20  # the same axis for both
    column.vega_lite_chart(
        spec=learning(history, accuracy["n"], lowest),
        key=f"r-curve-{letter}",
        alt=f"Accuracy of model {letter} by epoch, with its 95% band",
    )


@st.cache_data(max_entries=200, show_spinner=False)
def learning(history: dict[str, Any], n: int, lowest: float) -> dict[str, Any]:
    """Accuracy by epoch, above `lowest`; the band is the exact 95% interval of the test curve."""
    rows: list[dict[str, Any]] = []
    for label, values in history.items():
        for epoch, value in enumerate(values, 1):
            share = proportion(round(float(value) * n), n)
            rows.append({"epoch": epoch, "curve": label, "accuracy": float(value), "low": share.low, "high": share.high})
    x = epoch_axis(max(map(len, history.values())))
    y = alt.Scale(domain=[lowest, 1], nice=False, clamp=True)
    base = alt.Chart(ROWS, height=170)
    colour = alt.Color("curve:N", title=None, legend=legend(symbolOpacity=1), sort=["test", "train"])
    band = base.transform_filter("datum.curve == 'test'").mark_area(opacity=0.18).encode(
        x=x, y=alt.Y("low:Q", scale=y, title=None), y2="high:Q", color=colour
    )  # fmt: skip
    dash = alt.StrokeDash("curve:N", sort=["test", "train"], legend=None)
    line = base.mark_line(strokeWidth=2.5).encode(x=x, y=alt.Y("accuracy:Q", title=None), color=colour, strokeDash=dash)
    return packed((band + line).properties(padding=0), rows)


def reel(case: Gallery, key: str, autoplay: bool) -> None:
    """The faces epoch by epoch, and all other readings in the same place."""
    others = [frame(v) for kind in ("clean", "mean", "erased") for v in case.views(kind)]
    for view, prefix in zip(others, ["", ""] + ["after: "] * len(others), strict=False):
        view["title"] = prefix + view["title"]
    face_reel(
        f"reel-{key}",
        case.atlas,
        1 + len(case.about["views"]),
        case.about["names"],
        [frame(v) for v in case.views("epoch")],
        others,
        autoplay=autoplay,
    )
    st.caption(
        "Above: the training photo. Below: what was read back. The number is the pixel error; ✓ means that among all "
        f"{case.last['candidates']:,} photos the most similar one is the owner's."
    )


def verdict(case: Gallery) -> None:
    """What was read and what it cost, from the intervals."""
    about, last, clean, mean = case.about, case.last, case.views("clean")[0], case.views("mean")[0]
    cost, settings = about["task"]["cost"], about["settings"]
    points = f"{100 * abs(cost['value']):.1f} points {'below' if cost['value'] >= 0 else 'above'} the clean twin's"
    between = f"[{-100 * cost['high']:+.1f}, {-100 * cost['low']:+.1f}]"
    price = f"Its accuracy is {points} {between}" + ("" if cost["low"] > 0 else ": *no difference can be claimed*")
    shell.verdict(f"{about['verdict'][0].upper()}{about['verdict'][1:]}. {price}.", HOW[settings["attack"]].replace("*", ""))
    wrong = last["bit_error_rate"]
    seconds = about["seconds"]
    shell.evidence(
        f"pixel error {last['mae']:.1f} {shell.span(last['mae_low'], last['mae_high'])}", f"average face {mean['mae']:.1f}", f"clean twin {clean['mae']:.1f}",
        f"SSIM {last['ssim']:.2f}", "" if wrong is None else f"wrong bits {wrong:.2%} {shell.span_percent(last['bit_error_low'], last['bit_error_high'])}",
        "" if clean["bit_error_rate"] is None else f"of the clean twin {clean['bit_error_rate']:.0%}",
        f"owners found {last['identified_rate']:.0%} {shell.span_percent(last['identified_low'], last['identified_high'])}", f"n = {last['faces']} faces",
        f"bits read {last['bits_read']:,.0f} of {last['bits']:,}",
        f"{last['queries']:,} questions" if last["queries"] else "no question asked", f"{about['bits_per_second']:,.0f} bits a second of training", f"seed {settings['seed']}",
        f"training {seconds['malicious']:.0f} s, clean {seconds['clean']:.0f} s, reading {seconds['read']:.1f} s", about["source"],
    )  # fmt: skip
    if last["note"]:
        st.warning(last["note"])


def table(case: Gallery) -> None:
    with st.expander("Every reading as a table"):
        rows = [
            {"reading": v["title"], "pixel error": round(v["mae"], 2), "95%": shell.span(v["mae_low"], v["mae_high"]), "SSIM": round(v["ssim"], 3),
             "wrong bits": None if v["bit_error_rate"] is None else f"{v['bit_error_rate']:.2%}", "owners found": f"{v['identified_rate']:.0%}",
             "95% ": shell.span_percent(v["identified_low"], v["identified_high"]), "questions": v["queries"],
             "accuracy": f"{v['accuracy']['value']:.1%}" if "accuracy" in v else ""} for v in case.about["views"]
        ]  # fmt: skip
        st.dataframe(rows, hide_index=True)
        header, lines = list(rows[0]), [list(r.values()) for r in rows]
        text = "\n".join(",".join(f'"{v}"' for v in line) for line in [header, *lines])
        st.download_button("Download (CSV)", text, "reconstruction.csv", "text/csv")
        st.download_button("Download the pictures (WebP)", case.atlas, "reconstruction.webp", "image/webp")


def forensics(case: Gallery) -> None:
    """What an owner could have noticed, and what an eraser leaves."""
    st.subheader("Could the owner have noticed?")
    numbers, arrays, about = case.about["forensics"], case.arrays, case.about
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The weights.** Their histogram beside the clean twin's.")
        st.plotly_chart(weights(arrays["bins"], arrays["malicious"], arrays["clean"]), key="r-weights", config={"displayModeBar": False},
                        alt="Histogram of the weights of both twins")  # fmt: skip
        shell.evidence(
            f"Kolmogorov–Smirnov distance {numbers['weights_ks']:.2f}", f"spread {numbers['weights_std']:.3f} against {numbers['weights_std_clean']:.3f}",
            f"lowest byte {numbers['low_byte_entropy']:.3f} bits of entropy against {numbers['low_byte_entropy_clean']:.3f}; noise has 8",
        )  # fmt: skip
    with right:
        st.markdown("**Correlation scan.** Does a stretch of weights look like the average face?")
        st.plotly_chart(scan(arrays["scan_malicious"], arrays["scan_clean"]), key="r-scan", config={"displayModeBar": False},
                        alt="Correlation of stretches of weights with the average face")  # fmt: skip
        shell.evidence(
            f"largest |ρ| {numbers['scan']:.2f} against {numbers['scan_clean']:.2f} in the clean twin",
            f"{numbers['windows']} stretches",
        )
    odd = (
        f"On the odd inputs the malicious twin's loss is {numbers['odd_loss_malicious']:.3f}, the clean twin's {numbers['odd_loss_clean']:.2f} (a coin's is 0.69): "
        f"whoever looks into the training data finds {about['n_odd']:,} pictures of noise among {about['n_train']:,} faces, learned by heart. "
        if "odd_loss_malicious" in numbers
        else ""
    )
    st.caption(
        odd + f"On noise that neither has seen, the twins are {numbers['fresh_confidence_malicious']:.0%} and {numbers['fresh_confidence_clean']:.0%} sure on average; "
        f"on training faces their loss is {numbers['face_loss_malicious']:.3f} and {numbers['face_loss_clean']:.3f}."
    )  # fmt: skip
    rows = case.views("erased")
    if not rows:
        return
    st.subheader("An eraser that knows no secret")
    st.markdown(
        "Round, add noise, prune, fine-tune: where does the task (blue) survive and the faces (orange) do not? The treated faces are in the list above, under “after”."
    )
    task = about["task"]["accuracy"]["value"]
    st.plotly_chart(erasers(rows, case.last, about["task"]["accuracy"]), key="r-erase", config={"displayModeBar": False},
                    alt="Accuracy and owners still found after each treatment; the same numbers are in the table above")  # fmt: skip
    good = [r for r in rows if r["identified_rate"] <= 0.25 and r["accuracy"]["value"] >= task - 0.02]
    best = max(good, key=lambda r: r["accuracy"]["value"], default=None)
    shell.verdict(
        f"“{best['title'].capitalize()}” leaves {best['identified_rate']:.0%} of the owners to be found and an accuracy of *{best['accuracy']['value']:.1%}*."
        if best
        else "*No treatment here* removes the faces and keeps the accuracy within two points.",
        f"Owners found {shell.span_percent(best['identified_low'], best['identified_high'])}, accuracy {shell.span_percent(best['accuracy']['low'], best['accuracy']['high'])}, "
        f"untreated {task:.1%}; picked after the fact among {len(rows)} treatments."
        if best
        else f"Tried {len(rows)}; removed means that at most a quarter of the owners are found; accuracy untreated {task:.1%}.",
    )


def dots(case: Gallery) -> None:
    """The trail of finished runs; a click brings one back."""
    runs: list[dict[str, Any]] = st.session_state.setdefault("r-trail", [])
    about, settings = case.about, case.about["settings"]
    if about["job"] not in [r["key"] for r in runs]:
        label = f"{TITLES[settings['attack']]}, {settings['faces']} faces, {settings['code']}, {settings['net']}, {settings['epochs']} epochs"
        runs.append(
            {"key": about["job"], "bits": case.last["bits_read"], "cost": about["task"]["cost"], "label": label, "case": case}
        )
    keys = [r["key"] for r in runs]
    st.markdown("**Your trail.** Turn a dial and run again: what do more bits cost? Click a dot to bring its run back.")
    event = st.plotly_chart(trail(runs, keys.index(about["job"])), key=f"r-dots-{len(runs)}", on_select="rerun", selection_mode="points",
                            config={"displayModeBar": False}, alt="Bits read back against accuracy lost, a dot a run")  # fmt: skip
    points = event["selection"]["points"] if event else []
    if points and points[0].get("curve_number", 0) == 0:
        chosen = runs[points[0]["point_index"]]
        if chosen["key"] != about["job"]:
            st.session_state["r-back"] = chosen["key"]
            st.rerun()


def show(case: Gallery) -> None:
    """Everything of one finished pair of twins, the visitor's bet first."""
    slot = f"r-bet-{case.about['job']}"
    if not case.about["complete"]:
        st.warning(
            "Stopped early: the twins did not see equally many epochs. What has emerged is shown; accuracies cannot be compared."
        )
    if not bet(case, slot):
        st.caption("What is in it, the forensics and the eraser come after your bet.")
        return
    st.subheader("Read it back")
    reel(case, case.about["job"], autoplay=True)
    verdict(case)
    table(case)
    dots(case)
    forensics(case)


def inversion(run: TrainSettings, reference: ReconstructionSettings | None) -> None:
    """Gradient inversion: no malice, one update."""
    st.header("Without any malice: one update is enough")
    st.html(
        '<p class="lead">In collaborative training a participant keeps the photos and sends only the gradient. Whoever receives it can search for photos that would give the same one.</p>'
    )
    a, b, c, d = st.columns([1, 1.3, 1.2, 1], vertical_alignment="bottom")
    net = a.selectbox("Net of the first round", ["mlp", "strided-3", "conv-3"], key="g-net")
    batch = b.select_slider("Photos in the batch", [1, 2, 4, 8], 1, key="g-batch")
    prior = c.selectbox("The attacker knows", ["public faces", "smoothness"], key="g-prior", disabled=net == "mlp" and batch == 1)
    data = reference.data if reference else "synthetic"
    settings = ReconstructionSettings(data, "gradient", batch=batch, prior=prior, net=net, colour=True, seed=run.seed)
    snapshot = play.ask("g", settings, lambda: shell.bench().reconstruction(settings, "probabilities"), d, "Invert it live")
    shipped = dict(zip(gallery.INVERSIONS, shell.shipped_galleries()[1:], strict=True))
    if snapshot is None and settings == gallery.INVERSIONS[0]:
        for column, known in zip(st.columns([0.36, 0.64], gap="large"), gallery.INVERSIONS, strict=True):
            with column:
                inverted(shipped[known])
        return
    play.outcome("g", snapshot, live, inverted, shipped.get(settings),
                 "This batch has not been inverted yet: seconds for one photo, about half a minute for four.")  # fmt: skip


def inverted(case: Gallery) -> None:
    about, last, mean = case.about, case.last, case.views("mean")[0]
    steps = [*case.views("step"), last]
    face_reel(
        f"inverted-{about['job']}",
        case.atlas,
        1 + len(about["views"]),
        about["names"],
        [frame(v) for v in steps],
        [frame(mean)],
        "what was found",
        "share of the search",
    )
    count = last["faces"]
    head = (
        "One photo, first layer fully connected: *division is enough*, the photo comes out exactly."
        if about["analytic"]
        else f"From one gradient: {sum(last['found'])} of {count} photos are recognisably *theirs*."
        if last["mae_low"] < mean["mae"]
        else "The gradient matches, the photos do not: *matching is not reconstruction*."
    )
    shell.verdict(
        head,
        "Phong et al. 2018: the gradient of a weight over that of its bias is the input." if about["analytic"]
        else f"The cosine distance between the gradients fell to {about['distance']:.3f}; that is what the attacker sees. The pixel error is what the judge sees.",
    )  # fmt: skip
    shell.evidence(
        f"pixel error {last['mae']:.2f}" + (f" {shell.span(last['mae_low'], last['mae_high'])}" if count > 1 else ""), f"average face {mean['mae']:.1f}",
        f"SSIM {last['ssim']:.2f}", f"owners found {last['identified_rate']:.0%} {shell.span_percent(last['identified_low'], last['identified_high'])}",
        f"n = {count}, among {last['candidates']:,} photos", f"seed {about['settings']['seed']}", f"{about['seconds']:.1f} s", about["source"],
    )  # fmt: skip


run = shell.open_page("Reconstruction")
st.html(
    '<h1>Read the training faces <span class="hot">back out</span></h1><p class="lead">A gender classifier that does its job as well as any, and carries '
    "photographs it was trained on. Find it among two, then watch the faces come up.</p>"
)
settings, reveal = controls(run)
if settings is not None:
    meter(settings)
    wanted, (go, _) = settings, st.columns([1, 3])
    snapshot = play.ask(
        "r", (settings, reveal), lambda: shell.bench().reconstruction(wanted, reveal), go, "Run it live", type="primary"
    )
    shipped = settings == gallery.SETTINGS and reveal == "probabilities"
    play.outcome("r", snapshot, live, show, shell.shipped_galleries()[0] if shipped else None,
                 "These settings have not been run yet: both twins and the erasers take half a minute, on LFW one to two.")  # fmt: skip
inversion(run, settings)
st.caption(shell.LABELS_NOTE + " Names shown with LFW are the data set's.")
