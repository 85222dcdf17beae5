// One card with everything that is known of what was picked, and of the place where it is.

import { address, ask, overtaken } from "../lib/ask";
import { make, t } from "../lib/page";
import type { City } from "./city";
import { highlight } from "./highlight";
import type { CityLayer } from "./model";
import { titlesOf } from "./titles";

export interface Picked {
  layer: CityLayer;
  id: string;
  at: [number, number];
  height?: number;
}

interface Feature {
  geometry: GeoJSON.Geometry | null;
  properties: Record<string, unknown>;
  time?: { interval?: [string, string] };
}

interface AtPlace {
  place: { cells: Record<string, string> };
  collections: { id: string; title: string; access: string; features: { features: { id: string; properties: Record<string, unknown> | null }[] }; numberMatched?: number; numberReturned: number }[];
  askAccess: { id: string; title: string; href: string }[];
  resources: { id: string; kind: string; title: string; href: string }[];
}

let waiting: AbortController | undefined;

/** Fill and open the card; `close` is called when its reader shuts it. */
export async function fillCard(card: HTMLElement, city: City, picked: Picked, close: () => void): Promise<void> {
  waiting?.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  const { layer, id, at } = picked;
  const title = make("h2", { class: "h3" }, layer.title);
  const body = make("div", { class: "card-body" }, make("p", { class: "hint" }, t("Asking …")));
  const around = make("div", { class: "also" });
  const shut = make("button", { type: "button", class: "quiet slim", "aria-label": t("Close") }, "×");
  shut.addEventListener("click", close);
  card.replaceChildren(make("div", { class: "between" }, title, shut), body, around);
  card.hidden = false;
  card.focus({ preventScroll: true });
  void also(around, city, picked, signal);
  try {
    const path = city.items(layer, {}, undefined, `${layer.items}/${encodeURIComponent(id)}`);
    const [feature, titles] = await Promise.all([ask<Feature>(path, { signal }), titlesOf(layer)]);
    title.textContent = nameOf(feature.properties) ?? `${layer.title} ${id}`;
    highlight(city.map, feature.geometry);
    const facts = make("dl", { class: "facts" });
    for (const [name, value] of Object.entries(feature.properties)) {
      if (value === null || value === "") continue;
      const said = titles.get(name);
      facts.append(make("dt", {}, said?.title ?? name), make("dd", {}, shown(value), ...(said?.unit ? [` ${said.unit}`] : [])));
    }
    const interval = feature.time?.interval;
    if (interval) facts.append(make("dt", {}, t("holds for")), make("dd", {}, interval.map((one) => (one === ".." ? "…" : one.slice(0, 10))).join(" – ")));
    body.replaceChildren(
      make("p", { class: "meta" }, make("a", { href: `/resources/${layer.slug}` }, layer.title), make("span", {}, t("version {number}", { number: layer.version })), make("span", { class: `badge ${layer.access}` }, layer.agreement || (ACCESS[layer.access] ?? ""))),
      facts,
      links(city, layer, id),
    );
    void at;
  } catch (error) {
    if (!overtaken(error)) body.replaceChildren(make("p", { class: "note bad" }, error instanceof Error ? error.message : String(error)));
  }
}

const ACCESS: Record<string, string> = { open: t("Open to all"), shared: t("Shared among departments"), restricted: t("By agreement"), closed: t("Not shared") };

function nameOf(properties: Record<string, unknown>): string | undefined {
  const name = properties[document.documentElement.lang.startsWith("zh") ? "name_zh" : "name_en"] ?? properties["name"];
  return name ? String(name) : undefined;
}

function shown(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function links(city: City, layer: CityLayer, id: string): HTMLElement {
  const one = encodeURIComponent(id);
  const link = (href: string, text: string): HTMLElement => make("a", { href }, text);
  return make(
    "p",
    { class: "meta links" },
    link(city.items(layer, { f: "html" }, undefined, `${layer.items}/${one}`), t("Page of the feature")),
    link(`/data/${layer.slug}/history/${one}?f=html`, t("History")),
    ...(city.data.member && !layer.imagery ? [link(`/data/${layer.slug}/edit/${one}`, t("Edit"))] : []),
    ...(layer.model ? [link(city.items(layer, { filter: `id = '${id.replaceAll("'", "''")}'`, f: "cityjson" }), "CityJSON")] : []),
    ...(layer.solids ? [link(address(layer.solids, layer.query), "3D Tiles")] : []),
  );
}

/** What else is at the place, by the one question to every collection. */
async function also(place: HTMLElement, city: City, { layer, id, at, height }: Picked, signal: AbortSignal): Promise<void> {
  const [lon, lat] = at.map((n) => n.toFixed(6)) as [string, string];
  const point = `${lon},${lat}`;
  const heading = make("h3", {}, t("Also here"));
  place.replaceChildren(heading, make("p", { class: "hint" }, t("Asking …")));
  try {
    const found = await ask<AtPlace>(address("/place", { point, radius: "8", limit: "5", datetime: city.state.when.day }), { signal });
    const rows = found.collections.flatMap((one) => {
      const others = one.features.features.filter((feature) => one.id !== layer.slug || String(feature.id) !== id);
      if (!others.length) return [];
      const many = one.numberMatched ?? one.numberReturned;
      return [make("li", {}, make("strong", {}, one.title), many > others.length ? ` (${many})` : "", make("ul", {}, ...others.map((feature) => told(city, one.id, feature))))];
    });
    const other = found.resources.map((one) => make("li", {}, make("a", { href: one.href }, one.title)));
    const closed = found.askAccess.map((one) => make("li", { class: "hint" }, make("a", { href: one.href }, one.title), ` · ${t("by agreement")}`));
    const code = found.place.cells["beidou"] ?? "";
    const coordinates = `${point}${height === undefined ? "" : `, ${height.toFixed(1)} m`}`;
    place.replaceChildren(
      heading,
      ...(rows.length || other.length ? [make("ul", { class: "plain-list" }, ...rows, ...other)] : [make("p", { class: "hint" }, t("Nothing else."))]),
      ...(closed.length ? [make("ul", { class: "plain-list" }, ...closed)] : []),
      make("dl", { class: "facts" }, make("dt", {}, t("Coordinates")), make("dd", {}, copied(coordinates)), ...(code ? [make("dt", {}, t("BeiDou code")), make("dd", {}, copied(code))] : [])),
      make("p", { class: "small" }, make("a", { href: `/place?point=${point}` }, t("Everything at this place"))),
    );
  } catch (error) {
    if (!overtaken(error)) place.replaceChildren(heading, make("p", { class: "hint" }, error instanceof Error ? error.message : String(error)));
  }
}

function told(city: City, slug: string, feature: { id: string; properties: Record<string, unknown> | null }): HTMLElement {
  const said = feature.properties ?? {};
  const layer = city.known.get(slug);
  const numbers = layer?.group === "points" ? layer.numbers.filter((name) => typeof said[name] === "number").slice(0, 3).map((name) => `${name} ${String(said[name])}`) : [];
  const text = [nameOf(said) ?? String(feature.id), ...numbers].join(" · ");
  return make("li", {}, make("a", { href: `/ogc/features/collections/${slug}/items/${encodeURIComponent(feature.id)}?f=html` }, text));
}

/** Text with a button that copies it. */
function copied(text: string): HTMLElement {
  const button = make("button", { type: "button", class: "plain" }, t("Copy"));
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = t("Copied");
  });
  return make("span", { class: "copied" }, make("span", { class: "mono" }, text), " ", button);
}
