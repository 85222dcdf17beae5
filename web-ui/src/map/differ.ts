// What differs between two times: the features in view at each, asked for and held beside each other.

import type { GeoJSONSource, Map as Drawn } from "maplibre-gl";
import { ask } from "../lib/ask";
import { positionsOf } from "../land/shape";
import type { When } from "./address";
import type { City } from "./city";
import type { CityLayer } from "./model";

const MOST = "1000";
const COLOURS = { added: "#0d7a54", changed: "#c77700", removed: "#b3261a" } as const;

export interface OneDiffering {
  id: string;
  how: keyof typeof COLOURS;
  name: string;
  fields: string[];
  geometry: GeoJSON.Geometry | null;
  at: [number, number] | undefined;
}

export interface Differing {
  layer: CityLayer;
  features: OneDiffering[];
  cut: boolean;
}

interface Feature {
  id: string | number;
  geometry: GeoJSON.Geometry | null;
  properties: Record<string, unknown>;
}

interface Found {
  features: Feature[];
  links: { rel: string }[];
}

/** Features of a layer in view that are only at one of two times, or not the same at both. */
export async function differing(city: City, layer: CityLayer, before: When, after: When): Promise<Differing> {
  const box = city.map.getBounds();
  const bbox = [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()].map((n) => n.toFixed(6)).join(",");
  const dated = (when: When): When => ({ ...when, day: when.day ?? (layer.time ? city.data.today : null) });
  const [old, now] = await Promise.all([before, after].map((when) => ask<Found>(city.items(layer, { bbox, limit: MOST }, dated(when)))));
  const [was, is] = [byId(old as Found), byId(now as Found)];
  const features: OneDiffering[] = [];
  for (const [id, one] of is) {
    const earlier = was.get(id);
    if (!earlier) features.push(said(id, "added", one, []));
    else {
      const fields = Object.keys(one.properties).filter((name) => JSON.stringify(one.properties[name]) !== JSON.stringify(earlier.properties[name]));
      const moved = JSON.stringify(one.geometry) !== JSON.stringify(earlier.geometry);
      if (fields.length || moved) features.push(said(id, "changed", one, fields.map((name) => `${name} ${String(earlier.properties[name] ?? "—")} → ${String(one.properties[name] ?? "—")}`)));
    }
  }
  for (const [id, one] of was) if (!is.has(id)) features.push(said(id, "removed", one, []));
  return { layer, features, cut: [old, now].some((found) => found?.links.some((link) => link.rel === "next")) };
}

function byId(found: Found): Map<string, Feature> {
  return new Map(found.features.map((one) => [String(one.id), one]));
}

function said(id: string, how: OneDiffering["how"], one: Feature, fields: string[]): OneDiffering {
  const name = one.properties["name"];
  const stage = one.properties["stage"];
  return { id, how, name: name ? [name, stage].filter(Boolean).join(" · ") : id, fields, geometry: one.geometry, at: one.geometry ? positionsOf(one.geometry)[0] : undefined };
}

/** Colour differences on the map, each kind with its own line; nothing takes them away. */
export function drawDifferences(map: Drawn, found: Differing | null): void {
  const data: GeoJSON.FeatureCollection = {
    type: "FeatureCollection",
    features: (found?.features ?? []).flatMap((one) => (one.geometry ? [{ type: "Feature" as const, geometry: one.geometry, properties: { how: one.how } }] : [])),
  };
  const source = map.getSource("difference") as GeoJSONSource | undefined;
  if (source) {
    source.setData(data);
    return;
  }
  if (!found) return;
  const colour = ["match", ["get", "how"], ...Object.entries(COLOURS).flat(), "#888888"] as unknown as string;
  map.addSource("difference", { type: "geojson", data });
  map.addLayer({ id: "difference~fill", source: "difference", type: "fill", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colour, "fill-opacity": 0.45 } });
  for (const how of Object.keys(COLOURS)) {
    map.addLayer({ id: `difference~${how}`, source: "difference", type: "line", filter: ["==", ["get", "how"], how], paint: { "line-color": colour, "line-width": 2.6, ...(how === "removed" ? { "line-dasharray": [2, 1.5] } : {}) } });
  }
  map.addLayer({ id: "difference~point", source: "difference", type: "circle", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-color": colour, "circle-radius": 7, "circle-stroke-color": "#ffffff", "circle-stroke-width": 1.5 } });
}
