// Land space: draw a project over the sources, or look at a report on the map.

import maplibregl, { type GeoJSONSource, type LayerSpecification, type Map as Drawn, type StyleSpecification } from "maplibre-gl";
import { asWritten, closed, positionsOf, type Corner } from "./land/shape";
import { embedded, need, t, tn } from "./lib/page";
import { boundsOf, draw, styleOf } from "./map/draw";
import type { Layer } from "./map/model";
import { scheme } from "./map/paint";

interface Data {
  layers?: Layer[];
  draw?: string;
  features?: GeoJSON.FeatureCollection;
}

const FIT = { padding: 32, maxZoom: 18 };
const LOOKS: [string, string][] = [["farmland", "#b98a1d"], ["ecology", "#b3261a"], ["boundary", "#4a6fa5"], ["left", "#7a5aa6"], ["other", "#5b6762"]];

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

class Pen {
  private corners: Corner[] = [];
  private drawing = false;
  private readonly text: HTMLTextAreaElement;
  private readonly start = need<HTMLButtonElement>("draw-start");

  constructor(
    private readonly map: Drawn,
    field: string,
  ) {
    this.text = need<HTMLTextAreaElement>(field);
    const look = scheme();
    map.addSource("pen", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
    map.addLayer({ id: "pen-fill", source: "pen", type: "fill", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": look.picked, "fill-opacity": 0.2 } });
    map.addLayer({ id: "pen-line", source: "pen", type: "line", paint: { "line-color": look.picked, "line-width": 2.4 } });
    map.addLayer({ id: "pen-corners", source: "pen", type: "circle", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-color": look.halo, "circle-radius": 4.5, "circle-stroke-color": look.picked, "circle-stroke-width": 2 } });
    this.start.addEventListener("click", () => this.toggle(!this.drawing));
    need("draw-end").addEventListener("click", () => this.end());
    need("draw-undo").addEventListener("click", () => this.back());
    need("draw-clear").addEventListener("click", () => this.clear());
    map.on("click", (event) => this.add([event.lngLat.lng, event.lngLat.lat]));
    map.getCanvas().addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("change", () => this.show(this.text.value));
    need("draw-bar").hidden = false;
    this.show(this.text.value);
  }

  private toggle(on: boolean): void {
    this.drawing = on;
    this.start.setAttribute("aria-pressed", String(on));
    this.map.getCanvas().style.cursor = on ? "crosshair" : "";
    if (on) {
      this.map.doubleClickZoom.disable();
      this.map.getCanvas().focus();
      this.say(t("Click each corner, or move the map with the arrow keys and press Space; Enter closes the shape."));
    } else this.map.doubleClickZoom.enable();
  }

  private key(event: KeyboardEvent): void {
    if (!this.drawing) return;
    if (event.key === " ") this.add(this.map.getCenter().toArray());
    else if (event.key === "Enter") this.end();
    else if (event.key === "Backspace") this.back();
    else return;
    event.preventDefault();
  }

  private add(corner: Corner): void {
    if (!this.drawing) return;
    this.corners.push(corner);
    this.paint();
  }

  private back(): void {
    this.corners.pop();
    this.paint();
  }

  private clear(): void {
    this.corners = [];
    this.text.value = "";
    this.say("");
    this.put([]);
  }

  private end(): void {
    if (this.corners.length < 3) {
      this.say(t("A shape has at least three corners."));
      return;
    }
    this.text.value = asWritten(this.corners);
    this.corners = [];
    this.toggle(false);
    this.say(t("The shape is in the text below."));
    this.show(this.text.value);
  }

  private show(text: string): void {
    const shape = closed(text);
    if (!shape) return;
    this.put([{ type: "Feature", properties: {}, geometry: shape }]);
    const bounds = new maplibregl.LngLatBounds();
    for (const corner of positionsOf(shape)) bounds.extend(corner);
    if (!bounds.isEmpty()) this.map.fitBounds(bounds, { ...FIT, animate: false });
  }

  private paint(): void {
    const points: GeoJSON.Feature[] = this.corners.map((corner) => ({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: corner } }));
    const line: GeoJSON.Feature = { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: this.corners } };
    this.put(this.corners.length > 1 ? [line, ...points] : points);
    this.say(tn("{count} corner", "{count} corners", this.corners.length));
  }

  private put(features: GeoJSON.Feature[]): void {
    (this.map.getSource("pen") as GeoJSONSource).setData({ type: "FeatureCollection", features });
  }

  private say(text: string): void {
    need("draw-said").textContent = text;
  }
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
