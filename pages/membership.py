"""Membership: was this record in the training set? Guess first, then run the attacks, then look at one record closely."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import streamlit as st
from mlleak_core.threats.membership import exhibit as showcase
from mlleak_core.threats.membership.attacks import TITLES
from mlleak_core.threats.membership.audit import QUICK
from mlleak_core.target.blackbox import REVEALS, Reveal
from mlleak_core.contract import BadInput
from mlleak_core.figures.roc import COLOURS, loglog, microscope, trail
from mlleak_core.server.jobs import Snapshot
from mlleak_core.measure import positive_predictive_value, proportion
from mlleak_core.target.settings import MembershipSettings, TrainSettings
from mlleak_core.threats.membership.exhibit import GUESSES, Showcase
from numpy.typing import NDArray
from pages._kit import play, shell
from pages._kit.charts import ROWS, packed
from pages._kit.record_grid import Item, record_grid

SOURCES = {
    "Synthetic faces": "synthetic",
    "LFW faces": "lfw",
    "Patients": "clinic",
    "Places visited": "location",
    "Own table": "csv",
    "Own faces": "folder",
}
PRESETS = {"Leaky classroom": "leaky", "The Train page's run": "full"}
SHOWS = {
    "probabilities": "all probabilities",
    "rounded": "two decimals",
    "top1": "the likeliest class and its score",
    "label": "the label only",
}
WHY = {
    "lira": "compares with shadows that had it and shadows that had not",
    "lira-offline": "compares with shadows that had not, only",
    "rmia": "asks how many outsiders it beats",
    "base": "takes off what any model would say",
    "base-2": "the same, from two models",
    "shokri": "learned from shadows what answers to members look like",
    "quantile": "compares with outsiders that look like it",
    "entropy": "looks at how undecided the answer is",
    "loss": "looks at the confidence alone: easy faces look like members",
    "label-only": "counts how many changed copies stay right",
}


def controls(run: TrainSettings) -> tuple[MembershipSettings | None, Reveal]:
    """What to attack, and what its service reveals. None where the controls contradict each other."""
    a, b, c, d = st.columns([1.1, 1.2, 1.2, 1], vertical_alignment="bottom")
    allowed = [s for s in SOURCES if SOURCES[s] not in {"csv", "folder"} or shell.paths_allowed()]
    source = SOURCES[a.selectbox("Records", allowed, key="m-data", bind="query-params")]
    tabular = source in {"clinic", "location", "csv"}
    preset = PRESETS[b.selectbox("Target", list(PRESETS), key="m-preset", bind="query-params", disabled=tabular)]
    reveal: Reveal = c.selectbox(
        "The service shows", list(REVEALS), format_func=lambda r: SHOWS[r], key="m-reveal", bind="query-params"
    )
    shadows = d.select_slider("Shadow models", [2, 4, 8, 16, 32, 64], 32, key="m-shadows", bind="query-params")
    path = st.text_input("Path of the table or folder", key="m-path") if source in {"csv", "folder"} else ""
    with st.expander("Dials: how large a training set, how long", icon=":material/tune:"):
        one, two = st.columns(2)
        records = one.slider(
            "Records in the pool (0 = all; half are trained on)", 0, 10_000, 0, 100, key="m-records", bind="query-params"
        )
        epochs = two.slider("Epochs (0 = the preset's own)", 0, 100, 0, 2, key="m-epochs", bind="query-params")
    data = f"{source}:{path}" if source in {"csv", "folder"} else source
    if preset == "full" and not tabular:
        data = run.data
    try:
        return MembershipSettings(data, "leaky" if tabular else preset, records, epochs, shadows, run.seed), reveal
    except BadInput as problem:
        st.error(str(problem))
        return None, reveal


def live(snapshot: Snapshot) -> None:
    """The curves while the shadows stream in; the chart updates in place."""
    peek = snapshot.step.peek if snapshot.step else None
    if not peek:
        return
    case: Showcase = peek["showcase"].labelled("", "live, so far")
    rocs = {TITLES[name]: case.curve(name)[:2] for name in case.rows}
    st.vega_lite_chart(spec=so_far(rocs), key="m-live", alt="ROC curves of the shadows so far")
    _evidence(case, _leading(case))


@st.cache_data(max_entries=100, show_spinner=False)
def so_far(rocs: dict[str, Any]) -> dict[str, Any]:
    """The quick attacks' ROC on logarithmic axes."""
    rows = [
        {"false alarms": float(f), "members found": float(max(t, 1e-3)), "attack": name}
        for name, roc in rocs.items() for f, t in zip(*roc, strict=True) if f >= 1e-3
    ]  # fmt: skip
    log: Any = {
        "scale": alt.Scale(type="log", domain=[1e-3, 1]),
        "axis": alt.Axis(values=[1e-3, 1e-2, 0.1, 1], format="~%", grid=False),
    }
    shown = alt.Scale(domain=[TITLES[n] for n in QUICK], range=[COLOURS[n] for n in QUICK])
    chart = alt.Chart(ROWS, height=330).mark_line(strokeWidth=2.5).encode(
        x=alt.X("false alarms:Q", **log), y=alt.Y("members found:Q", **log),
        color=alt.Color("attack:N", scale=shown, title=None, legend=alt.Legend(orient="bottom")),
    )  # fmt: skip
    return packed(chart, rows)


def _leading(case: Showcase) -> str:
    """LiRA, or what stands first where it could not run."""
    return "lira" if "lira" in case.rows else next(iter(case.rows))


def guess(case: Showcase, slot: str) -> tuple[float, float] | None | str:
    """The visitor's own attack: sort twelve records. Returns their false and true alarm rates, '' when skipped, None before."""
    locked = st.session_state.get(slot)
    count = min(GUESSES, len(case.shown))
    member = case.arrays["member"][case.shown[:count]]
    with st.container(border=True):
        if locked is None:
            st.markdown(
                f"**Guess first.** {int(member.sum())} of these {count} were in the training set. Which? Click them, then lock."
            )
        items = []
        for i in range(count):
            mark, tone = "", ""
            if locked is not None:
                said, was = isinstance(locked, list) and i in locked, bool(member[i])
                mark = "was in" if was else "was not"
                tone = ("good" if said == was else "bad") if isinstance(locked, list) else ""
            items.append(Item(i, _label(case, i), mark, tone))
        chosen = record_grid(f"grid-{slot}-{locked is not None}", items, case.atlas, showcase.SPRITE, 40, locked or [], many=True,
                             locked=locked is not None)  # fmt: skip
        if locked is None:
            one, two, _ = st.columns([1, 1, 2.4])
            lock: Any = {"on_click": st.session_state.update, "width": "stretch"}
            one.button("Lock my bet", type="primary", disabled=not chosen, key=f"lock-{slot}", kwargs={slot: chosen}, **lock)
            two.button("Just show me", key=f"skip-{slot}", kwargs={slot: ""}, **lock)
            return None
        if not isinstance(locked, list):
            return ""
        hits, alarms = int(member[locked].sum()), int((~member[locked]).sum())
        st.markdown(
            f"You found **{hits} of {int(member.sum())}** members and raised **{alarms} of {int((~member).sum())}** false alarms."
        )
        return alarms / max(1, int((~member).sum())), hits / max(1, int(member.sum()))


def _label(case: Showcase, i: int) -> str:
    return case.about["words"][i] if case.about["words"] else ""


def curves(case: Showcase, you: tuple[float, float] | None) -> None:
    """The ROC, its evidence, the verdict."""
    names = st.multiselect("Attacks", list(case.rows), [n for n in ("lira", "base", "loss") if n in case.rows], format_func=TITLES.__getitem__,
                           key=f"m-attacks-{case.about['run']}", label_visibility="collapsed") or list(case.rows)[:1]  # fmt: skip
    st.plotly_chart(loglog({n: case.curve(n) for n in names}, TITLES, you), key="m-roc", config={"displaylogo": False},
                    alt="ROC curves on logarithmic axes; the same numbers are in the table")  # fmt: skip
    _evidence(case, names[0])


def _evidence(case: Showcase, name: str) -> None:
    """One attack's numbers with interval, n, controls and seed."""
    row, about = case.rows[name], case.about
    tpr = row["tpr_at_1pct"]
    found = "cannot be claimed" if tpr is None else f"{tpr:.1%} {shell.span_percent(*row['tpr_at_1pct_interval'])}"
    controls = row["controls"]
    unt = controls["untrained_target_auc"]
    shell.evidence(
        f"{TITLES[name]}: AUC {row['auc']:.2f} {shell.span(row['auc_low'], row['auc_high'])}", f"at 1% false alarms {found}",
        f"n = {row['n_members']} members, {row['n_nonmembers']} not", f"{about['shadows']} shadows" if about["shadows"] > 1 else "1 shadow",
        f"untrained target {unt['value']:.2f} {shell.span(unt['low'], unt['high'])}" if unt else "",
        f"shuffled membership {controls['shuffled_membership_auc']['value']:.2f}", f"without asking the model {row['blind_auc']:.2f} {shell.span(*row['blind_interval'])}",
        f"seed {about['settings']['seed']}", f"{about['seconds']:.0f} s", about["source"],
    )  # fmt: skip


def verdict(case: Showcase) -> None:
    name, about = _leading(case), case.about
    row = case.rows[name]
    if row["verdict"].startswith("void"):
        shell.verdict(
            "This result is *void*: members can be told apart without asking the model at all.",
            "Members and outsiders differ in distribution.",
        )
        return
    named = (
        f" With at most one false name in ten, it can name *{row['named']}* of them."
        if row["named"]
        else " It can name *nobody* with at most one false name in ten."
    )
    shell.verdict(
        f"{TITLES[name]} *{row['verdict'].partition(': ')[2] or row['verdict']}*." + named,
        f"The target is right on {about['train_accuracy']:.1%} of what it was trained on and on {about['test_accuracy']:.1%} of the rest. "
        "The gap is what the attacks live on; averages hide it, so look at few false alarms first.",
    )


def table(case: Showcase) -> None:
    with st.expander("All attacks as a table"):
        st.dataframe(
            [{"attack": TITLES[n], "AUC": round(r["auc"], 3), "95%": shell.span(r["auc_low"], r["auc_high"]), "found at 1%": _percent(r["tpr_at_1pct"]),
              "found at 0.1%": _percent(r["tpr_at_0_1pct"], r["n_nonmembers"]), "advantage": round(r["advantage"], 3), "queries": r["queries"],
              "named, FDR 10%": r["named"], "verdict": r["verdict"]} for n, r in case.rows.items()],
            hide_index=True,
        )  # fmt: skip
        for name, why in case.about["skipped"].items():
            st.caption(f"{TITLES[name]} was left out: {why}")
        scores = {TITLES[n]: case.arrays[f"score/{n}"] for n in case.rows}
        lines = [",".join(["record", *scores])] + [
            ",".join([str(i), *(f"{s[i]:.6g}" for s in scores.values())]) for i in range(len(case.arrays["y"]))
        ]
        st.download_button("Download every record's scores (CSV)", "\n".join(lines), "membership-scores.csv", "text/csv")


def _percent(value: float | None, n: int = 0) -> str:
    return f"cannot be claimed with n = {n}" if value is None else f"{value:.1%}"


def base_rate(case: Showcase) -> None:
    """How much a name is worth when few were in."""
    row = case.rows[_leading(case)]
    if row["tpr_at_1pct"] is None:
        return
    rate = st.select_slider(
        "Of a hundred people, how many were in the training set?",
        [0.1, 1, 5, 10, 25, 50],
        50,
        key="m-base",
        format_func=lambda v: f"{v:g}",
    )
    value = positive_predictive_value(row["tpr_at_1pct"], 0.01, rate / 100)
    low, high = (positive_predictive_value(v, 0.01, rate / 100) for v in row["tpr_at_1pct_interval"])
    st.html(f'<div class="big">{value:.0%}<i>of those it names were really in</i></div>')
    shell.evidence(
        f"precision (PPV) at 1% false alarms, 95% {shell.span_percent(low, high)}",
        f"base rate {rate:g}%",
        "the rate changes the worth of a name, not the ROC",
    )


def look_closely(case: Showcase, slot: str, sealed: bool) -> None:
    """One record under the microscope."""
    st.subheader("Look at one record")
    count = len(case.shown)
    first = _leading(case)
    member, person = case.arrays["member"], case.arrays["person"]
    data = case.about["settings"]["data"]
    marked = shell.pinned(data)
    items = [
        Item(GUESSES + i, case.about["words"][GUESSES + i] if case.about["words"] else "",
             f"{case.rank(first, r):.0%}" + (" pinned" if person[r] == marked else ""), "pin" if person[r] == marked else "")
        for i, r in enumerate(case.shown[GUESSES:])
    ]  # fmt: skip
    start = next((i for i, r in enumerate(case.shown[GUESSES:]) if person[r] == marked), 0)
    elsewhere = np.flatnonzero(person == marked)
    if marked >= 0 and not np.isin(elsewhere, case.shown[GUESSES:]).any():
        st.caption(_elsewhere(case, first, elsewhere, sealed))
    left, right = st.columns([0.5, 0.5], gap="large")
    with left:
        st.caption(
            f"{count - GUESSES} of {len(member)} records, from the most to the least suspicious to {TITLES[first]}. The number is the share of all records that are less so."
        )
        with st.container(height=430, border=False):
            picked = record_grid(f"microscope-{slot}", items, case.atlas, showcase.SPRITE, 40, [start], many=False)
    at = GUESSES + (picked[0] if picked else 0)
    record = int(case.shown[at])
    with right:
        target = float(case.arrays["target_phi"][record])
        st.plotly_chart(microscope(case.arrays["phi"][:, at], case.arrays["inside"][:, at], target), key="m-scope", config={"displayModeBar": False},
                        alt="Confidence of the shadows with and without the record, and of the target")  # fmt: skip
        here = int(person[record])
        st.button(
            "Let go of this person" if here == marked else "Pin this person", icon=":material/keep:", key=f"pin-{slot}", on_click=shell.pin,
            args=(data, -1 if here == marked else here), help="Stays marked here and on the Features page, in every layer where the map shows the person.",
        )  # fmt: skip
        name, kind = case.about["names"][at], case.about["classes"][int(case.arrays["y"][record])]
        truth = (
            "Who was in stays sealed until your bet."
            if sealed
            else f"It **{'was' if member[record] else 'was not'}** in the training set."
        )
        st.markdown(f"**{name}**, {kind}. {truth}")
        shadows = "" if sealed else _story(case, at, bool(member[record]))
        if shadows:
            st.caption(shadows)
        st.dataframe(
            [_says(case, n, record, None if sealed else bool(member[record])) for n in case.rows], hide_index=True, height=245
        )
        st.caption(
            "“Member” means above the line that 1% of the outsiders cross, so at this line every attack leaves most members unnamed."
        )


def _elsewhere(case: Showcase, attack: str, records: NDArray[np.int64], sealed: bool) -> str:
    """What is known of a pinned person whose records are not among those shown."""
    if not len(records):
        return "The person you pinned has no record in this pool."
    record = max(records, key=lambda r: case.rank(attack, r))
    says = "names" if case.named(attack, record) else "does not name"
    truth = "" if sealed else f" It {'was' if case.arrays['member'][record] else 'was not'} in the training set."
    return (
        f"The person you pinned is not among those below: {TITLES[attack]} {says} the record, which is more suspicious than "
        f"{case.rank(attack, record):.0%} of all.{truth}"
    )


def _says(case: Showcase, attack: str, record: int, member: bool | None) -> dict[str, str]:
    """One attack's word on one record; whether it is right only when `member` may be told."""
    named = case.named(attack, record)
    right = {} if member is None else {"right": "yes" if named == member else "no"}
    says = "member" if named else "not named"
    return {
        "attack": TITLES[attack],
        "says": says,
        **right,
        "more suspicious than": f"{case.rank(attack, record):.0%}",
        "because it": WHY[attack],
    }


def _story(case: Showcase, at: int, member: bool) -> str:
    """Why the attacks see this record as they do, from its shadows."""
    phi, inside = case.arrays["phi"][:, at].astype(float), case.arrays["inside"][:, at]
    if not inside.any() or inside.all():
        return ""
    target, apart = float(case.arrays["target_phi"][case.shown[at]]), phi[inside].mean() - phi[~inside].mean()
    closer = "those that had it" if abs(target - phi[inside].mean()) < abs(target - phi[~inside].mean()) else "those that had not"
    if apart < phi.std() / 2:
        return "An easy record: models are as sure of it without having seen it, so nobody can tell. Loss alone would still suspect it."
    hard = "A telling record: models are sure of it only when they have seen it. "
    return (
        hard
        + f"The target's mark lies among {closer}"
        + (", as it should." if (closer == "those that had it") == member else ", by chance the wrong side.")
    )


def dots(case: Showcase) -> None:
    """The trail of finished runs; a click brings one back."""
    runs: list[dict[str, Any]] = st.session_state.setdefault("m-trail", [])
    row = case.rows.get("lira")
    label = f"{case.about['title']}, {case.about['settings']['preset']}, {case.about['shadows']} shadows, {case.about['reveal']}"
    dot = {"key": case.about["job"], "gap": case.gap(), "tpr": row["tpr_at_1pct"] if row else None, "label": label, "case": case}
    if row and dot["tpr"] is not None and dot["key"] not in [r["key"] for r in runs]:
        runs.append(dot)
    if not runs:
        return
    keys = [r["key"] for r in runs]
    st.markdown("**Your trail.** Change a dial and run again: every finished run leaves a dot. Click one to bring it back.")
    event = st.plotly_chart(trail(runs, keys.index(dot["key"]) if dot["key"] in keys else -1), key=f"m-dots-{len(runs)}", on_select="rerun", selection_mode="points",
                            config={"displayModeBar": False}, alt="Accuracy gap against members found, a dot a run")  # fmt: skip
    points = event["selection"]["points"] if event else []
    if points and points[0].get("curve_number", 0) == 0:
        chosen = runs[points[0]["point_index"]]
        if chosen["key"] != case.about["job"]:
            st.session_state["m-back"] = chosen["key"]
            st.rerun()


def upload() -> None:
    """Audit a model that was trained elsewhere, from a table of its answers."""
    with st.expander("Audit your own model from a table of its answers", icon=":material/upload_file:"):
        st.caption(
            "A CSV with columns record, member (0 or 1), label, and logit_0, logit_1, … or loss. It stays in memory; no model is needed, nothing is unpickled."
        )
        file = st.file_uploader("Scores", type="csv", label_visibility="collapsed", key="m-upload")
        if file is None:
            return
        from mlleak_core.threats.membership.audit import audit_scores
        from mlleak_core.data.scores import read_scores

        try:
            reports = audit_scores(read_scores(file.getvalue()))
        except BadInput as problem:
            st.error(str(problem))
            return
        curve = {n: (r.roc.fpr, r.roc.tpr, r.roc.low, r.roc.high) for n, r in reports.items()}
        st.plotly_chart(loglog(curve, TITLES), key="m-own", alt="ROC of the uploaded scores")
        rows = [r.row() for r in reports.values()]
        st.dataframe(
            [
                {
                    k: r[k]
                    for k in ("attack", "auc", "auc_low", "auc_high", "tpr_at_1pct", "tpr_at_0_1pct", "n_members", "n_nonmembers")
                }
                for r in rows
            ],
            hide_index=True,
        )
        st.caption(
            "Without the records themselves the blind baseline cannot be measured: make sure that members and outsiders are alike."
        )


def show(case: Showcase) -> None:
    """Everything of one finished audit, the visitor's bet first."""
    slot = f"m-bet-{case.about['job']}"
    if case.about["shadows"] < case.about["settings"]["shadows"]:
        st.warning(f"These are the numbers of {case.about['shadows']} of {case.about['settings']['shadows']} shadows.")
    you = guess(case, slot)
    left, right = st.columns([0.58, 0.42], gap="large")
    with left:
        curves(case, you if isinstance(you, tuple) else None)
    with right:
        verdict(case)
        base_rate(case)
        risk = case.about["risk"]
        if risk:
            sure = proportion(round(risk["top"] * risk["n"]), int(risk["n"]))
            st.caption(f"A warning the trainer could have had for free (LT-IQR, from the training log): of the {risk['n']} members it calls most at risk, "
                       f"LiRA names {risk['top']:.0%} {shell.span_percent(sure.low, sure.high)}; of all members, {risk['all']:.0%}.")  # fmt: skip
    table(case)
    look_closely(case, slot, sealed=you is None)
    dots(case)


run = shell.open_page("Membership")
st.html(
    '<h1>Was this face <span class="hot">in the training set?</span></h1><p class="lead">Nothing but questions and answers: the attacker asks a model, and its confidence gives away whom it was trained on. Try it yourself first.</p>'
)
settings, reveal = controls(run)
shell.warm_workers()
if settings is not None:
    wanted, (go, _) = settings, st.columns([1, 3])
    snapshot = play.ask(
        "m", (settings, run, reveal), lambda: shell.bench().membership(wanted, run, reveal), go, "Run it live", type="primary"
    )
    shipped = settings == showcase.SETTINGS and reveal == "probabilities"
    play.outcome("m", snapshot, live, show, shell.shipped_showcase() if shipped else None,
                 "These settings have not been attacked yet. Shadows of the leaky preset take about half a minute.")  # fmt: skip
upload()
st.caption(
    shell.LABELS_NOTE + " The names shown with LFW are the data set's; whether somebody was *in* is true of this run alone."
)
