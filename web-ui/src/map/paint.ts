// How layers look. Colours are chosen here once, for light and dark pages.

import type {
  DataDrivenPropertyValueSpecification,
  ExpressionSpecification,
  LayerSpecification,
} from "maplibre-gl";
import { heightField, kindField, rises, shapeOf, storeysField, type Layer } from "./model";

export interface Scheme {
  dark: boolean;
  ground: string;
  text: string;
  halo: string;
  picked: string;
}

export interface LegendEntry {
  colour: string;
  label: string;
}

export const METRES_PER_STOREY = 3;

export function scheme(): Scheme {
  const asked = document.documentElement.dataset["theme"];
  const dark = asked === "dark" || (asked !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  return dark
    ? { dark, ground: "#0e1514", text: "#dfe7e3", halo: "#0e1514", picked: "#ff9d8f" }
    : { dark, ground: "#e8eae3", text: "#26332f", halo: "#ffffff", picked: "#b3261a" };
}

const LAND: [string[], string, string][] = [
  [["grass", "park", "forest", "wood", "meadow", "recreation_ground", "village_green", "garden", "cemetery", "scrub", "nature_reserve", "allotments", "pitch", "golf_course", "greenfield", "natural", "green"], "#cfe0c8", "#203a2b"],
  [["water", "basin", "reservoir", "bay", "river", "harbour", "wetland", "marina"], "#bcd7e4", "#16323f"],
  [["residential"], "#e9e3d8", "#242421"],
  [["commercial", "retail"], "#f0dccf", "#38271f"],
  [["industrial", "railway", "garages", "depot", "port", "quarry"], "#dcdae4", "#2a2833"],
  [["construction", "brownfield", "landfill"], "#e9dcb4", "#373019"],
  [["education", "school", "university", "hospital", "religious", "institutional"], "#ecd6dd", "#38242c"],
];

const HEIGHTS: [number, string, string][] = [
  [0, "#d9d4c6", "#38423f"],
  [10, "#cbb994", "#5a5a45"],
  [20, "#c08f63", "#85653f"],
  [35, "#a85c45", "#b5644a"],
  [60, "#7a2f33", "#e08068"],
];

const POINTS: [string, string][] = [
  ["#0d5a54", "#7fd0c4"],
  ["#8a4a00", "#f0b967"],
  ["#5b3b8c", "#c3a8f0"],
  ["#a12d22", "#f2958a"],
];

/** The height of a feature in metres; where only storeys are known, an estimate; else flat. */
export function heightOf(layer: Layer): ExpressionSpecification {
  const metres = heightField(layer);
  const storeys = storeysField(layer);
  const known: ExpressionSpecification = metres ? ["to-number", ["get", metres], 0] : ["literal", 0] as unknown as ExpressionSpecification;
  const estimate: ExpressionSpecification = storeys
    ? ["*", METRES_PER_STOREY, ["to-number", ["get", storeys], 0]]
    : (["+", 0, 0] as ExpressionSpecification);
  return metres ? ["case", [">", known, 0], known, estimate] : estimate;
}

function heightColour(layer: Layer, dark: boolean): ExpressionSpecification {
  const stops = HEIGHTS.flatMap(([metres, light, night]) => [metres, dark ? night : light]);
  return ["interpolate", ["linear"], heightOf(layer), ...stops] as unknown as ExpressionSpecification;
}

function landColour(field: string, dark: boolean): ExpressionSpecification {
  const cases = LAND.flatMap(([names, light, night]) => [names, dark ? night : light]);
  const other = dark ? "#1d2725" : "#e4e4dc";
  return ["match", ["to-string", ["get", field]], ...cases, other] as unknown as ExpressionSpecification;
}

const WIDE = ["motorway", "trunk", "primary", "motorway_link", "trunk_link", "primary_link"];
const MIDDLE = ["secondary", "tertiary", "secondary_link", "tertiary_link"];
const NARROW = ["footway", "path", "steps", "cycleway", "service", "track", "pedestrian", "corridor"];

function lineWidth(field: string | undefined): DataDrivenPropertyValueSpecification<number> {
  const width = (zoom: number): ExpressionSpecification | number => {
    const unit = zoom < 14 ? 0.7 : zoom < 16 ? 1.4 : 4;
    if (!field) return unit;
    return ["match", ["to-string", ["get", field]], WIDE, unit * 2.6, MIDDLE, unit * 1.9, NARROW, unit * 0.55, unit];
  };
  return ["interpolate", ["exponential", 1.4], ["zoom"], 11, width(11), 15, width(15), 18, width(18)] as unknown as ExpressionSpecification;
}

/** MapLibre layers of one layer, ids `slug`, `slug~…`; `number` picks a colour for points. */
export function paint(layer: Layer, number: number, look: Scheme): LayerSpecification[] {
  if (layer.imagery) return [{ id: layer.slug, type: "raster", source: layer.slug }];
  const base = { source: layer.slug, "source-layer": layer.slug };
  const kind = kindField(layer);
  const shape = shapeOf(layer);
  if (shape === "point") {
    const colour = pointColour(number, look.dark);
    return [
      {
        ...base,
        id: layer.slug,
        type: "circle",
        paint: {
          "circle-color": colour,
          "circle-stroke-color": look.halo,
          "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 11, 0.3, 15, 1.2],
          "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 1.4, 14, 3, 17, 6],
        },
      },
      ...labels(layer, look, 16.5, false),
    ];
  }
  if (shape === "line") {
    return [
      {
        ...base,
        id: layer.slug,
        type: "line",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-color": look.dark ? "#47534f" : "#ffffff", "line-width": lineWidth(kind) },
      },
      ...labels(layer, look, 14.5, true),
    ];
  }
  if (rises(layer)) {
    return [
      {
        ...base,
        id: layer.slug,
        type: "fill",
        paint: { "fill-color": heightColour(layer, look.dark), "fill-outline-color": look.dark ? "#0e1514" : "#a89f8c" },
      },
      {
        ...base,
        id: `${layer.slug}~tall`,
        type: "fill-extrusion",
        layout: { visibility: "none" },
        paint: {
          "fill-extrusion-color": heightColour(layer, look.dark),
          "fill-extrusion-height": heightOf(layer),
          "fill-extrusion-opacity": 0.92,
          "fill-extrusion-vertical-gradient": true,
        },
      },
    ];
  }
  return [
    {
      ...base,
      id: layer.slug,
      type: "fill",
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: { "fill-color": kind ? landColour(kind, look.dark) : look.dark ? "#203a2b" : "#d8e2d0", "fill-opacity": 0.9 },
    },
  ];
}

/** Names beside features, for layers that have them. */
function labels(layer: Layer, look: Scheme, from: number, along: boolean): LayerSpecification[] {
  if (!layer.fields.includes("name")) return [];
  return [
    {
      id: `${layer.slug}~names`,
      source: layer.slug,
      "source-layer": layer.slug,
      type: "symbol",
      minzoom: from,
      layout: {
        "text-field": ["to-string", ["coalesce", ["get", "name"], ""]],
        "text-font": ["Noto Sans SC Variable"],
        "text-size": 12,
        "symbol-placement": along ? "line" : "point",
        "text-offset": along ? [0, 0] : [0, 1],
        "text-anchor": along ? "center" : "top",
        "text-optional": true,
      },
      paint: { "text-color": look.text, "text-halo-color": look.halo, "text-halo-width": 1.4 },
    },
  ];
}

export function pointColour(number: number, dark: boolean): string {
  const [light, night] = POINTS[number % POINTS.length] as [string, string];
  return dark ? night : light;
}

/** What a layer's colours mean; empty when it has one colour only. */
export function legend(layer: Layer, dark: boolean, say: (id: string) => string): LegendEntry[] {
  if (rises(layer)) {
    return HEIGHTS.map(([metres, light, night]) => ({
      colour: dark ? night : light,
      label: metres === 0 ? say("unknown or flat") : `${metres} m`,
    }));
  }
  if (shapeOf(layer) === "area" && kindField(layer)) {
    const names = [say("green"), say("water"), say("homes"), say("shops, offices"), say("industry, railway"), say("building site"), say("schools, hospitals")];
    return LAND.map(([, light, night], index) => ({ colour: dark ? night : light, label: names[index] ?? "" }));
  }
  return [];
}

export function swatch(layer: Layer, number: number, look: Scheme): string {
  const shape = shapeOf(layer);
  if (shape === "point") return pointColour(number, look.dark);
  if (shape === "line") return look.dark ? "#6c7a76" : "#ffffff";
  return rises(layer) ? (look.dark ? "#85653f" : "#c08f63") : look.dark ? "#203a2b" : "#cfe0c8";
}
