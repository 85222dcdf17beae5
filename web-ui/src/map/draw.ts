// A MapLibre map over the node's own tiles: no other host is asked for anything.

import maplibregl, { type LngLatBoundsLike, type Map as Drawn, type StyleSpecification } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import { t } from "../lib/page";
import { address } from "../lib/ask";
import { isTerrain, rises, shapeOf, type CityLayer, type Layer } from "./model";
import { paint, scheme } from "./paint";

const FONT = "Noto Sans SC Variable";
const ORDER = { area: 0, line: 1, point: 3 } as const;

/** Imagery lies below areas, areas below lines, lines below buildings, buildings below points. */
export function stacked(layers: Layer[]): Layer[] {
  const rank = (layer: Layer): number => {
    if (layer.imagery) return isTerrain(layer) ? -2 : -1;
    if ("group" in layer && layer.group === "land") return 0.5;
    return rises(layer) ? 2 : ORDER[shapeOf(layer)];
  };
  return [...layers].sort((a, b) => rank(a) - rank(b));
}

export function boundsOf(layers: Layer[]): LngLatBoundsLike | undefined {
  const boxes = layers.flatMap((layer) => (layer.bounds ? [layer.bounds] : []));
  if (!boxes.length) return undefined;
  const edge = (at: 0 | 1 | 2 | 3, pick: (...n: number[]) => number): number => pick(...boxes.map((box) => box[at]));
  return [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)];
}

/** The addresses of a layer's tiles, with more parameters. */
export function tilesOf(layer: Layer, more: Record<string, string | null> = {}): string {
  return new URL(address(layer.tiles, more), location.origin).href.replaceAll("%7B", "{").replaceAll("%7D", "}");
}

export function styleOf(layers: Layer[], shown: ReadonlySet<string>, tiles: (layer: Layer) => string = (layer) => tilesOf(layer)): StyleSpecification {
  const look = scheme();
  const sources: StyleSpecification["sources"] = {};
  for (const layer of layers) {
    if (isTerrain(layer)) {
      sources[layer.slug] = { type: "raster-dem", url: new URL((layer as CityLayer).terrain, location.origin).href, encoding: "terrarium", tileSize: 256 };
      continue;
    }
    const common = {
      tiles: [tiles(layer)],
      attribution: layer.attribution,
      ...(layer.bounds ? { bounds: layer.bounds } : {}),
    };
    sources[layer.slug] = layer.imagery
      ? { type: "raster", tileSize: 256, maxzoom: 19, ...common }
      : { type: "vector", minzoom: 9, maxzoom: 16, ...common };
  }
  const painted = stacked(layers).map((layer) => paint(layer, layers.indexOf(layer), look));
  const drawn = painted.flat().sort((a, b) => Number(a.type === "symbol") - Number(b.type === "symbol"));
  for (const one of drawn) {
    const slug = one.id.split("~")[0] ?? "";
    if (!shown.has(slug)) (one as { layout?: object }).layout = { ...one.layout, visibility: "none" };
  }
  return {
    version: 8,
    sources,
    layers: [{ id: "ground", type: "background", paint: { "background-color": look.ground } }, ...drawn],
  };
}

/** A map in `container`, marked `data-ready="true"` whenever it has nothing left to draw. */
export async function draw(
  container: HTMLElement,
  style: StyleSpecification,
  options: Partial<maplibregl.MapOptions> = {},
): Promise<Drawn> {
  // Letters are drawn from this font on the page itself, so no glyph server is needed.
  await Promise.race([
    Promise.all([document.fonts.load(`14px "${FONT}"`, "城市 Aa"), document.fonts.load(`14px "${FONT}"`, "äöå")]),
    new Promise((resolve) => setTimeout(resolve, 2500)),
  ]);
  const map = new maplibregl.Map({
    container,
    style,
    attributionControl: false,
    localIdeographFontFamily: `"${FONT}", sans-serif`,
    maxPitch: 78,
    locale: {
      "NavigationControl.ZoomIn": t("Zoom in"),
      "NavigationControl.ZoomOut": t("Zoom out"),
      "NavigationControl.ResetBearing": t("North up"),
      "AttributionControl.ToggleAttribution": t("Sources"),
      "Map.Title": t("Map"),
    },
    ...options,
  });
  map.addControl(new maplibregl.NavigationControl({ visualizePitch: true }), "top-right");
  map.addControl(new maplibregl.ScaleControl({ unit: "metric" }), "bottom-left");
  map.addControl(new maplibregl.AttributionControl({ compact: false }), "bottom-right");
  map.on("idle", () => (container.dataset["ready"] = "true"));
  map.on("dataloading", () => (container.dataset["ready"] = "false"));
  return map;
}
