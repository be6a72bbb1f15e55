// A map of faces on a canvas, its words in `data.words`: hover, pin, lasso, and one transport over epochs and
// layers. Only a pin is told to the server.
const memory = new WeakMap();

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function bytes(text) {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}
const int16 = (text) => new Int16Array(bytes(text).buffer);
const int8 = (text) => new Int8Array(bytes(text).buffer);
const int32 = (text) => new Int32Array(bytes(text).buffer);

function build(root) {
  root.innerHTML = `
    <div class="strip" role="group"></div>
    <div class="stage" tabindex="0" role="application"><canvas class="main" role="img"></canvas><div
      class="tip" aria-live="polite" hidden></div></div>
    <div class="legend"></div>
    <div class="bar">
      <button class="play" type="button">▶</button>
      <input class="epochs" type="range" min="0" value="0" step="1">
      <output class="now"></output>
      <span class="views" role="group"></span>
    </div>
    <div class="keys"></div>
    <div class="picked" hidden></div>`;
  const q = (s) => root.querySelector(s);
  return {
    root, strip: q(".strip"), stage: q(".stage"), canvas: q(".main"), tip: q(".tip"), legend: q(".legend"),
    bar: q(".bar"), play: q(".play"), epochs: q(".epochs"), now: q(".now"), views: q(".views"), keys: q(".keys"),
    picked: q(".picked"), view: "map", layer: null, epoch: null, hover: -1, person: -1, chosen: [], loop: null,
    frames: {}, shown: null, from: null, started: 0, timer: null, id: null, drag: null,
  };
}

function key(m) { return `${m.epoch}/${m.layer}`; }

function frame(m, layer, epoch, view) {
  const name = `${view}/${epoch}/${layer}`;
  const text = m.data.frames[name];
  if (!text) return null;
  if (!m.frames[name] || m.frames[name].text !== text) m.frames[name] = { text, points: int16(text) };
  return m.frames[name].points;
}

function nearestEpoch(m) {
  // Frames arrive from the last epoch backwards: show the closest one that is there.
  const there = m.data.epochs.filter((e) => m.data.frames[`${m.view}/${e}/${m.layer}`]);
  if (!there.length) return null;
  return there.reduce((a, b) => (Math.abs(b - m.epoch) < Math.abs(a - m.epoch) ? b : a));
}

function css(m, name, fallback) {
  return getComputedStyle(m.root).getPropertyValue(name).trim() || fallback;
}

function colourOf(m, i) {
  if (!m.codes) return m.grey;
  const c = m.codes[i];
  return c < 0 || !m.data.colours[c] ? m.grey : m.data.colours[c];
}

function mark(ctx, x, y, r, triangle) {
  ctx.beginPath();
  if (triangle) {
    ctx.moveTo(x, y - r * 1.15); ctx.lineTo(x + r * 1.05, y + r * 0.8); ctx.lineTo(x - r * 1.05, y + r * 0.8);
    ctx.closePath();
  } else ctx.arc(x, y, r, 0, 6.2832);
}

function place(points, i, w, h, pad) {
  // Axes mean nothing: let the picture fill its frame.
  return [w / 2 + (points[2 * i] / 31000) * (w / 2 - pad), h / 2 - (points[2 * i + 1] / 31000) * (h / 2 - pad)];
}

function paint(m, canvas, points, small) {
  const ratio = window.devicePixelRatio || 1;
  const w = canvas.clientWidth, h = canvas.clientHeight;
  if (!w || !h || !points) return;
  if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
  if (canvas.height !== Math.round(h * ratio)) canvas.height = Math.round(h * ratio);
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, h);
  const pad = small ? 4 : 14, r = small ? 1.1 : Math.max(2.6, Math.min(4.2, w / 170));
  const chosen = new Set(m.chosen);
  for (const bright of [false, true]) {
    for (let i = 0; i < m.n; i += small ? 2 : 1) {
      const colour = colourOf(m, i);
      if ((colour !== m.grey) !== bright) continue;
      const [x, y] = place(points, i, w, h, pad);
      ctx.fillStyle = colour;
      ctx.globalAlpha = m.chosen.length && !chosen.has(i) ? 0.15 : bright ? 0.95 : 0.9;
      mark(ctx, x, y, r, m.task[i] === 1);
      // Hollow and filled tell the classes apart without any colour.
      if (m.codes && !bright && !small) { ctx.strokeStyle = colour; ctx.lineWidth = 1.2; ctx.stroke(); } else ctx.fill();
    }
  }
  ctx.globalAlpha = 1;
  if (small) return;
  ctx.lineWidth = 2;
  ctx.strokeStyle = m.ink;
  if (m.person >= 0) for (let i = 0; i < m.n; i++) if (m.people[i] === m.person) {
    const [x, y] = place(points, i, w, h, pad);
    mark(ctx, x, y, r * 2.1, false); ctx.stroke();
  }
  if (m.hover >= 0) {
    const [x, y] = place(points, m.hover, w, h, pad);
    mark(ctx, x, y, r * 1.8, false); ctx.stroke();
  }
  if (m.loop && m.loop.length > 1) {
    ctx.setLineDash([4, 4]); ctx.beginPath();
    m.loop.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.closePath(); ctx.stroke(); ctx.setLineDash([]);
  }
}

function still() { return window.matchMedia("(prefers-reduced-motion: reduce)").matches; }

function go(m) {
  const epoch = nearestEpoch(m);
  const goal = epoch === null ? null : frame(m, m.layer, epoch, m.view);
  if (!goal) return;
  const from = m.shown;
  if (!from || from.length !== goal.length || still()) { m.shown = goal; draw(m); return; }
  const start = performance.now(), length = 420, begin = Float32Array.from(from);
  m.started = start;
  const tick = (now) => {
    if (m.started !== start) return;
    const t = Math.min(1, (now - start) / length), e = t * t * (3 - 2 * t);
    const mid = new Float32Array(goal.length);
    for (let i = 0; i < goal.length; i++) mid[i] = begin[i] + (goal[i] - begin[i]) * e;
    m.shown = t < 1 ? mid : goal;
    paint(m, m.canvas, m.shown, false);
    if (t < 1) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  words(m);
}

function words(m) {
  const epoch = nearestEpoch(m);
  const last = m.data.epochs[m.data.epochs.length - 1];
  const at = epoch === 0 ? m.data.words.untrained : fill(m.data.words.at, { epoch, last });
  m.now.textContent = epoch === null ? "" : at;
  m.epochs.max = String(m.data.epochs.length - 1);
  m.epochs.value = String(Math.max(0, m.data.epochs.indexOf(m.epoch)));
  [...m.strip.children].forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.layer === m.layer)));
  [...m.views.children].forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.view === m.view)));
  const here = fill(m.data.words.now, { layer: m.layer, epoch: m.now.textContent });
  m.canvas.setAttribute("aria-label", `${m.data.alt} ${here}`);
  m.root.dataset.layer = m.layer; m.root.dataset.epoch = String(epoch); m.root.dataset.frames = String(Object.keys(m.data.frames).length);
}

function draw(m) {
  m.grey = css(m, "--grey", "#b9b7b2"); m.ink = css(m, "--st-text-color", "#1d2330");
  paint(m, m.canvas, m.shown, false);
  for (const tab of m.strip.children) {
    const e = m.data.epochs.filter((x) => m.data.frames[`${m.view}/${x}/${tab.dataset.layer}`]);
    if (!e.length) continue;
    const close = e.reduce((a, b) => (Math.abs(b - m.epoch) < Math.abs(a - m.epoch) ? b : a));
    paint(m, tab.querySelector("canvas"), frame(m, tab.dataset.layer, close, m.view), true);
  }
  words(m);
}

function sprite(m, i, side) {
  const el = document.createElement("span");
  el.className = "face";
  const k = side / m.data.sprite, cols = m.data.columns;
  el.style.cssText = `width:${side}px;height:${side}px;background-image:url(data:image/jpeg;base64,${m.data.atlas});` +
    `background-size:${cols * side}px auto;background-position:-${(i % cols) * side}px -${Math.floor(i / cols) * side}px`;
  el.setAttribute("role", "img");
  el.setAttribute("aria-label", describe(m, i));
  return el;
}

function describe(m, i) {
  const parts = [m.data.taskClasses[m.task[i]]];
  if (m.codes) for (const l of m.labels) { const c = l.codes[i]; if (c >= 0) parts.push(l.classes[c]); }
  return parts.join(" · ");
}

function tip(m, x, y) {
  if (m.hover < 0) { m.tip.hidden = true; return; }
  m.tip.textContent = "";
  m.tip.append(sprite(m, m.hover, 72));
  const text = document.createElement("div");
  const who = document.createElement("b");
  const nameless = () => fill(m.data.words.person, { n: m.people[m.hover] + 1 });
  who.textContent = m.data.people ? m.data.people[m.hover] : nameless();
  const what = document.createElement("span");
  what.textContent = describe(m, m.hover);
  const hint = document.createElement("i");
  hint.textContent = m.data.words[m.people[m.hover] === m.person ? "pinned" : "pin"];
  text.append(who, what, hint);
  m.tip.append(text);
  m.tip.hidden = false;
  const w = m.stage.clientWidth;
  m.tip.style.left = `${Math.min(Math.max(4, x + 14), w - 230)}px`;
  m.tip.style.top = `${y > 120 ? y - 108 : y + 14}px`;
}

function list(m) {
  m.picked.textContent = "";
  m.picked.hidden = !m.chosen.length;
  if (!m.chosen.length) return;
  const head = document.createElement("div");
  head.className = "head";
  const women = m.chosen.filter((i) => m.task[i] === 0).length;
  const [first, second] = m.data.taskClasses;
  const counts = { n: m.chosen.length, a: women, b: m.chosen.length - women };
  let text = fill(m.data.words.chosen, { ...counts, first, second });
  if (m.codes) {
    const counts = m.data.classes.map((c, k) => [c, m.chosen.filter((i) => m.codes[i] === k).length]).filter((p) => p[1]);
    text += ` · ${counts.map(([c, k]) => `${k} ${c}`).join(", ")}`;
  }
  head.textContent = text;
  const grid = document.createElement("div");
  grid.className = "grid";
  m.chosen.slice(0, 80).forEach((i) => grid.append(sprite(m, i, 40)));
  m.picked.append(head, grid);
}

function keep(m, person) {
  if (person === m.person) return;
  m.person = person;
  if (m.data.keeps) m.tell("pinned", person);
}

function inside(loop, x, y) {
  let odd = false;
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
    const [a, b] = loop[i], [c, d] = loop[j];
    if (b > y !== d > y && x < ((c - a) * (y - b)) / (d - b) + a) odd = !odd;
  }
  return odd;
}

function step(m, epochs, layers) {
  const e = m.data.epochs, l = m.data.layers;
  m.epoch = e[Math.min(e.length - 1, Math.max(0, e.indexOf(m.epoch) + epochs))];
  m.layer = l[Math.min(l.length - 1, Math.max(0, l.indexOf(m.layer) + layers))];
  go(m); draw(m);
}

function reach(m, by) {
  // The next face in the data's order: what hovering does, without a mouse.
  if (!m.shown) return;
  m.hover = m.hover < 0 ? 0 : (m.hover + by + m.n) % m.n;
  tip(m, ...place(m.shown, m.hover, m.canvas.clientWidth, m.canvas.clientHeight, 14));
  draw(m);
}

function playing(m, on) {
  clearInterval(m.timer); m.timer = null;
  m.play.textContent = on ? "❚❚" : "▶";
  m.play.setAttribute("aria-label", m.data.words[on ? "pause" : "play"]);
  if (!on) return;
  if (m.epoch === m.data.epochs[m.data.epochs.length - 1]) { m.epoch = m.data.epochs[0]; go(m); draw(m); }
  m.timer = setInterval(() => {
    if (m.epoch === m.data.epochs[m.data.epochs.length - 1]) { playing(m, false); return; }
    step(m, 1, 0);
  }, 900);
}

function wire(m) {
  const at = (event) => { const b = m.canvas.getBoundingClientRect(); return [event.clientX - b.left, event.clientY - b.top]; };
  const nearest = (x, y) => {
    let best = -1, far = 14 * 14;
    const w = m.canvas.clientWidth, h = m.canvas.clientHeight;
    for (let i = 0; i < m.n; i++) {
      const [a, b] = place(m.shown, i, w, h, 14), d = (a - x) ** 2 + (b - y) ** 2;
      if (d < far) { far = d; best = i; }
    }
    return best;
  };
  m.canvas.onpointermove = (event) => {
    if (!m.shown) return;
    const [x, y] = at(event);
    if (m.drag) {
      if (Math.hypot(x - m.drag[0], y - m.drag[1]) > 5 || m.loop) { (m.loop = m.loop || [m.drag]).push([x, y]); }
    } else { m.hover = nearest(x, y); tip(m, x, y); }
    paint(m, m.canvas, m.shown, false);
  };
  m.canvas.onpointerleave = () => { m.hover = -1; tip(m, 0, 0); if (m.shown) paint(m, m.canvas, m.shown, false); };
  m.canvas.onpointerdown = (event) => { m.drag = at(event); m.hover = -1; tip(m, 0, 0); m.canvas.setPointerCapture(event.pointerId); m.stage.focus({ preventScroll: true }); };
  m.canvas.onpointerup = (event) => {
    const [x, y] = at(event);
    if (m.loop && m.shown) {
      const w = m.canvas.clientWidth, h = m.canvas.clientHeight;
      m.chosen = [];
      for (let i = 0; i < m.n; i++) if (inside(m.loop, ...place(m.shown, i, w, h, 14))) m.chosen.push(i);
      list(m);
    } else if (m.shown) {
      const i = nearest(x, y);
      keep(m, i < 0 || m.people[i] === m.person ? -1 : m.people[i]);
      if (i < 0 && m.chosen.length) { m.chosen = []; list(m); }
    }
    m.drag = m.loop = null;
    draw(m);
  };
  m.stage.onkeydown = (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (moves[event.key]) step(m, ...moves[event.key]);
    else if (event.key === " ") playing(m, !m.timer);
    else if (event.key === "n" || event.key === "p") reach(m, event.key === "n" ? 1 : -1);
    else if (event.key === "Enter" && m.hover >= 0) { keep(m, m.people[m.hover] === m.person ? -1 : m.people[m.hover]); reach(m, 0); }
    else if (event.key === "Escape") { m.chosen = []; m.hover = -1; tip(m, 0, 0); keep(m, -1); list(m); draw(m); }
    else return;
    event.preventDefault();
  };
  m.epochs.oninput = () => { playing(m, false); m.epoch = m.data.epochs[Number(m.epochs.value)]; go(m); draw(m); };
  m.play.onclick = () => playing(m, !m.timer);
}

function label(m) {
  const named = [
    [m.strip, "layers"], [m.stage, "stage"], [m.epochs, "epoch"], [m.views, "view"],
    [m.play, m.timer ? "pause" : "play"],
  ];
  for (const [element, name] of named) element.setAttribute("aria-label", m.data.words[name]);
  m.keys.textContent = m.data.words.keys;
}

function furnish(m) {
  label(m);
  m.strip.textContent = "";
  for (const layer of m.data.layers) {
    const tab = document.createElement("button");
    tab.type = "button"; tab.dataset.layer = layer;
    const name = document.createElement("span");
    name.textContent = m.data.layerNames[layer] || layer;
    tab.append(document.createElement("canvas"), name);
    tab.onclick = () => { m.layer = layer; go(m); draw(m); };
    m.strip.append(tab);
  }
  m.views.textContent = "";
  for (const [view, name] of [["map", "UMAP"], ["linear", m.data.words.linear]]) {
    if (!Object.keys(m.data.frames).some((k) => k.startsWith(`${view}/`))) continue;
    const b = document.createElement("button");
    b.type = "button"; b.dataset.view = view; b.textContent = name;
    b.onclick = () => { m.view = view; go(m); draw(m); };
    m.views.append(b);
  }
  m.legend.textContent = "";
  const entry = (glyph, colour, text) => {
    const s = document.createElement("span"), g = document.createElement("b");
    g.textContent = glyph; if (colour) g.style.color = colour;
    s.append(g, document.createTextNode(" " + text)); m.legend.append(s);
  };
  entry("●", "", m.data.taskClasses[0]); entry("▲", "", m.data.taskClasses[1]);
  if (m.codes) {
    if (m.data.classes.length > 5) {
      const s = document.createElement("span"); s.className = "ramp";
      const bar = document.createElement("i");
      bar.style.background = `linear-gradient(90deg, ${m.data.colours.join(",")})`;
      s.append(document.createTextNode(m.data.classes[0] + " "), bar, document.createTextNode(" " + m.data.classes[m.data.classes.length - 1]));
      m.legend.append(s);
    } else m.data.classes.forEach((c, k) => { if (m.data.colours[k]) entry("■", m.data.colours[k], c); });
  } else entry("?", "", m.data.hidden || "");
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".face-map");
  if (!root || !data) return;
  let m = memory.get(parentElement);
  if (!m || m.root !== root) { m = build(root); memory.set(parentElement, m); wire(m); m.watch = new ResizeObserver(() => m.data && draw(m)); m.watch.observe(m.stage); }
  const fresh = m.id !== data.id;
  m.data = data; m.tell = setStateValue;
  m.n = data.n;
  m.task = int8(data.task); m.people = int32(data.person);
  m.codes = data.codes ? int8(data.codes) : null;
  m.labels = (data.labels || []).map((l) => ({ ...l, codes: int8(l.codes) }));
  if (fresh) {
    m.id = data.id; m.frames = {}; m.shown = null; m.chosen = []; playing(m, false);
    m.person = m.people.includes(data.pinned) ? data.pinned : -1;
    m.layer = data.layer; m.epoch = data.epochs[data.epochs.length - 1]; list(m);
  }
  root.classList.toggle("compact", Boolean(data.compact));
  furnish(m);
  if (!m.shown) go(m); 
  draw(m);
  return () => { clearInterval(m.timer); m.watch.disconnect(); memory.delete(parentElement); };
}
