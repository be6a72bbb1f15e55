// A grid of records. Everything shown comes from `data`; clicking only reports which are chosen.

function face(data, at) {
  const el = document.createElement("span");
  el.className = "face";
  const cols = data.columns, row = Math.floor(at / cols), col = at % cols, rows = data.rows;
  el.style.backgroundImage = `url(data:image/jpeg;base64,${data.atlas})`;
  el.style.backgroundSize = `${cols * 100}% auto`;
  el.style.backgroundPosition = `${cols > 1 ? (col / (cols - 1)) * 100 : 0}% ${rows > 1 ? (row / (rows - 1)) * 100 : 0}%`;
  return el;
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".record-grid");
  if (!root || !data) return;
  data.rows = Math.max(1, data.atlasRows || 1);
  const chosen = new Set(data.chosen);
  root.classList.toggle("words", !data.atlas);
  root.classList.toggle("large", Boolean(data.many));
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", data.says);
  root.textContent = "";
  const image = new Image();
  const draw = () => {
    root.textContent = "";
    data.items.forEach((item, i) => {
      const b = document.createElement("button");
      b.type = "button";
      b.setAttribute("aria-pressed", String(chosen.has(i)));
      b.setAttribute("aria-label", item.alt);
      b.disabled = Boolean(data.locked);
      if (data.atlas) b.append(face(data, item.at));
      if (item.label) { const l = document.createElement("span"); l.className = "label"; l.textContent = item.label; b.append(l); }
      if (item.mark) { const k = document.createElement("span"); k.className = `mark ${item.tone}`; k.textContent = item.mark; b.append(k); }
      b.onclick = () => {
        if (data.many) { if (chosen.has(i)) chosen.delete(i); else chosen.add(i); } else { chosen.clear(); chosen.add(i); }
        [...root.children].forEach((c, k) => c.setAttribute("aria-pressed", String(chosen.has(k))));
        setStateValue("chosen", [...chosen].sort((a, c) => a - c));
      };
      root.append(b);
    });
  };
  if (!data.atlas) { draw(); return; }
  image.onload = () => { data.rows = Math.round(image.naturalHeight / data.sprite); draw(); };
  image.src = `data:image/jpeg;base64,${data.atlas}`;
}
