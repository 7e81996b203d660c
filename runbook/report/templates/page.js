"use strict";
(function () {
  const rows = Array.from(document.querySelectorAll("#claims tbody tr[data-state]"));
  const buttons = Array.from(document.querySelectorAll("#claims .filter button"));
  const none = document.querySelector("#claims .none");
  function show(wanted) {
    let shown = 0;
    for (const row of rows) {
      row.hidden = wanted !== "all" && row.dataset.state !== wanted;
      if (!row.hidden) shown += 1;
    }
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.value === wanted));
    if (none) none.hidden = shown > 0;
  }
  for (const button of buttons) button.addEventListener("click", () => show(button.value));
  const filter = document.querySelector("#claims .filter");
  if (filter) { filter.hidden = false; show(filter.dataset.first); }

  /* A link into something folded unfolds it. */
  function unfold() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  }
  addEventListener("hashchange", unfold);
  unfold();

  /* plotly.js travels as gzip in base64; a browser that cannot unpack it keeps the drawing that needs no script. */
  async function plotly() {
    const packed = atob(document.getElementById("plotly").textContent);
    const bytes = Uint8Array.from(packed, (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    return window.Plotly;
  }

  function dressed(layout) {
    const colour = getComputedStyle(document.body).getPropertyValue("--soft").trim();  // of the screen's theme, or of paper
    return { ...layout, font: { ...(layout.font || {}), color: colour } };
  }

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const options = { responsive: true, displaylogo: false, displayModeBar: false };
  async function draw(Plotly, at, figure) {
    at.hidden = false;
    try {
      await Plotly.newPlot(at, figure.data, dressed(figure.layout), options);
      const dress = () => Plotly.relayout(at, dressed(figure.layout));
      dark.addEventListener("change", dress);
      for (const name of ["beforeprint", "afterprint"]) addEventListener(name, dress);
      return true;
    } catch (error) {
      at.hidden = true;
      return false;
    }
  }

  async function drawAll() {
    const Plotly = await plotly();
    for (const at of document.querySelectorAll(".picture .draw")) {
      await draw(Plotly, at, JSON.parse(at.nextElementSibling.textContent));
    }
    const at = document.getElementById("timeline-figure");
    const data = document.getElementById("timeline-data");
    if (!at || !data) return;
    const still = document.getElementById("timeline-still");
    still.hidden = await draw(Plotly, at, JSON.parse(data.textContent));
    addEventListener("beforeprint", () => { still.hidden = false; at.hidden = true; });
    addEventListener("afterprint", () => { still.hidden = true; at.hidden = false; });
  }
  if (document.getElementById("plotly") && window.DecompressionStream) drawAll().catch(() => {});
}());
