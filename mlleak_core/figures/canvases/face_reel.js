// Faces that emerge, words in `data.words`: the truth above, what was read below. One transport runs through the
// epochs, in the browser, without reruns.

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".face-reel");
  if (!root || !data) return;
  const words = data.words;
  const old = root._state || {};
  if (old.timer) clearInterval(old.timer);
  const state = { at: data.frames.length - 1, other: "", timer: 0, name: data.name };
  if (old.name === data.name) { state.at = Math.min(old.at, data.frames.length - 1); state.other = old.other; }
  root._state = state;
  root.textContent = "";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", words.group);
  const make = (tag, className, parent, text) => {
    const el = document.createElement(tag);
    if (className) el.className = className;
    if (text !== undefined) el.textContent = text;
    (parent || root).append(el);
    return el;
  };
  const url = `url(data:image/webp;base64,${data.atlas})`;
  const cells = [];
  const grid = make("div", "grid");
  const tile = (parent, label) => {
    const el = make("div", "tile", parent);
    el.setAttribute("role", "img");
    el.setAttribute("aria-label", label);
    el.style.backgroundImage = url;
    el.style.backgroundSize = `${data.columns * 100}% ${data.rows * 100}%`;
    return el;
  };
  const place = (el, col, row) => {
    const x = data.columns > 1 ? (col / (data.columns - 1)) * 100 : 0, y = data.rows > 1 ? (row / (data.rows - 1)) * 100 : 0;
    el.style.backgroundPosition = `${x}% ${y}%`;
  };
  grid.style.setProperty("--across", Math.min(data.count, 8));
  for (let i = 0; i < data.count; i++) {
    const cell = make("figure", "cell", grid);
    const name = data.names[i];
    const truth = tile(cell, fill(words.truth, { name })), found = tile(cell, fill(words.found, { name }));
    place(truth, i, 0);
    cells.push({ cell, found, note: make("figcaption", "", cell) });
    cell.title = data.names[i];
  }
  const controls = make("div", "controls");
  const play = make("button", "play", controls, words.play);
  play.type = "button";
  const slider = make("input", "slider", controls);
  Object.assign(slider, { type: "range", min: 0, max: data.frames.length - 1, step: 1 });
  slider.setAttribute("aria-label", data.clock);
  const label = make("span", "at", controls);
  let select = null;
  if (data.others.length) {
    select = make("select", "others", controls);
    select.setAttribute("aria-label", words.below);
    select.append(new Option(data.first, ""));
    data.others.forEach((v, i) => select.append(new Option(v.title, String(i))));
    select.value = state.other;
  }
  const note = make("div", "note");
  note.setAttribute("aria-live", "polite");
  if (data.frames.length < 2) play.hidden = slider.hidden = label.hidden = true;
  controls.hidden = data.frames.length < 2 && !select;
  note.hidden = controls.hidden;
  const draw = () => {
    const view = state.other === "" ? data.frames[state.at] : data.others[Number(state.other)];
    cells.forEach((c, i) => {
      place(c.found, i, view.row);
      const found = view.found && view.found[i];
      c.cell.classList.toggle("found", Boolean(found));
      c.note.textContent = view.errors ? `${view.errors[i].toFixed(1)}${found ? " ✓" : ""}` : "";
    });
    slider.value = state.at;
    slider.setAttribute("aria-valuetext", view.title);
    note.setAttribute("aria-live", state.timer ? "off" : "polite");
    slider.disabled = play.disabled = state.other !== "";
    label.textContent = view.title;
    note.textContent = view.note;
    root.dataset.at = String(state.at);
    root.dataset.view = view.title;
  };
  const halt = () => { clearInterval(state.timer); state.timer = 0; play.textContent = words.play; };
  const go = () => {
    state.at = 0;
    play.textContent = words.pause;
    draw();
    state.timer = setInterval(() => {
      if (!root.isConnected) { halt(); return; }
      state.at += 1;
      draw();
      if (state.at >= data.frames.length - 1) halt();
    }, 700);
  };
  play.onclick = () => (state.timer ? halt() : go());
  slider.oninput = () => { halt(); state.at = Number(slider.value); draw(); };
  if (select) select.onchange = () => { halt(); state.other = select.value; draw(); };
  draw();
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (data.autoplay && data.frames.length > 1 && old.name !== data.name && !still) go();
  return () => clearInterval(state.timer);
}
