// The map on a resource's page, or of the features on a page of them.

import maplibregl, { type StyleSpecification } from "maplibre-gl";
import { boundsOf, draw, styleOf } from "./map/draw";
import type { Layer } from "./map/model";
import { scheme } from "./map/paint";
import { embedded, need } from "./lib/page";

interface Preview {
  layers?: Layer[];
  features?: GeoJSON.FeatureCollection;
  /** What to look at, when that is not all features: west, south, east, north. */
  bounds?: [number, number, number, number];
}

function styleOfFeatures(features: GeoJSON.FeatureCollection): StyleSpecification {
  const look = scheme();
  const ink = look.dark ? "#7fd0c4" : "#0d5a54";
  const only = (type: string): ["==", ["geometry-type"], string] => ["==", ["geometry-type"], type];
  return {
    version: 8,
    sources: { features: { type: "geojson", data: features } },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": look.ground } },
      { id: "areas", source: "features", type: "fill", filter: only("Polygon"), paint: { "fill-color": ink, "fill-opacity": 0.25, "fill-outline-color": ink } },
      { id: "lines", source: "features", type: "line", filter: ["!=", ["geometry-type"], "Point"], paint: { "line-color": ink, "line-width": 1.6 } },
      { id: "points", source: "features", type: "circle", filter: only("Point"), paint: { "circle-color": ink, "circle-radius": 5, "circle-stroke-color": look.halo, "circle-stroke-width": 1.5 } },
    ],
  };
}

function extentOf(features: GeoJSON.FeatureCollection): maplibregl.LngLatBounds {
  const bounds = new maplibregl.LngLatBounds();
  const walk = (position: unknown): void => {
    if (!Array.isArray(position)) return;
    if (typeof position[0] === "number") bounds.extend([position[0], position[1] as number]);
    else position.forEach(walk);
  };
  for (const feature of features.features) {
    if (feature.geometry && "coordinates" in feature.geometry) walk(feature.geometry.coordinates);
  }
  return bounds;
}

async function start(): Promise<void> {
  const data = embedded<Preview>("island");
  const container = need("preview");
  const fit = { padding: 24, maxZoom: 17 };
  if (data?.features) {
    const bounds = data.bounds ? new maplibregl.LngLatBounds(data.bounds) : extentOf(data.features);
    const options = bounds.isEmpty() ? {} : { bounds, fitBoundsOptions: fit };
    await draw(container, styleOfFeatures(data.features), { ...options, cooperativeGestures: true });
  } else if (data?.layers) {
    const bounds = boundsOf(data.layers);
    const all = new Set(data.layers.map((layer) => layer.slug));
    await draw(container, styleOf(data.layers, all), {
      ...(bounds ? { bounds, fitBoundsOptions: fit } : {}),
      cooperativeGestures: true,
    });
  }
}

void start();
