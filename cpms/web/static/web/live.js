// Live values by server-sent events; without this script the page reloads itself.
"use strict";
(() => {
  const page = document.querySelector("[data-events]");
  if (!page || !window.EventSource) return;
  const age = document.getElementById("age");
  let last = Date.now();
  const source = new EventSource(page.dataset.events);
  source.onmessage = (event) => {
    last = Date.now();
    const told = JSON.parse(event.data);
    if (told.mark !== page.dataset.mark) {
      source.close();
      location.reload();
      return;
    }
    for (const [name, text] of Object.entries(told.values)) {
      for (const place of document.querySelectorAll(`[data-live="${name}"]`)) {
        if (place.textContent !== text) place.textContent = text;
        const block = place.closest("[data-optional]");
        if (block) block.hidden = text === "";
      }
    }
    const plot = document.getElementById("plot");
    if (plot && told.plot) {
      const parsed = new DOMParser().parseFromString(told.plot, "image/svg+xml");
      plot.replaceChildren(document.importNode(parsed.documentElement, true));
      plot.closest("section").hidden = false;
    }
  };
  setInterval(() => {
    const seconds = Math.round((Date.now() - last) / 1000);
    const lost = seconds > 15;
    if (age) {
      age.textContent = lost ? age.dataset.text.replace("{n}", seconds) : "";
      age.parentElement.hidden = !lost;
    }
    if (lost && source.readyState === EventSource.CLOSED && navigator.onLine) location.reload();
  }, 1000);
})();
