// Two times beside each other: a map to swipe, or what differs coloured on the map and in a list.

import maplibregl, { type Map as Drawn } from "maplibre-gl";
import { make, need, t } from "../lib/page";
import type { City } from "./city";
import { differing, drawDifferences, type Differing } from "./differ";
import { TimeChoice } from "./time";

/** Open the comparison in `place`; gives what closes it. */
export function compare(place: HTMLElement, city: City, pick: (slug: string, id: string, at: [number, number]) => void, shut: () => void): () => void {
  const other = (city.state.other ??= { day: lastYear(city.data.today), known: null });
  const canvas = need("map").parentElement as HTMLElement;
  const again = (): void => {
    if (city.state.differ) void differ();
    else swipe?.retile();
  };
  const here = new TimeChoice(city, city.state.when, () => {
    for (const layer of city.visible) city.retile(layer);
    city.tell("when");
    again();
  }, t("Right: now on the map"));
  const there = new TimeChoice(city, other, () => {
    city.remember();
    again();
  }, t("Left: compared with"));
  const list = make("div", { class: "differences-list", role: "status" });
  const layers = make("select", { "aria-label": t("Layer") });
  const both = make("div", { class: "seg modes", role: "group", "aria-label": t("How to compare") });
  const modes: [string, string][] = [["", t("Swipe")], ["differ", t("Differences")]];
  for (const [mode, name] of modes) {
    const button = make("button", { type: "button", "data-mode": mode }, name);
    button.addEventListener("click", () => enter(mode));
    both.append(button);
  }
  const close = make("button", { type: "button", class: "quiet slim", "aria-label": t("Close") }, "×");
  close.addEventListener("click", shut);
  const chosen = make("label", { class: "choose" }, make("span", {}, t("Layer")), layers);
  place.replaceChildren(
    make("div", { class: "card side-card" }, make("div", { class: "between" }, make("h2", { class: "h3" }, t("Compare two times")), close), both, there.element, here.element, chosen, list),
  );
  let swipe: Swipe | undefined;

  const offer = (): void => {
    const able = city.visible.filter((layer) => !layer.imagery);
    layers.replaceChildren(...able.map((layer) => make("option", { value: layer.slug }, layer.title)));
    const timed = able.find((layer) => layer.slug === city.state.differ) ?? able.find((layer) => layer.time) ?? able.find((layer) => layer.version > 1) ?? able[0];
    if (timed) layers.value = timed.slug;
  };
  const differ = async (): Promise<void> => {
    const layer = city.known.get(layers.value);
    if (!layer) return;
    list.replaceChildren(make("p", { class: "hint" }, t("Asking …")));
    try {
      const found = await differing(city, layer, other, city.state.when);
      drawDifferences(city.map, found);
      show(found);
    } catch (error) {
      list.replaceChildren(make("p", { class: "note bad" }, error instanceof Error ? error.message : String(error)));
    }
  };
  const show = (found: Differing): void => {
    const words = { added: t("added"), changed: t("changed"), removed: t("removed") };
    const signs = { added: "+", changed: "≠", removed: "−" };
    const counts = make("p", { class: "meta" }, ...(["added", "changed", "removed"] as const).map((how) => make("span", { class: `key ${how}` }, `${signs[how]} ${words[how]}: ${found.features.filter((one) => one.how === how).length}`)));
    const rows = found.features.slice(0, 200).map((one) => {
      const button = make("button", { type: "button", class: "plain" }, one.name);
      button.addEventListener("click", () => one.at && pick(found.layer.slug, one.id, one.at));
      return make("li", {}, make("span", { class: `key ${one.how}` }, signs[one.how], make("span", { class: "sr" }, words[one.how])), " ", button, ...(one.fields.length ? [make("span", { class: "hint" }, ` ${one.fields.join(", ")}`)] : []));
    });
    list.replaceChildren(
      counts,
      ...(rows.length ? [make("ul", { class: "plain-list" }, ...rows)] : [make("p", {}, t("Nothing in view differs."))]),
      ...(found.cut ? [make("p", { class: "hint" }, t("More features are in view than are compared: move closer."))] : []),
      make("p", { class: "small" }, make("a", { href: `/data/${found.layer.slug}/versions?f=html` }, t("Versions"))),
    );
  };
  const enter = (mode: string): void => {
    city.state.differ = mode ? layers.value : "";
    for (const button of both.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset["mode"] === mode));
    chosen.hidden = !mode;
    swipe?.remove();
    swipe = undefined;
    drawDifferences(city.map, null);
    list.replaceChildren();
    if (mode) void differ();
    else swipe = new Swipe(canvas, city);
    city.remember();
  };
  layers.addEventListener("change", () => enter("differ"));
  const follow = (): void => {
    offer();
    swipe?.refresh();
  };
  const moved = (): void => {
    if (city.state.differ) void differ();
  };
  city.hear("layers", follow);
  city.hear("tall", follow);
  city.map.on("moveend", moved);
  offer();
  enter(city.state.differ ? "differ" : "");
  return () => {
    swipe?.remove();
    drawDifferences(city.map, null);
    city.map.off("moveend", moved);
    city.removeEventListener("layers", follow);
    city.removeEventListener("tall", follow);
    city.state.other = null;
    city.state.differ = "";
    place.replaceChildren();
    city.remember();
  };
}

function lastYear(today: string): string {
  return `${Number(today.slice(0, 4)) - 1}${today.slice(4)}`.replace("-02-29", "-02-28");
}

/** A second map over the left part of the first, of the other time, that follows it. */
class Swipe {
  private readonly over = make("div", { class: "swipe-map", "aria-hidden": "true" });
  private readonly handle = make("input", { type: "range", class: "swipe", min: "0", max: "1", step: "0.01" });
  private readonly line = make("div", { class: "swipe-line", "aria-hidden": "true" });
  private readonly map: Drawn;
  private readonly follow = (): void => this.moved();

  constructor(
    canvas: HTMLElement,
    private readonly city: City,
  ) {
    this.handle.setAttribute("aria-label", t("Where the two maps meet"));
    this.handle.value = String(city.state.swipe);
    canvas.append(this.over, this.line, this.handle);
    const style = structuredClone(city.map.getStyle());
    for (const name of ["picked", "pointed", "difference"]) delete style.sources[name];
    style.layers = style.layers.filter((layer) => !("source" in layer) || layer.source in style.sources);
    this.map = new maplibregl.Map({ container: this.over, style, interactive: false, attributionControl: false, localIdeographFontFamily: city.map._localIdeographFontFamily, center: city.map.getCenter(), zoom: city.map.getZoom(), bearing: city.map.getBearing(), pitch: city.map.getPitch(), maxPitch: 78 });
    this.map.on("load", () => {
      this.retile();
      this.refresh();
    });
    this.map.on("idle", () => (this.over.dataset["ready"] = "true"));
    this.map.on("error", () => undefined);
    city.map.on("move", this.follow);
    this.handle.addEventListener("input", () => {
      city.state.swipe = Number(this.handle.value);
      this.cut();
    });
    this.handle.addEventListener("change", () => city.remember());
    this.cut();
  }

  private moved(): void {
    const from = this.city.map;
    this.map.jumpTo({ center: from.getCenter(), zoom: from.getZoom(), bearing: from.getBearing(), pitch: from.getPitch() });
  }

  private cut(): void {
    const share = `${this.city.state.swipe * 100}%`;
    this.over.style.clipPath = `inset(0 calc(100% - ${share}) 0 0)`;
    this.line.style.insetInlineStart = share;
  }

  retile(): void {
    const { other } = this.city.state;
    if (other) for (const layer of this.city.data.layers) this.city.retile(layer, this.map, other);
  }

  refresh(): void {
    for (const slug of this.city.known.keys()) this.city.refresh(slug, this.map);
  }

  remove(): void {
    this.city.map.off("move", this.follow);
    this.map.remove();
    for (const part of [this.over, this.handle, this.line]) part.remove();
  }
}
