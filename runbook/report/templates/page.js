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

  const at = document.getElementById("timeline-figure");
  const data = document.getElementById("timeline-data");
  if (at && data && window.Plotly) {
    const figure = JSON.parse(data.textContent);
    const still = document.getElementById("timeline-still");
    at.hidden = false;
    Plotly.newPlot(at, figure.data, figure.layout, { responsive: true, displaylogo: false, displayModeBar: false })
      .then(() => { still.hidden = true; })
      .catch(() => { at.hidden = true; });
    addEventListener("beforeprint", () => { still.hidden = false; at.hidden = true; });
    addEventListener("afterprint", () => { still.hidden = true; at.hidden = false; });
  }
}());
