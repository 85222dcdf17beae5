// The search page: proposals while typing, a map to draw a region on, three at most to compare.

import maplibregl, { type GeoJSONSource, type LngLat, type Map as Drawn, type StyleSpecification } from "maplibre-gl";
import { propose } from "./lib/combobox";
import { embedded, make, need, t } from "./lib/page";
import { draw } from "./map/draw";
import { scheme } from "./map/paint";

type Box = [number, number, number, number];

interface Found {
  boxes: { name: string; bbox: Box; slug: string }[];
  region: Box | null;
}

const SIDES = ["west", "south", "east", "north"] as const;

function ring([west, south, east, north]: Box): GeoJSON.Polygon {
  return { type: "Polygon", coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]] };
}

function collection(boxes: { bbox: Box; name: string }[]): GeoJSON.FeatureCollection {
  return {
    type: "FeatureCollection",
    features: boxes.map(({ bbox, name }) => ({ type: "Feature", properties: { name }, geometry: ring(bbox) })),
  };
}

function styleOf(found: Found): StyleSpecification {
  const look = scheme();
  const ink = look.dark ? "#7fd0c4" : "#0d5a54";
  const chosen = look.dark ? "#f0a08c" : "#a63a24";
  return {
    version: 8,
    sources: {
      found: { type: "geojson", data: collection(found.boxes) },
      region: { type: "geojson", data: collection(found.region ? [{ bbox: found.region, name: "" }] : []) },
      lines: { type: "geojson", data: graticule() },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": look.ground } },
      { id: "lines", source: "lines", type: "line", paint: { "line-color": ink, "line-opacity": 0.15 } },
      { id: "found", source: "found", type: "fill", paint: { "fill-color": ink, "fill-opacity": 0.12 } },
      { id: "found-edge", source: "found", type: "line", paint: { "line-color": ink, "line-width": 1.3 } },
      { id: "region", source: "region", type: "line", paint: { "line-color": chosen, "line-width": 2.5, "line-dasharray": [2, 1] } },
    ],
  };
}

function graticule(): GeoJSON.FeatureCollection {
  const line = (a: [number, number], b: [number, number]): GeoJSON.Feature => ({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: [a, b] } });
  const features: GeoJSON.Feature[] = [];
  for (let x = -180; x <= 180; x += 10) features.push(line([x, -85], [x, 85]));
  for (let y = -80; y <= 80; y += 10) features.push(line([-180, y], [180, y]));
  return { type: "FeatureCollection", features };
}

function boundsOf(found: Found): maplibregl.LngLatBounds {
  const bounds = new maplibregl.LngLatBounds();
  for (const [west, south, east, north] of [...found.boxes.map((one) => one.bbox), ...(found.region ? [found.region] : [])]) {
    bounds.extend([west, south]);
    bounds.extend([east, north]);
  }
  return bounds;
}

/** Dragging draws a region while `drawing()` says so; its sides go into the form. */
function regions(map: Drawn, drawing: () => boolean, done: () => void): void {
  let from: LngLat | undefined;
  const between = (to: LngLat): Box | undefined => {
    if (!from) return undefined;
    const round = (n: number): number => Math.round(n * 1e5) / 1e5;
    return [round(Math.min(from.lng, to.lng)), round(Math.min(from.lat, to.lat)), round(Math.max(from.lng, to.lng)), round(Math.max(from.lat, to.lat))];
  };
  const paint = (box: Box): void => {
    (map.getSource("region") as GeoJSONSource).setData(collection([{ bbox: box, name: "" }]));
    SIDES.forEach((side, place) => {
      need<HTMLInputElement>(side).value = String(box[place]);
    });
  };
  map.on("mousedown", (event) => {
    if (drawing()) from = event.lngLat;
  });
  map.on("touchstart", (event) => {
    if (drawing()) from = event.lngLat;
  });
  const move = (event: maplibregl.MapMouseEvent | maplibregl.MapTouchEvent): void => {
    const box = between(event.lngLat);
    if (box) paint(box);
  };
  map.on("mousemove", move);
  map.on("touchmove", move);
  const end = (event: maplibregl.MapMouseEvent | maplibregl.MapTouchEvent): void => {
    const box = between(event.lngLat);
    from = undefined;
    if (!box || box[0] === box[2]) return;
    paint(box);
    done();
    need<HTMLFormElement>("region").requestSubmit();
  };
  map.on("mouseup", end);
  map.on("touchend", end);
}

async function showMap(found: Found): Promise<void> {
  const container = need("region-map");
  container.hidden = false;
  document.getElementById("region-plot")?.setAttribute("hidden", "");
  container.setAttribute("role", "region");
  container.setAttribute("aria-label", container.dataset["label"] ?? "");
  const bounds = boundsOf(found);
  const view = bounds.isEmpty() ? { center: [105, 35] as [number, number], zoom: 1.6 } : { bounds, fitBoundsOptions: { padding: 26, maxZoom: 11 } };
  const map = await draw(container, styleOf(found), { ...view, cooperativeGestures: false });
  const button = make("button", { type: "button", class: "quiet slim", "aria-pressed": "false" }, t("Draw a box"));
  let on = false;
  const set = (value: boolean): void => {
    on = value;
    button.setAttribute("aria-pressed", String(value));
    container.classList.toggle("drawing", value);
    for (const handler of [map.dragPan, map.boxZoom, map.touchZoomRotate]) value ? handler.disable() : handler.enable();
  };
  button.addEventListener("click", () => set(!on));
  container.after(make("p", { class: "row" }, button));
  regions(map, () => on, () => set(false));
}

/** Ticked boxes of the results: two or three can be compared, and the button says so. */
function picking(): void {
  const button = document.getElementById("compare") as HTMLButtonElement | null;
  const boxes = [...document.querySelectorAll<HTMLInputElement>('.pick input[type="checkbox"]')];
  if (!button) return;
  const update = (): void => {
    const count = boxes.filter((box) => box.checked).length;
    button.disabled = count < 2;
    for (const box of boxes) box.disabled = count >= 3 && !box.checked;
  };
  for (const box of boxes) box.addEventListener("change", update);
  update();
}

for (const input of document.querySelectorAll<HTMLInputElement>("input[data-suggest]")) propose(input);
picking();
const place = document.getElementById("region-map")?.closest("details");
const found = embedded<Found>("island");
if (place && found) {
  let drawn = false;
  const begin = (): void => {
    if (drawn || !place.open) return;
    drawn = true;
    void showMap(found);
  };
  place.addEventListener("toggle", begin);
  begin();
}
