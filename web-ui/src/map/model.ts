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
  version: number;
  updated: string;
}

export interface MapData {
  layers: Layer[];
  on: string[];
  language: "zh" | "en";
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

const KINDS = ["kind", "class", "category", "landuse", "highway", "amenity", "shop", "building", "type"];

/** The field that tells sorts of features apart, for colours and widths. */
export function kindField(layer: Layer): string | undefined {
  return KINDS.find((name) => layer.fields.includes(name));
}
