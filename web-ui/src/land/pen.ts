// Drawing a shape on a map.

import maplibregl, { type GeoJSONSource, type Map as Drawn, type MapMouseEvent } from "maplibre-gl";
import { need, t, tn } from "../lib/page";
import { scheme } from "../map/paint";
import { asWritten, closed, positionsOf, type Corner } from "./shape";

const FIT = { padding: 32, maxZoom: 18 };

/** A pen on a map: corners by click or by key; the shape is kept as text in a field of the page. */
export class Pen {
  private corners: Corner[] = [];
  private drawing = false;
  private readonly text: HTMLTextAreaElement;
  private readonly start = need<HTMLButtonElement>("draw-start");

  /** `finished` hears of a shape that was finished. */
  constructor(
    private readonly map: Drawn,
    field: string,
    private readonly finished: () => void = () => undefined,
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
    map.on("click", this.clicked);
    map.getCanvas().addEventListener("keydown", this.keyed);
    this.text.addEventListener("change", () => this.show(this.text.value));
    need("draw-bar").hidden = false;
    this.show(this.text.value);
  }

  private readonly clicked = (event: MapMouseEvent): void => this.add([event.lngLat.lng, event.lngLat.lat]);
  private readonly keyed = (event: KeyboardEvent): void => this.key(event);

  /** Whether a click is a corner now. */
  get busy(): boolean {
    return this.drawing;
  }

  /** Take the pen and what it drew from the map. */
  remove(): void {
    this.toggle(false);
    this.map.off("click", this.clicked);
    this.map.getCanvas().removeEventListener("keydown", this.keyed);
    for (const id of ["pen-fill", "pen-line", "pen-corners"]) this.map.removeLayer(id);
    this.map.removeSource("pen");
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
    this.finished();
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
