// What the tools of the city map share: the map, its layers, and the state in the address.

import type { Map as Drawn, RasterTileSource, VectorTileSource } from "maplibre-gl";
import { address } from "../lib/ask";
import type { State, When } from "./address";
import { tilesOf } from "./draw";
import { isTerrain, rises, type CityLayer, type MapData } from "./model";
import { colourBy, paint, scheme, type Colouring } from "./paint";

const OPACITY = { fill: "fill-opacity", line: "line-opacity", circle: "circle-opacity", "fill-extrusion": "fill-extrusion-opacity", raster: "raster-opacity", hillshade: "hillshade-exaggeration", "color-relief": "color-relief-opacity" } as const;
const COLOUR = { fill: "fill-color", line: "line-color", circle: "circle-color", "fill-extrusion": "fill-extrusion-color" } as const;

/** What tools may hear of: another set of layers, another time, 3D or not, a feature picked. */
export type News = "layers" | "when" | "tall" | "look" | "picked";

export class City extends EventTarget {
  readonly known: Map<string, CityLayer>;
  readonly colourings = new Map<string, Colouring>();

  constructor(
    readonly data: MapData,
    readonly state: State,
    readonly shown: Set<string>,
    readonly map: Drawn,
    readonly remember: () => void,
  ) {
    super();
    this.known = new Map(data.layers.map((layer) => [layer.slug, layer]));
  }

  hear(news: News, listener: () => void): void {
    this.addEventListener(news, listener);
  }

  tell(news: News): void {
    this.remember();
    this.dispatchEvent(new Event(news));
  }

  /** Layers that are switched on, in the order of the panel. */
  get visible(): CityLayer[] {
    return this.data.layers.filter((layer) => this.shown.has(layer.slug));
  }

  /** Ids of the style's layers of a dataset. */
  parts(slug: string, map: Drawn = this.map): string[] {
    return map.getLayersOrder().filter((id) => id.split("~")[0] === slug);
  }

  /** Whether the solids of a dataset are drawn by the 3D engine instead of the map's blocks. */
  solid(layer: CityLayer): boolean {
    if (!this.state.tall || !layer.solids || !this.shown.has(layer.slug)) return false;
    return layer.group === "clouds" || (layer.model && this.state.lod >= 1);
  }

  /** Draw a dataset as the state says: seen or not, flat or raised, its colours, how opaque. */
  refresh(slug: string, map: Drawn = this.map): void {
    const layer = this.known.get(slug);
    if (!layer) return;
    const look = scheme();
    const plain = new Map(paint(layer, this.data.layers.indexOf(layer), look).map((one) => [one.id, one.paint as Record<string, unknown> | undefined]));
    const raised = this.state.tall && this.state.lod >= 1 && rises(layer) && !layer.model;
    const colouring = this.colourings.get(slug);
    for (const id of this.parts(slug, map)) {
      const tall = id.endsWith("~tall");
      const hidden = this.solid(layer) || (tall ? !raised : id === slug && raised);
      map.setLayoutProperty(id, "visibility", this.shown.has(slug) && !hidden ? "visible" : "none");
      const type = map.getLayer(id)?.type as keyof typeof OPACITY & keyof typeof COLOUR;
      const [property, colour] = [OPACITY[type], COLOUR[type]];
      const own = plain.get(id) ?? {};
      const value = this.state.opacity.get(slug);
      if (property) {
        const full = typeof own[property] === "number" ? own[property] : 1;
        map.setPaintProperty(id, property, full * (value ?? 1));
      }
      if (colour && !id.endsWith("~edge")) {
        map.setPaintProperty(id, colour, colouring ? colourBy(colouring, look.dark) : own[colour]);
      }
    }
  }

  /** See {@link timesOf}. */
  times(layer: CityLayer, when: When = this.state.when): Record<string, string | null> {
    return timesOf(layer, when, this.data.today);
  }

  /** Where the features of a layer are, with parameters and the time that is looked at. */
  items(layer: CityLayer, more: Record<string, string | null | undefined> = {}, when: When = this.state.when, path = layer.items): string {
    return address(path, layer.query, { ...this.times(layer, when) }, more);
  }

  /** Ask for the tiles of a layer anew, of the time and with the bands that are chosen. */
  retile(layer: CityLayer, map: Drawn = this.map, when: When = this.state.when): void {
    const source = map.getSource(layer.slug) as VectorTileSource | RasterTileSource | undefined;
    if (!source || isTerrain(layer)) return;
    const tiles = tilesAt(layer, this.state, when, this.data.today);
    if (source.tiles?.[0] !== tiles) source.setTiles([tiles]);
  }
}

/** Parameters that choose the time of a layer's answers; pictures show the scenes until then. What
 * holds until further notice is shown as of today when no day is chosen. */
function timesOf(layer: CityLayer, when: When, today: string): Record<string, string | null> {
  const open = layer.time !== null && (layer.time[1] === null || layer.time[1] >= today) && !layer.imagery;
  const day = layer.time ? (when.day ?? (open ? today : null)) : null;
  return { datetime: day && layer.imagery ? `../${day}` : day, "as-of": when.known };
}

/** Where the tiles of a layer are, of a time, with the bands and the scene that are chosen. */
export function tilesAt(layer: CityLayer, state: State, when: When, today: string): string {
  return tilesOf(layer, { ...timesOf(layer, when, today), ...(layer.imagery ? pictureOf(layer, state) : {}) });
}

function pictureOf(layer: CityLayer, state: State): Record<string, string | null> {
  const asked = state.bands.get(layer.slug);
  const scene = state.scene.get(layer.slug) ?? null;
  const chosen = scene ? { scene, datetime: null } : {};
  if (!asked) return chosen;
  return { ...chosen, ...(asked.includes("+") ? { bands: asked.replaceAll("+", ",") } : { expression: asked }) };
}
