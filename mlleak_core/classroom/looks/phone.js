// Waits for the class to move on, and takes the new page in place of the old one.
(() => {
  const body = document.body;
  const line = document.getElementById("line");
  let seen = Number(body.dataset.seen);
  let waiting = null;

  const showLine = (lost) => { line.hidden = !lost; };

  // What is chosen and not yet locked, so that it outlives a change elsewhere.
  const choices = (page) => ({
    step: page.querySelector("input[name=step]")?.value,
    open: !page.querySelector("fieldset")?.disabled,
    picked: [...page.querySelectorAll("input[name=pick]:checked")].map((box) => box.value),
    number: page.querySelector("input[type=number]")?.value,
  });

  const restore = (before) => {
    const now = choices(document);
    if (!now.open || !before.open || now.step !== before.step) return;
    document.querySelectorAll("input[name=pick]").forEach((box) => {
      if (box.type === "number") box.value = before.number;
      else box.checked = before.picked.includes(box.value);
    });
    const slider = document.querySelector("input[type=range]");
    if (slider) slider.value = before.number;
  };

  const replace = async () => {
    const answer = await fetch(body.dataset.here, { credentials: "same-origin" });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!found.body.dataset.room) { location.replace(body.dataset.here); return; }
    const before = choices(document);
    document.querySelector("main").replaceWith(found.querySelector("main"));
    restore(before);
    seen = Number(found.body.dataset.seen);
    body.dataset.here = found.body.dataset.here;
    arrange();
    const head = document.querySelector("main h1");
    head.tabIndex = -1;
    head.focus();
  };

  const follow = async () => {
    let pause = 500;
    for (;;) {
      try {
        waiting = new AbortController();
        const answer = await fetch(`/r/${body.dataset.room}/wait?seen=${seen}`, { signal: waiting.signal });
        if (answer.status === 404) { location.replace(body.dataset.here); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        showLine(false);
        pause = 500;
        if ((await answer.json()).version !== seen) await replace();
      } catch (error) {
        showLine(error.name !== "AbortError");
        await new Promise((done) => setTimeout(done, error.name === "AbortError" ? 50 : pause));
        pause = Math.min(2 * pause, 5000);
      }
    }
  };

  // No more choices than asked for; the slider and the number say the same.
  const arrange = () => {
    const form = document.querySelector("form[data-most]");
    if (!form) return;
    const most = Number(form.dataset.most);
    const boxes = [...form.querySelectorAll("input[type=checkbox]")];
    const limit = () => {
      const full = boxes.filter((box) => box.checked).length >= most;
      boxes.forEach((box) => { box.disabled = full && !box.checked; });
    };
    boxes.forEach((box) => box.addEventListener("change", limit));
    if (choices(document).open) limit();
    const slider = form.querySelector("input[type=range]");
    const number = form.querySelector("input[type=number]");
    if (slider && number) {
      slider.addEventListener("input", () => { number.value = slider.value; });
      number.addEventListener("input", () => { slider.value = number.value; });
    }
    form.addEventListener("submit", () => { form.querySelectorAll("button").forEach((b) => { b.disabled = true; }); });
  };

  // A phone that slept asks at once where the class is.
  document.addEventListener("visibilitychange", () => { if (!document.hidden && waiting) waiting.abort(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.replace(body.dataset.here); });
  arrange();
  follow();
})();
