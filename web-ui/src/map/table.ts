// The table beside the map: rows of a layer in the view, by its Features interface, a page at a time.

import { address, ask, overtaken } from "../lib/ask";
import { positionsOf } from "../land/shape";
import { make, need, t, tn } from "../lib/page";
import type { City } from "./city";
import { highlight } from "./highlight";
import { type CityLayer } from "./model";
import { titlesOf } from "./titles";

const PAGE = "50";
const EXPORTS: [form: string, name: string][] = [["csv", "CSV"], ["geojson", "GeoJSON"], ["parquet", "GeoParquet"]];
const SETTLE = 250;

interface Row {
  id: string | number;
  geometry: GeoJSON.Geometry | null;
  properties: Record<string, unknown>;
}

interface Rows {
  features: Row[];
  numberMatched?: number;
  links: { rel: string; href: string }[];
}

/** Fill the drawer and keep it as the map moves; `pick` is told of the row that is chosen. */
export function tabulate(city: City, pick: (slug: string, id: string, at: [number, number]) => void): void {
  const choice = need<HTMLSelectElement>("table-layer");
  const table = need<HTMLTableElement>("table");
  const said = need("table-said");
  const more = need<HTMLButtonElement>("more-rows");
  const text = need<HTMLInputElement>("cql2");
  const drawer = need<HTMLDetailsElement>("drawer");
  let waiting: AbortController | undefined;
  let settling = 0;
  let next = "";
  let first = "";
  const rows = new Map<string, HTMLTableRowElement>();

  const layer = (): CityLayer | undefined => city.known.get(choice.value);
  const offer = (): void => {
    const layers = city.data.layers.filter((one) => !one.imagery);
    choice.replaceChildren(...layers.map((one) => make("option", { value: one.slug }, one.title)));
    const first = [city.state.table, ...city.visible.map((one) => one.slug)].find((slug) => layers.some((one) => one.slug === slug));
    if (first) choice.value = first;
  };
  const bbox = (): string => {
    const box = city.map.getBounds();
    return [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()].map((n) => n.toFixed(6)).join(",");
  };
  const asked = (of: CityLayer, form?: string): string =>
    city.items(of, { bbox: bbox(), filter: city.state.filter, sortby: city.state.sort, ...(form ? { f: form } : { limit: PAGE }) });

  const load = async (path: string, fresh: boolean): Promise<void> => {
    const of = layer();
    if (!of || !drawer.open) return;
    waiting?.abort();
    waiting = new AbortController();
    if (fresh) [first, next] = [path, ""];
    table.setAttribute("aria-busy", "true");
    try {
      const [found, titles] = await Promise.all([ask<Rows>(path, { signal: waiting.signal }), titlesOf(of)]);
      if (fresh) {
        rows.clear();
        heads(of, titles);
        table.tBodies[0]?.replaceChildren();
        if (city.state.sort) table.tHead?.querySelector('[aria-sort="ascending"],[aria-sort="descending"]')?.scrollIntoView({ block: "nearest" });
      }
      for (const one of found.features) table.tBodies[0]?.append(row(of, one));
      next = found.links.find((link) => link.rel === "next")?.href ?? "";
      more.hidden = !next;
      const count = found.numberMatched;
      table.createCaption().textContent = next
        ? t("{layer}: the first {shown} features in view", { layer: of.title, shown: rows.size })
        : tn("{layer}: {count} feature in view", "{layer}: {count} features in view", count ?? rows.size, { layer: of.title });
      said.textContent = "";
      need("exports").replaceChildren(...EXPORTS.map(([form, name]) => make("a", { href: asked(of, form), download: "" }, name)));
      mark();
    } catch (error) {
      if (overtaken(error)) return;
      first = "";
      said.textContent = error instanceof Error ? error.message : String(error);
    }
    table.removeAttribute("aria-busy");
  };
  const again = (): void => {
    const of = layer();
    if (of && drawer.open) void load(asked(of), true);
  };
  const begin = (): void => {
    // The drawer takes its place from the map: what is in view is asked once that is so.
    city.map.resize();
    again();
  };
  const settle = (): void => {
    clearTimeout(settling);
    // A map that came to rest where it was leaves the rows, and the pages asked for since.
    settling = window.setTimeout(() => {
      const of = layer();
      if (!of || asked(of) !== first) again();
    }, SETTLE);
  };

  function heads(of: CityLayer, titles: Awaited<ReturnType<typeof titlesOf>>): void {
    const line = make("tr", {}, make("th", { scope: "col" }, "id"));
    for (const name of columnsOf(of)) {
      const down = city.state.sort === `-${name}`;
      const up = city.state.sort === name;
      const title = titles.get(name);
      const button = make("button", { type: "button", class: "sort" }, title?.title ?? name, ...(title?.unit ? [` (${title.unit})`] : []));
      button.addEventListener("click", () => {
        city.state.sort = up ? `-${name}` : down ? "" : name;
        city.remember();
        again();
      });
      line.append(make("th", { scope: "col", "aria-sort": up ? "ascending" : down ? "descending" : "none" }, button));
    }
    table.tHead?.replaceChildren(line);
  }

  function row(of: CityLayer, one: Row): HTMLTableRowElement {
    const id = String(one.id);
    const button = make("button", { type: "button", class: "plain mono" }, id);
    const line = make("tr", {}, make("th", { scope: "row" }, button));
    button.addEventListener("click", () => pick(of.slug, id, middle(one.geometry) ?? city.map.getCenter().toArray()));
    line.addEventListener("pointerenter", () => highlight(city.map, one.geometry, "pointed"));
    line.addEventListener("pointerleave", () => highlight(city.map, null, "pointed"));
    button.addEventListener("focus", () => highlight(city.map, one.geometry, "pointed"));
    button.addEventListener("blur", () => highlight(city.map, null, "pointed"));
    for (const name of columnsOf(of)) {
      const value = one.properties[name];
      line.append(make("td", {}, value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value)));
    }
    rows.set(id, line);
    return line;
  }

  const mark = (): void => {
    const picked = city.state.picked;
    for (const [id, line] of rows) line.setAttribute("aria-selected", String(picked?.[0] === choice.value && picked[1] === id));
  };
  const follow = (id: string | undefined): void => {
    for (const [one, line] of rows) line.classList.toggle("pointed", one === id);
  };

  city.map.on("mousemove", (event) => {
    if (!drawer.open || !rows.size) return;
    const ids = city.parts(choice.value);
    const hit = ids.length ? city.map.queryRenderedFeatures(event.point, { layers: ids })[0] : undefined;
    follow(hit ? String(hit.properties["fid"] ?? hit.id) : undefined);
  });
  city.map.on("moveend", settle);
  city.hear("when", settle);
  city.hear("picked", mark);
  choice.addEventListener("change", () => {
    Object.assign(city.state, { table: choice.value, sort: "", filter: "" });
    text.value = "";
    city.remember();
    again();
  });
  need("table-filter").addEventListener("submit", (event) => {
    event.preventDefault();
    city.state.filter = text.value.trim();
    city.state.table = choice.value;
    city.remember();
    again();
  });
  more.addEventListener("click", () => next && void load(address(new URL(next).pathname + new URL(next).search), false));
  drawer.addEventListener("toggle", () => {
    city.state.table = drawer.open ? choice.value : "";
    city.remember();
    begin();
  });
  offer();
  text.value = city.state.filter;
  if (drawer.open) city.state.table = choice.value;
  begin();
}

/** Some place on a geometry: the mean of its corners. */
function middle(geometry: GeoJSON.Geometry | null): [number, number] | undefined {
  const corners = geometry ? positionsOf(geometry) : [];
  if (!corners.length) return undefined;
  const sum = corners.reduce(([x, y], [a, b]) => [x + a, y + b], [0, 0]);
  return [sum[0] / corners.length, sum[1] / corners.length];
}

/** Properties in columns; the id stands at the head of each row. */
function columnsOf(layer: CityLayer): string[] {
  return layer.fields.filter((name) => name !== "id");
}
