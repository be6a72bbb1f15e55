// Draws a report's figures: canvases by their own functions, charts by Plotly, which is unpacked first.

(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const places = [...document.querySelectorAll("[data-figure]")];
  const of = (place) => figures[Number(place.dataset.figure)];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  for (const place of places) {
    const figure = of(place);
    if (figure.kind === "plotly") continue;
    window.mlleak[figure.kind]({ data: figure.data, parentElement: place, setStateValue: () => {} });
  }

  const unpack = async (packed) => {
    const bytes = Uint8Array.from(atob(packed.textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    packed.remove();
    document.head.append(script);
  };

  const axis = () => ({ gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line") });

  const laid = (layout) => {
    const looks = { ...layout, template: undefined, autosize: true };
    looks.font = { ...layout.font, color: colour("--ink"), family: colour("--font") };
    const below = layout.legend && layout.legend.y < 0;
    if (below) looks.legend = { ...layout.legend, yref: "container", y: 0, yanchor: "bottom" };
    looks.hoverlabel = { font: { family: colour("--font") } };
    for (const name of Object.keys(looks)) {
      if (/^[xy]axis/.test(name)) looks[name] = { automargin: true, ...looks[name], ...axis() };
    }
    return looks;
  };

  const charts = () => {
    for (const place of places) {
      const { kind, data } = of(place);
      if (kind !== "plotly") continue;
      const layout = laid({ xaxis: {}, yaxis: {}, ...data.layout });
      window.Plotly.react(place.firstElementChild, data.data, layout, { displaylogo: false, responsive: true });
    }
  };

  const packed = document.getElementById("plotly-packed");
  const again = () => window.dispatchEvent(new Event("resize"));
  const begin = async () => {
    if (packed) {
      await unpack(packed);
      charts();
      dark.addEventListener("change", charts);
    }
    dark.addEventListener("change", again);
    document.documentElement.dataset.drawn = "yes";
  };
  begin();
})();
