// The tape of a joint training. Everything shown comes from `data`; a click reports a bet, all else happens in the browser.

const ROWS = { label: 18, truth: 22, gap: 12, bars: 132, control: 44, axis: 20 };

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function colours(root) {
  const style = getComputedStyle(root);
  const of = (name) => style.getPropertyValue(name).trim();
  return { text: style.color, leak: of("--leak"), calm: of("--calm"), grey: of("--st-text-color") || style.color };
}

function build(root) {
  root.textContent = "";
  const make = (tag, name, parent, text) => {
    const el = document.createElement(tag);
    if (name) el.className = name;
    if (text !== undefined) el.textContent = text;
    (parent || root).append(el);
    return el;
  };
  const m = { root, at: 0, timer: 0 };
  m.people = make("div", "people");
  m.stage = make("div", "stage");
  m.stage.tabIndex = 0;
  m.stage.setAttribute("role", "slider");
  m.canvas = make("canvas", "", m.stage);
  m.canvas.setAttribute("aria-hidden", "true");
  m.bar = make("div", "bar");
  m.play = make("button", "play", m.bar);
  m.play.type = "button";
  m.slider = make("input", "", m.bar);
  m.slider.type = "range";
  m.out = make("output", "", m.bar);
  m.legend = make("div", "legend");
  m.make = make;
  return m;
}

function furnish(m) {
  const d = m.data, w = d.words;
  m.slider.setAttribute("aria-label", w.slider);
  m.play.textContent = m.timer ? w.pause : w.play;
  m.people.textContent = "";
  const person = (kind, text) => {
    const p = m.make("span", `person ${kind}`, m.people);
    p.append(document.createElement("i"), document.createTextNode(text));
  };
  person("attacker", w.attacker);
  person("victim", w.victim);
  if (d.participants > 2) person("", w.others);
  m.legend.textContent = "";
  const entry = (colour, text, line) => {
    const s = m.make("span", "", m.legend), b = document.createElement("b");
    if (line) { b.className = "line"; b.style.borderColor = colour; } else b.style.background = colour;
    s.append(b, document.createTextNode(text));
  };
  const c = colours(m.root);
  entry(c.calm, w.posterior);
  if (d.present) entry(c.leak, w.truth);
  if (d.control) entry("#8C8C8C", w.control);
  if (d.bet >= 0) entry(c.text, w.bet, true);
  if (d.alarm >= 0) entry(c.leak, w.alarm, true);
  m.slider.min = 0; m.slider.max = d.rounds - 1; m.slider.step = 1;
}

function layout(m) {
  const d = m.data, r = ROWS;
  const truth = r.label, bars = truth + r.truth + r.gap + r.label;
  const control = bars + r.bars + (d.control ? r.gap + r.label : 0);
  return { truth, bars, control, height: control + (d.control ? r.control : 0) + r.axis };
}

function draw(m) {
  const d = m.data, place = layout(m), width = m.stage.clientWidth || 600, ratio = window.devicePixelRatio || 1;
  m.canvas.style.height = `${place.height}px`;
  m.canvas.width = Math.round(width * ratio); m.canvas.height = Math.round(place.height * ratio);
  const g = m.canvas.getContext("2d"), c = colours(m.root);
  g.scale(ratio, ratio);
  g.clearRect(0, 0, width, place.height);
  const x = (round) => (round / d.rounds) * width, step = width / d.rounds;
  const shown = m.at >= d.rounds - 1 ? d.rounds : m.at + 1;
  g.font = `12px ${getComputedStyle(m.root).fontFamily}`;
  const write = (text, left, y, align = "left", alpha = 0.8) => {
    g.globalAlpha = alpha; g.fillStyle = c.text; g.textAlign = align; g.fillText(text, left, y); g.globalAlpha = 1;
  };
  write(d.present ? d.words.batch : d.words.hidden, 0, place.truth - 6);
  g.globalAlpha = 0.12; g.fillStyle = c.text; g.fillRect(0, place.truth, width, ROWS.truth); g.globalAlpha = 1;
  if (d.present) {
    g.fillStyle = c.leak;
    for (let i = 0; i < shown; i++) if (d.present[i]) g.fillRect(x(i), place.truth, Math.max(step, 1), ROWS.truth);
  } else write("?", width / 2, place.truth + 15, "center", 0.6);
  write(d.words.bars, 0, place.bars - 6);
  const bars = (at, values, top, height, colour) => {
    const gapped = at.length > 1 ? x(at[1] - at[0]) : step;
    g.globalAlpha = 0.08; g.fillStyle = c.text; g.fillRect(0, top, width, height); g.globalAlpha = 1;
    g.fillStyle = colour;
    at.forEach((round, i) => {
      if (round >= shown) return;
      const tall = Math.max(1, values[i] * height);
      g.fillRect(x(round), top + height - tall, Math.max(gapped - (gapped > 4 ? 1 : 0), 1), tall);
    });
    g.globalAlpha = 0.5; g.strokeStyle = c.text; g.setLineDash([2, 4]);
    g.beginPath(); g.moveTo(0, top + height / 2); g.lineTo(width, top + height / 2); g.stroke();
    g.setLineDash([]); g.globalAlpha = 1;
  };
  bars(d.at, d.posterior, place.bars, ROWS.bars, c.calm);
  if (d.control) {
    write(d.words.below, 0, place.control - 6);
    bars(d.controlAt, d.control, place.control, ROWS.control, "#8C8C8C");
  }
  const flag = (round, colour) => {
    g.strokeStyle = colour; g.lineWidth = 2; g.setLineDash([6, 4]);
    g.beginPath(); g.moveTo(x(round), place.truth); g.lineTo(x(round), place.bars + ROWS.bars); g.stroke();
    g.setLineDash([]); g.lineWidth = 1;
  };
  if (d.bet >= 0) flag(d.bet, c.text);
  if (d.alarm >= 0 && d.alarm < shown) flag(d.alarm, c.leak);
  if (shown < d.rounds) {
    g.strokeStyle = c.text; g.globalAlpha = 0.6; g.beginPath();
    g.moveTo(x(shown), place.truth); g.lineTo(x(shown), place.height - ROWS.axis); g.stroke(); g.globalAlpha = 1;
  }
  write(fill(d.words.round, { n: 1 }), 0, place.height - 5, "left", 0.7);
  write(fill(d.words.round, { n: d.rounds }), width, place.height - 5, "right", 0.7);
  const look = d.at.filter((round) => round < shown).length - 1;
  const sure = look >= 0 ? Math.round(100 * d.posterior[look]) : null;
  m.out.textContent = fill(sure === null ? d.words.round : d.words.sure, { n: shown, sure });
  m.slider.value = String(shown - 1);
  m.root.dataset.at = String(shown);
  m.root.dataset.bet = String(d.bet);
  told(m, shown);
}

function told(m, shown) {
  // What the canvas shows, for those who do not see it.
  const d = m.data, keys = d.betting ? ` ${d.words.enter}` : "";
  const now = { min: 1, max: d.rounds, now: shown, text: m.out.textContent };
  for (const [name, value] of Object.entries(now)) m.stage.setAttribute(`aria-value${name}`, String(value));
  m.stage.setAttribute("aria-label", `${d.words.tape}${keys}`);
}

function halt(m) { cancelAnimationFrame(m.timer); m.timer = 0; m.play.textContent = m.data.words.play; }

function go(m) {
  if (m.at >= m.data.rounds - 1) m.at = 0;
  m.play.textContent = m.data.words.pause;
  const began = performance.now(), from = m.at, pace = m.data.rounds / 9000;
  const tick = (now) => {
    if (!m.root.isConnected) { halt(m); return; }
    m.at = Math.min(m.data.rounds - 1, from + Math.floor((now - began) * pace));
    draw(m);
    if (m.at >= m.data.rounds - 1) halt(m); else m.timer = requestAnimationFrame(tick);
  };
  m.timer = requestAnimationFrame(tick);
}

function bet(m, round) {
  m.data.bet = Math.max(0, Math.min(m.data.rounds - 1, round));
  m.set("bet", m.data.bet);
  draw(m);
}

function wire(m) {
  m.play.onclick = () => (m.timer ? halt(m) : go(m));
  m.slider.oninput = () => { halt(m); m.at = Number(m.slider.value); draw(m); };
  m.canvas.onclick = (event) => {
    const box = m.canvas.getBoundingClientRect();
    const round = Math.floor(((event.clientX - box.left) / box.width) * m.data.rounds);
    if (m.data.betting) bet(m, round); else { halt(m); m.at = round; draw(m); }
  };
  m.stage.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -1e9, End: 1e9 }[event.key];
    if (step) { halt(m); m.at = Math.max(0, Math.min(m.data.rounds - 1, m.at + step)); draw(m); }
    else if (event.key === " ") { if (m.timer) halt(m); else go(m); }
    else if (event.key === "Enter" && m.data.betting) bet(m, m.at);
    else return;
    event.preventDefault();
  };
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".round-tape");
  if (!root || !data) return;
  let m = root._tape;
  const fresh = !m || m.data.name !== data.name || Boolean(m.data.present) !== Boolean(data.present);
  if (!m) { m = root._tape = build(root); wire(m); m.watch = new ResizeObserver(() => m.data && draw(m)); }
  m.data = data; m.set = setStateValue;
  root.classList.toggle("betting", data.betting);
  furnish(m);
  if (fresh) { halt(m); m.at = data.rounds - 1; }
  m.watch.observe(m.stage);
  draw(m);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (fresh && data.playing && !still) { m.at = 0; go(m); }
  return () => { halt(m); m.watch.disconnect(); };
}
