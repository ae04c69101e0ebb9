// The console's first page: a map of the sites, and figures that stay current.
"use strict";

(() => {
  const root = document.getElementById("live");
  if (!root) return;
  const words = root.dataset;
  const places = JSON.parse(document.getElementById("map-places").textContent);
  const markers = new Map();
  let map = null;

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const linked = (row, ...children) => {
    const item = element("li", row.tone);
    const link = element("a");
    link.href = row.url;
    link.append(...children);
    item.append(link);
    return item;
  };

  const popup = (place) => {
    const box = element("div", "c-popup");
    const name = element("a", "", place.name);
    name.href = place.url;
    box.append(name, element("div", "", `${place.free}/${place.known} ${words.free}`));
    for (const kind of ["charging", "faulted", "offline"]) {
      if (place[kind]) box.append(element("div", "", `${place[kind]} ${words[kind]}`));
    }
    return box;
  };

  // Without tiles the ground is a net of meridians and parallels in round degrees.
  const Net = (L) => L.GridLayer.extend({
    createTile(coordinates) {
      const tile = element("canvas");
      const size = this.getTileSize();
      const ratio = window.devicePixelRatio || 1;
      tile.width = size.x * ratio;
      tile.height = size.y * ratio;
      const pen = tile.getContext("2d");
      pen.scale(ratio, ratio);
      const style = getComputedStyle(root.querySelector(".c-map"));
      pen.strokeStyle = style.getPropertyValue("--c-net");
      pen.fillStyle = style.getPropertyValue("--c-dim");
      pen.font = "10px sans-serif";
      const corner = coordinates.scaleBy(size);
      const a = map.unproject(corner, coordinates.z);
      const b = map.unproject(corner.add(size), coordinates.z);
      const rough = (b.lng - a.lng) / 2;
      const step = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002]
        .find((wide) => wide <= rough) || 0.001;
      const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
      const line = (x0, y0, x1, y1, text) => {
        pen.beginPath();
        pen.moveTo(x0, y0);
        pen.lineTo(x1, y1);
        pen.stroke();
        pen.fillText(text, x0 + 3, y0 + (x0 === x1 ? 11 : -3));
      };
      for (let lng = Math.ceil(a.lng / step) * step; lng < b.lng; lng += step) {
        const x = map.project([a.lat, lng], coordinates.z).x - corner.x;
        line(x, 0, x, size.y, `${lng.toFixed(digits)}°`);
      }
      for (let lat = Math.ceil(b.lat / step) * step; lat < a.lat; lat += step) {
        const y = map.project([lat, a.lng], coordinates.z).y - corner.y;
        line(0, y, size.x, y, `${lat.toFixed(digits)}°`);
      }
      return tile;
    },
  });

  const draw = (shown) => {
    for (const place of shown) {
      if (place.latitude === null) continue;
      const marker = markers.get(place.url);
      if (marker) {
        marker.getElement()?.setAttribute("class", `c-marker leaflet-interactive ${place.tone}`);
        marker.setPopupContent(popup(place));
      }
    }
  };

  const begin = () => {
    const L = window.L;
    const here = places.filter((place) => place.latitude !== null);
    if (!L || !here.length) return;
    const box = document.getElementById("map");
    box.hidden = false;
    map = L.map(box, { scrollWheelZoom: false, attributionControl: Boolean(words.tiles), zoomAnimation: false });
    map.fitBounds(here.map((place) => [place.latitude, place.longitude]), { maxZoom: 13, padding: [50, 50] });
    if (words.tiles) L.tileLayer(words.tiles, { attribution: words.attribution, maxZoom: 19 }).addTo(map);
    else new (Net(L))().addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    for (const place of here) {
      const marker = L.circleMarker([place.latitude, place.longitude], {
        radius: 6 + Math.min(8, Math.sqrt(place.known) * 2), className: `c-marker ${place.tone}`,
      }).addTo(map).bindPopup(popup(place));
      marker.bindTooltip(place.name, { permanent: here.length <= 20, direction: "right", offset: [8, 0], className: "c-tip" });
      markers.set(place.url, marker);
    }
  };

  const table = (shown) => {
    if (!shown.length) return;
    const rows = shown.map((place) => {
      const row = element("tr");
      const head = element("th");
      head.scope = "row";
      const link = element("a", "", place.name);
      link.href = place.url;
      head.append(element("i", `c-dot ${place.tone}`), link);
      row.append(head, ...[`${place.free}/${place.known}`, place.charging, place.faulted, place.offline]
        .map((value) => element("td", "n", String(value))));
      return row;
    });
    root.querySelector(".c-places tbody").replaceChildren(...rows);
  };

  const show = (live) => {
    for (const box of root.querySelectorAll("[data-figure]")) {
      const figure = live.figures[box.dataset.figure];
      if (!figure) continue;
      box.className = `c-figure ${figure.tone}`;
      box.querySelector("b").textContent = figure.value;
    }
    const lists = live.lists.map((row) =>
      linked(row, element("span", "", row.title), element("b", "", String(row.count))));
    root.querySelector(".c-lists").replaceChildren(
      ...(lists.length ? lists : [element("li", "c-rest", words.nothing)]));
    root.querySelector(".c-work").replaceChildren(...live.work.map((row) => linked(row, row.text)));
    table(live.places);
    draw(live.places);
  };

  let seen = new Date();
  const stale = root.querySelector(".c-stale");
  const refresh = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(words.url, { headers: { Accept: "application/json" }, redirect: "error" });
        if (!answer.ok) throw new Error(String(answer.status));
        show(await answer.json());
        seen = new Date();
        stale.hidden = true;
      } catch {
        // The figures stay, and say how old they are; the next try is soon.
        stale.textContent = `${words.stale} ${seen.toLocaleTimeString()}.`;
        stale.hidden = false;
      }
    }
    setTimeout(refresh, Number(words.refresh) * 1000);
  };

  begin();
  setTimeout(refresh, Number(words.refresh) * 1000);
})();
