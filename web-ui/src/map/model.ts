// What the server says of the layers of a map.

export interface Layer {
  slug: string;
  title: string;
  access: string;
  geometry: string;
  attribution: string;
  licence: string;
  tiles: string;
  imagery: boolean;
  items: string;
  bounds: [number, number, number, number] | null;
  fields: string[];
  agreement: string;
  query: string;
  version: number;
  updated: string;
}

/** A layer of the city map, of which more is told. */
export interface CityLayer extends Layer {
  group: string;
  role: string;
  model: boolean;
  bands: string[];
  terrain: string;
  solids: string;
  time: [string | null, string | null] | null;
  numbers: string[];
  texts: string[];
  generated: boolean;
  health?: { text: string; badge: string } | null;
}

export interface MapData {
  layers: CityLayer[];
  on: string[];
  language: "zh" | "en";
  groups: { id: string; name: string }[];
  member: boolean;
  today: string;
  numbers: string[];
}

export type Shape = "point" | "line" | "area";

export function shapeOf(layer: Layer): Shape {
  if (layer.geometry.endsWith("Point")) return "point";
  return layer.geometry.endsWith("LineString") ? "line" : "area";
}

/** The field of heights in metres, or of storeys, that raises a layer's areas. */
export function heightField(layer: Layer): string | undefined {
  if (shapeOf(layer) !== "area" || layer.imagery) return undefined;
  return ["height", "measured_height", "measuredHeight"].find((name) => layer.fields.includes(name));
}

export function storeysField(layer: Layer): string | undefined {
  if (shapeOf(layer) !== "area") return undefined;
  return ["levels", "building_levels", "building:levels", "storeys"].find((name) =>
    layer.fields.includes(name),
  );
}

export function rises(layer: Layer): boolean {
  return heightField(layer) !== undefined || storeysField(layer) !== undefined;
}

const KINDS = ["kind", "dlbm", "DLBM", "class", "category", "landuse", "highway", "amenity", "shop", "stage", "building", "type"];

/** The field that tells sorts of features apart, for colours and widths. */
export function kindField(layer: Layer): string | undefined {
  return KINDS.find((name) => layer.fields.includes(name));
}

/** Whether a layer of the city map is drawn from pixels of heights. */
export function isTerrain(layer: Layer): boolean {
  return "terrain" in layer && Boolean(layer.terrain);
}

/** Whether a layer of the city map is a cloud of points. */
export function isCloud(layer: Layer): boolean {
  return "group" in layer && layer.group === "clouds";
}
