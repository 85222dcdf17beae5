// The list of layers beside the map: toggles, opacity, legend.

import { day, make, t } from "../lib/page";
import { shapeOf, storeysField, type Layer } from "./model";
import { legend, METRES_PER_STOREY, swatch, type Scheme } from "./paint";

export interface Wishes {
  toggle: (slug: string, on: boolean) => void;
  opacity: (slug: string, value: number) => void;
}

const ACCESS: Record<string, string> = {
  open: t("Open to all"),
  shared: t("Shared among departments"),
  restricted: t("By agreement"),
  closed: t("Not shared"),
};

export function panel(
  place: HTMLElement,
  layers: Layer[],
  shown: ReadonlySet<string>,
  opacity: ReadonlyMap<string, number>,
  look: Scheme,
  wishes: Wishes,
): void {
  place.replaceChildren(...layers.map((layer, number) => row(layer, number)));

  function row(layer: Layer, number: number): HTMLElement {
    const box = make("input", { type: "checkbox", name: "layer", value: layer.slug });
    box.checked = shown.has(layer.slug);
    const mark = make("span", { class: `swatch ${shapeOf(layer)}`, "aria-hidden": "true" });
    mark.style.background = swatch(layer, number, look);
    const range = make("input", {
      type: "range", min: "0", max: "1", step: "0.05",
      "aria-label": t("Opacity of {layer}", { layer: layer.title }),
    });
    range.value = String(opacity.get(layer.slug) ?? 1);
    const more = make("div", {}, make("label", { class: "opacity" }, make("span", { "aria-hidden": "true" }, t("Opacity")), range));
    more.hidden = !box.checked;
    const entries = legend(layer, look.dark, (id) => t(id));
    if (entries.length) more.append(keys(layer, entries));
    box.addEventListener("change", () => {
      more.hidden = !box.checked;
      wishes.toggle(layer.slug, box.checked);
    });
    range.addEventListener("input", () => wishes.opacity(layer.slug, Number(range.value)));
    const about = layer.agreement ? t("under {agreement}", { agreement: layer.agreement }) : (ACCESS[layer.access] ?? layer.access);
    return make(
      "div",
      { class: "layer" },
      make("label", { class: "check" }, box, " ", layer.title, mark),
      make(
        "div",
        { class: "meta" },
        make("span", {}, about),
        make("span", {}, t("version {number}, {when}", { number: layer.version, when: day(layer.updated) })),
        make("a", { href: `/resources/${layer.slug}` }, t("Details"), make("span", { class: "sr" }, ` ${layer.title}`)),
      ),
      more,
    );
  }

  function keys(layer: Layer, entries: { colour: string; label: string }[]): HTMLElement {
    const place = make("div", { class: "legend" });
    for (const entry of entries) {
      const sample = make("i", { "aria-hidden": "true" });
      sample.style.background = entry.colour;
      place.append(make("div", {}, sample, make("span", {}, entry.label)));
    }
    const storeys = storeysField(layer);
    if (storeys) {
      place.append(make("div", {}, t("Where only storeys are known: {metres} m each", { metres: METRES_PER_STOREY })));
    }
    return place;
  }
}
