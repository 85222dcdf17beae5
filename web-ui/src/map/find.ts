// The box that goes to a place: a name, an address, coordinates, a code of a grid, by `/place`.

import { address, ask } from "../lib/ask";
import { make, need, t } from "../lib/page";
import type { City } from "./city";
import { highlight } from "./highlight";
import { positionsOf } from "../land/shape";

interface Found {
  place: { geometry: GeoJSON.Geometry; collection?: string; id?: string };
  candidates: { collection: string; title: string; id: string; label: string; point: [number, number] }[];
}

const CLOSE = 17;

/** Go to what was asked for; `pick` is told of an object. */
export async function find(city: City, text: string, pick: (slug: string, id: string, at: [number, number]) => void): Promise<void> {
  const list = need("found");
  list.replaceChildren(make("p", { class: "hint" }, t("Asking …")));
  try {
    const found = await ask<Found>(address("/place", { q: text, limit: "1" }));
    go(city, found.place.geometry);
    const [first] = found.candidates;
    if (first) open(first);
    else highlight(city.map, found.place.geometry);
    list.replaceChildren(...(found.candidates.length > 1 ? [make("ul", { class: "plain-list" }, ...found.candidates.map(line))] : []));
  } catch (error) {
    list.replaceChildren(make("p", { class: "hint" }, error instanceof Error ? error.message : String(error)));
  }

  function line(one: Found["candidates"][number]): HTMLElement {
    const button = make("button", { type: "button", class: "plain" }, one.label);
    button.addEventListener("click", () => {
      go(city, { type: "Point", coordinates: one.point });
      open(one);
    });
    return make("li", {}, button, make("span", { class: "hint" }, ` ${one.title}`));
  }

  function open(one: Found["candidates"][number]): void {
    if (city.known.has(one.collection)) pick(one.collection, one.id, one.point);
  }
}

function go(city: City, geometry: GeoJSON.Geometry): void {
  const corners = positionsOf(geometry);
  const [west, south] = [Math.min(...corners.map(([x]) => x)), Math.min(...corners.map(([, y]) => y))];
  const [east, north] = [Math.max(...corners.map(([x]) => x)), Math.max(...corners.map(([, y]) => y))];
  city.map.fitBounds([west, south, east, north], { padding: 60, maxZoom: Math.max(CLOSE, city.map.getZoom()) });
}

/** Pick again what an address says was picked, wherever it is. */
export async function again(city: City, [slug, id]: [string, string], pick: (slug: string, id: string, at: [number, number]) => void): Promise<void> {
  const layer = city.known.get(slug);
  if (!layer) return;
  const feature = await ask<{ geometry: GeoJSON.Geometry | null }>(city.items(layer, {}, undefined, `${layer.items}/${encodeURIComponent(id)}`)).catch(() => null);
  const corner = feature?.geometry ? positionsOf(feature.geometry)[0] : undefined;
  if (corner) pick(slug, id, corner);
}
