// The list of layers beside the map: groups, switches; what more can be said of one opens under it.

import { make, t } from "../lib/page";
import type { City } from "./city";
import { shapeOf, type CityLayer } from "./model";
import { scheme, swatch } from "./paint";

const MANY = 8;

export function panel(place: HTMLElement, city: City): void {
  const look = scheme();
  const groups = city.data.groups.flatMap(({ id, name }) => {
    const layers = city.data.layers.filter((layer) => layer.group === id);
    if (!layers.length) return [];
    return [make("div", { class: "layer-group", role: "group", "aria-label": name }, make("h3", {}, name), ...layers.map(row))];
  });
  place.replaceChildren(...(city.data.layers.length > MANY ? [search()] : []), ...groups);

  function row(layer: CityLayer): HTMLElement {
    const box = make("input", { type: "checkbox", name: "layer", value: layer.slug });
    box.checked = city.shown.has(layer.slug);
    const mark = make("span", { class: `swatch ${shapeOf(layer)}`, "aria-hidden": "true" });
    mark.style.background = swatch(layer, city.data.layers.indexOf(layer), look);
    const more = make("div", { class: "layer-more" });
    more.hidden = true;
    const open = make("button", { type: "button", class: "more", "aria-expanded": "false" }, make("span", { class: "sr" }, t("More of {layer}", { layer: layer.title })));
    open.addEventListener("click", async () => {
      more.hidden = !more.hidden;
      open.setAttribute("aria-expanded", String(!more.hidden));
      if (!more.hidden && !more.childElementCount) more.replaceChildren(...(await import("./options")).options(city, layer));
    });
    box.addEventListener("change", () => {
      if (box.checked) city.shown.add(layer.slug);
      else city.shown.delete(layer.slug);
      city.retile(layer);
      city.refresh(layer.slug);
      city.tell("layers");
    });
    const label = make("label", { class: "check" }, box, " ", mark, make("span", { class: "name" }, layer.title));
    const health = layer.health ? [make("a", { class: `badge layer-health ${layer.health.badge}`, href: `/resources/${encodeURIComponent(layer.slug)}/health` }, layer.health.text)] : [];
    return make("div", { class: "layer", "data-title": layer.title.toLowerCase() }, make("div", { class: "layer-row" }, label, ...health, open), more);
  }

  function search(): HTMLElement {
    const input = make("input", { type: "search", class: "layer-search", "aria-label": t("Search the layers"), placeholder: t("Search the layers") });
    input.addEventListener("input", () => {
      const words = input.value.trim().toLowerCase();
      for (const group of place.querySelectorAll<HTMLElement>(".layer-group")) {
        const rows = [...group.querySelectorAll<HTMLElement>(".layer")];
        for (const one of rows) one.hidden = !one.dataset["title"]?.includes(words);
        group.hidden = rows.every((one) => one.hidden);
      }
    });
    return input;
  }
}
