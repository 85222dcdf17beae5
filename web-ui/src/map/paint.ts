// How layers look. Colours are chosen here once, for light and dark pages.

import type {
  DataDrivenPropertyValueSpecification,
  ExpressionSpecification,
  LayerSpecification,
} from "maplibre-gl";
import { heightField, isCloud, isTerrain, kindField, rises, shapeOf, storeysField, type CityLayer, type Layer } from "./model";

export interface Scheme {
  dark: boolean;
  ground: string;
  text: string;
  halo: string;
  picked: string;
  pointed: string;
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
    ? { dark, ground: "#0e1514", text: "#dfe7e3", halo: "#0e1514", picked: "#ff9d8f", pointed: "#f0b967" }
    : { dark, ground: "#e8eae3", text: "#26332f", halo: "#ffffff", picked: "#b3261a", pointed: "#8a4a00" };
}

const LAND: [string[], string, string][] = [
  [["grass", "park", "forest", "wood", "meadow", "recreation_ground", "village_green", "garden", "cemetery", "scrub", "nature_reserve", "allotments", "pitch", "golf_course", "greenfield", "natural", "green", "0810"], "#cfe0c8", "#203a2b"],
  [["water", "basin", "reservoir", "bay", "river", "harbour", "wetland", "marina"], "#bcd7e4", "#16323f"],
  [["residential", "07"], "#e9e3d8", "#242421"],
  [["commercial", "retail", "05"], "#f0dccf", "#38271f"],
  [["industrial", "railway", "garages", "depot", "port", "quarry", "06"], "#dcdae4", "#2a2833"],
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
  const value: ExpressionSpecification = ["to-string", ["get", field]];
  // A class of the land tables begins with that of level 1; parks (0810) go before their kin.
  const code: ExpressionSpecification = ["case", ["==", value, "0810"], value, ["slice", value, 0, 2]];
  return ["match", CODES.includes(field) ? code : value, ...cases, other] as unknown as ExpressionSpecification;
}

/** Columns of class codes of land (GB/T 21010). */
const CODES = ["dlbm", "DLBM"];

/** Control lines of the land space: the colour of each, and whether its inside is drawn. */
const LINES: Record<string, [colour: string, filled: boolean]> = {
  farmland: ["#b98a1d", true],
  ecology: ["#b3261a", true],
  "urban-boundary": ["#3f6fb5", false],
};

function landLayers(layer: CityLayer, look: Scheme): LayerSpecification[] {
  const base = { source: layer.slug, "source-layer": layer.slug };
  const [colour, filled] = LINES[layer.role] ?? [look.dark ? "#8ea6a0" : "#6d7f79", false];
  const control = layer.role in LINES;
  const kind = kindField(layer);
  const plan = !control && kind !== undefined;
  return [
    {
      ...base,
      id: layer.slug,
      type: "fill",
      paint: plan
        ? { "fill-color": landColour(kind, look.dark), "fill-opacity": 0.75 }
        : { "fill-color": colour, "fill-opacity": filled ? 0.22 : 0.02 },
    },
    {
      ...base,
      id: `${layer.slug}~edge`,
      type: "line",
      paint: {
        "line-color": plan ? (look.dark ? "#6b7b77" : "#9aa39c") : colour,
        "line-width": control ? 2.4 : ["interpolate", ["linear"], ["zoom"], 13, 0.3, 17, 1.1],
        ...(layer.role === "urban-boundary" ? { "line-dasharray": [4, 2] } : {}),
      },
    },
  ];
}

/** Relief as colours of heights under the shades of its slopes. */
function terrainLayers(layer: CityLayer, look: Scheme): LayerSpecification[] {
  const stops = RELIEF.flatMap(([metres, light, night]) => [metres, look.dark ? night : light]);
  return [
    {
      id: layer.slug,
      type: "color-relief",
      source: layer.slug,
      paint: { "color-relief-color": ["interpolate", ["linear"], ["elevation"], ...stops] as unknown as ExpressionSpecification, "color-relief-opacity": 0.75 },
    },
    {
      id: `${layer.slug}~shade`,
      type: "hillshade",
      source: layer.slug,
      paint: { "hillshade-shadow-color": look.dark ? "#000000" : "#3a3a2e", "hillshade-exaggeration": 0.45 },
    },
  ];
}

const RELIEF: [number, string, string][] = [
  [0, "#dfe9e4", "#12211f"],
  [5, "#d7e3c4", "#1d3026"],
  [12, "#e8dfb4", "#37371f"],
  [25, "#d9b98a", "#55422a"],
  [80, "#b58a6a", "#6e5640"],
  [300, "#9b7f74", "#7d6c66"],
  [1500, "#f4f1ee", "#c9c9c9"],
];

/** How a layer is coloured by one of its fields: `stops` are values and the colour of each. */
export interface Colouring {
  field: string;
  steps: boolean;
  stops: [value: string | number, colour: string][];
}

const INKS: [string, string][] = [
  ["#0d5a54", "#7fd0c4"], ["#b3691e", "#e9bf72"], ["#1d4f91", "#9cc2f5"], ["#a12d22", "#f2958a"],
  ["#6b5a9a", "#c3a8f0"], ["#6f8f3c", "#b5d17a"], ["#8c5a73", "#e0a9c6"], ["#5f6d69", "#b3c0bb"],
];
const RAMP: [string, string][] = [["#dcebe0", "#22403c"], ["#b5d3bf", "#2f5f58"], ["#7fb39b", "#479084"], ["#3f8a78", "#73bdae"], ["#0d5a54", "#b9ece1"]];

/** So many colours that tell sorts apart, or grow from little to much. */
export function inks(steps: boolean, dark: boolean): string[] {
  return (steps ? RAMP : INKS).map(([light, night]) => (dark ? night : light));
}

const OTHER: [string, string] = ["#c9cbc4", "#3a4744"];

/** The colour of a feature by a field; the first step is open downwards. */
export function colourBy(by: Colouring, dark: boolean): ExpressionSpecification {
  const other = OTHER[dark ? 1 : 0];
  if (!by.stops.length) return ["to-color", other];
  if (!by.steps) return ["match", ["to-string", ["get", by.field]], ...by.stops.flat(), other] as unknown as ExpressionSpecification;
  const [first, ...rest] = by.stops;
  const step = ["step", ["to-number", ["get", by.field]], first?.[1] ?? other, ...rest.flat()];
  return ["case", ["==", ["typeof", ["get", by.field]], "number"], step, other] as unknown as ExpressionSpecification;
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
  if (isTerrain(layer)) return terrainLayers(layer as CityLayer, look);
  if (layer.imagery) return [{ id: layer.slug, type: "raster", source: layer.slug, paint: { "raster-fade-duration": 120 } }];
  if ("group" in layer && layer.group === "land") return landLayers(layer as CityLayer, look);
  const base = { source: layer.slug, "source-layer": layer.slug };
  const kind = kindField(layer);
  const shape = shapeOf(layer);
  if (isCloud(layer)) return [cloudLayer(layer, look)];
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

function cloudLayer(layer: Layer, look: Scheme): LayerSpecification {
  return {
    id: layer.slug,
    source: layer.slug,
    "source-layer": layer.slug,
    type: "circle",
    minzoom: 15,
    paint: { "circle-color": CLASSED(look), "circle-radius": ["interpolate", ["linear"], ["zoom"], 15, 0.5, 19, 2.5] },
  };
}

const CLASSED = (look: Scheme): ExpressionSpecification =>
  ["match", ["to-number", ["get", "classification"], 0], ...Object.entries(POINT_CLASSES).flatMap(([number, colour]) => [Number(number), colour]), look.dark ? "#9aa5a1" : "#7d827d"] as unknown as ExpressionSpecification;

/** Colours of the classes of laser points (ASPRS LAS 1.4): ground, plants, buildings, water. */
export const POINT_CLASSES: Record<number, string> = { 2: "#a08f73", 3: "#9cbf7f", 4: "#6fa055", 5: "#3f7a3d", 6: "#b5533c", 9: "#5a94c8" };

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
  if (isTerrain(layer)) return RELIEF.slice(0, 5).map(([metres, light, night]) => ({ colour: dark ? night : light, label: `${metres} m` }));
  if (isCloud(layer)) {
    const names: [number, string][] = [[2, say("ground")], [5, say("trees")], [6, say("buildings")], [9, say("water")]];
    return names.map(([number, label]) => ({ colour: POINT_CLASSES[number] ?? "", label }));
  }
  if (layer.imagery || ("group" in layer && layer.group === "land" && !kindField(layer))) return [];
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
  const role = "role" in layer ? LINES[(layer as CityLayer).role] : undefined;
  if (role) return role[0];
  if (isCloud(layer)) return POINT_CLASSES[6] ?? "";
  if (isTerrain(layer)) return look.dark ? "#55422a" : "#d9b98a";
  if (layer.imagery) return look.dark ? "#44604f" : "#8aa67c";
  if (shape === "point") return pointColour(number, look.dark);
  if (shape === "line") return look.dark ? "#6c7a76" : "#ffffff";
  return rises(layer) ? (look.dark ? "#85653f" : "#c08f63") : look.dark ? "#203a2b" : "#cfe0c8";
}
