// Features drawn over the map: what is picked, and what the pointer is on in the table.

import type { GeoJSONSource, Map as Drawn } from "maplibre-gl";
import { scheme } from "./paint";

const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

/** Show a geometry as picked or as pointed at; none takes it away. */
export function highlight(map: Drawn, geometry: GeoJSON.Geometry | null | undefined, as: "picked" | "pointed" = "picked"): void {
  const data: GeoJSON.GeoJSON = geometry ? { type: "Feature", geometry, properties: {} } : EMPTY;
  const source = map.getSource(as) as GeoJSONSource | undefined;
  if (source) {
    source.setData(data);
    return;
  }
  if (!geometry) return;
  const colour = as === "picked" ? scheme().picked : scheme().pointed;
  map.addSource(as, { type: "geojson", data });
  map.addLayer({ id: `${as}~fill`, source: as, type: "fill", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colour, "fill-opacity": 0.18 } });
  map.addLayer({ id: `${as}~line`, source: as, type: "line", paint: { "line-color": colour, "line-width": as === "picked" ? 3.5 : 2.5 } });
  map.addLayer({ id: `${as}~point`, source: as, type: "circle", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 10, "circle-color": "transparent", "circle-stroke-color": colour, "circle-stroke-width": 3 } });
}
