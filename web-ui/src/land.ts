// Land space: draw a project over the sources, or look at a report on the map.

import maplibregl, { type LayerSpecification, type Map as Drawn, type StyleSpecification } from "maplibre-gl";
import { Pen } from "./land/pen";
import { LOOKS } from "./land/looks";
import { positionsOf } from "./land/shape";
import { embedded, need } from "./lib/page";
import { boundsOf, draw, styleOf } from "./map/draw";
import type { Layer } from "./map/model";
import { scheme } from "./map/paint";

interface Data {
  layers?: Layer[];
  draw?: string;
  features?: GeoJSON.FeatureCollection;
}

const FIT = { padding: 32, maxZoom: 18 };

function reportStyle(features: GeoJSON.FeatureCollection): StyleSpecification {
  const look = scheme();
  const layers: LayerSpecification[] = [{ id: "ground", type: "background", paint: { "background-color": look.ground } }];
  for (const [name, colour] of LOOKS) {
    const only: ["==", ["get", string], string] = ["==", ["get", "look"], name];
    const faint = name === "other" || name === "boundary";
    layers.push({ id: name, source: "report", type: "fill", filter: only, paint: { "fill-color": colour, "fill-opacity": faint ? 0.08 : 0.45 } });
    layers.push({ id: `${name}~edge`, source: "report", type: "line", filter: only, paint: { "line-color": colour, "line-width": faint ? 0.8 : 1.4, "line-dasharray": name === "left" ? [2, 2] : [1, 0] } });
  }
  layers.push({ id: "project", source: "report", type: "line", filter: ["==", ["get", "look"], "project"], paint: { "line-color": look.text, "line-width": 2.6 } });
  return { version: 8, sources: { report: { type: "geojson", data: features } }, layers };
}

function boundsOfShapes(features: GeoJSON.FeatureCollection): maplibregl.LngLatBounds {
  const bounds = new maplibregl.LngLatBounds();
  for (const feature of features.features) for (const corner of positionsOf(feature.geometry)) bounds.extend(corner);
  return bounds;
}

/** A card with the name of what lies under the pointer; the tables of the page say the same. */
function name(map: Drawn): void {
  map.on("click", (event) => {
    const [hit] = map.queryRenderedFeatures(event.point, { layers: LOOKS.map(([id]) => id) });
    if (hit) new maplibregl.Popup({ closeButton: false }).setLngLat(event.lngLat).setText(String(hit.properties["title"])).addTo(map);
  });
}

async function start(): Promise<void> {
  const data = embedded<Data>("island");
  const container = need("land-map");
  if (data?.features) {
    const project = { ...data.features, features: data.features.features.filter((one) => one.properties?.["look"] === "project") };
    const map = await draw(container, reportStyle(data.features), { bounds: boundsOfShapes(project), fitBoundsOptions: FIT, cooperativeGestures: true });
    name(map);
    return;
  }
  const layers = data?.layers ?? [];
  const bounds = boundsOf(layers);
  const map = await draw(container, styleOf(layers, new Set(layers.map((layer) => layer.slug))), bounds ? { bounds, fitBoundsOptions: FIT } : { center: [113.26, 23.13], zoom: 9 });
  map.on("load", () => new Pen(map, data?.draw ?? "geometry"));
}

void start();
