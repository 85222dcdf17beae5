// What the node's 3D Tiles hold, laid out as the 3D engine draws it: meshes in which each triangle
// knows its feature, points in the colours that are chosen.

import { Matrix4 } from "@math.gl/core";
import { POINT_CLASSES } from "./paint";

interface Values {
  value: ArrayLike<number>;
}

interface Primitive {
  attributes: Record<string, Values>;
  indices?: Values;
  material?: { pbrMetallicRoughness?: { baseColorFactor?: number[] } };
}

interface Node {
  translation?: number[];
  matrix?: number[];
  mesh?: { primitives: Primitive[] };
}

/** A loaded tile, as far as it is used here. */
export interface Tile {
  type: string;
  header?: { boundingVolume?: { region?: number[] } };
  content: {
    cartographicOrigin?: number[];
    gltf?: { nodes?: Node[]; extensions?: { EXT_structural_metadata?: Metadata } };
    cartographicModelMatrix: number[];
    modelMatrix?: unknown;
    attributes?: unknown;
    indices?: unknown;
    pointCount?: number;
    constantRGBA?: unknown;
    ids?: ArrayLike<string>;
  } | null;
}

interface Metadata {
  schema?: { classes?: Record<string, { properties?: Record<string, { name?: string }> }> };
  propertyTables?: { properties?: Record<string, { data?: ArrayLike<unknown> }> }[];
}

/** Triangles of a tile as one mesh with colours, normals and the feature of each corner.
 *
 * What stands is set on the ground as it is drawn: `ground` times its own height, 0 on a flat map. */
export function meshTile(tile: Tile, ground: number): void {
  const parts = primitivesOf(tile);
  const { content } = tile;
  if (!content || !parts.length) return;
  const corners = parts.reduce((sum, { primitive }) => sum + (primitive.indices?.value.length ?? 0), 0);
  const positions = new Float32Array(corners * 3);
  const normals = new Float32Array(corners * 3);
  const colours = new Float32Array(corners * 3);
  const features = new Float32Array(corners * 2);
  let at = 0;
  for (const { primitive, matrix } of parts) {
    const { POSITION: place, NORMAL: normal, _FEATURE_ID_0: owner } = primitive.attributes;
    const colour = (primitive.material?.pbrMetallicRoughness?.baseColorFactor ?? [0.8, 0.8, 0.8]).map(screen);
    const indices = primitive.indices?.value ?? [];
    if (!place) continue;
    for (let n = 0; n < indices.length; n++, at++) {
      const from = indices[n] as number;
      put(positions, at, matrix, place.value, from, 1);
      if (normal) put(normals, at, matrix, normal.value, from, 0);
      colours.set(colour.slice(0, 3), at * 3);
      features[at * 2] = owner?.value[from] ?? 0;
    }
  }
  const base = originOf(tile);
  const feet = new Map<number, number>();
  for (let n = 0; n < corners; n++) {
    const [owner, z] = [features[n * 2] as number, (positions[n * 3 + 2] as number) + base];
    feet.set(owner, Math.min(feet.get(owner) ?? Infinity, z));
  }
  for (let n = 0; n < corners; n++) positions[n * 3 + 2]! += (ground - 1) * (feet.get(features[n * 2] as number) ?? 0);
  tile.type = "mesh";
  Object.assign(content, {
    modelMatrix: undefined,
    attributes: {
      positions: { value: positions, size: 3 },
      normals: { value: normals, size: 3 },
      colors: { value: colours, size: 3 },
      texCoords: { value: features, size: 2 },
    },
    indices: undefined,
    ids: idsOf(tile),
  });
}

/** Points of a tile in their class's colour, by their height, or in colours of their own.
 *
 * With a ground their heights are stretched as its are; on a flat map the lowest lies on it. */
export function cloudTile(tile: Tile, way: string, ground: number): void {
  const [part] = primitivesOf(tile);
  const { content } = tile;
  const place = part?.primitive.attributes["POSITION"];
  if (!content || !part || !place) return;
  const count = place.value.length / 3;
  const positions = new Float32Array(count * 3);
  for (let n = 0; n < count; n++) put(positions, n, part.matrix, place.value, n, 1);
  const own = part.primitive.attributes["COLOR_0"]?.value;
  const colours = new Uint8Array(count * 4).fill(255);
  const classes = column(tile, "classification");
  const base = originOf(tile);
  for (let n = 0; n < count; n++) {
    const colour = way === "height" ? ramp(base + (positions[n * 3 + 2] as number))
      : way === "class" && classes ? hex(POINT_CLASSES[Number(classes[n])] ?? "#8b928e")
      : own ? [0, 1, 2].map((k) => screen((own[n * 4 + k] as number) / 255) * 255) : [139, 146, 142];
    colours.set(colour, n * 4);
  }
  const lowest = ground ? 0 : tile.header?.boundingVolume?.region?.[4] ?? 0;
  for (let n = 0; n < count; n++) {
    const z = (positions[n * 3 + 2] as number) + base;
    positions[n * 3 + 2] = (ground ? z * ground : z - lowest) - base;
  }
  tile.type = "pointcloud";
  Object.assign(content, {
    modelMatrix: undefined,
    attributes: { positions: { value: positions, size: 3 }, colors: { value: colours, size: 4, type: 5121, normalized: true } },
    pointCount: count,
    constantRGBA: undefined,
    ids: idsOf(tile),
  });
}

/** The id of the feature that was picked in a tile. */
export function idAt(tile: Tile | undefined, index: number): string | undefined {
  const id = tile?.content?.ids?.[index];
  return id === undefined ? undefined : String(id);
}

/** The height of a tile's middle, from which its corners are counted. */
function originOf(tile: Tile): number {
  return Number(tile.content?.cartographicOrigin?.[2] ?? 0);
}

function primitivesOf(tile: Tile): { primitive: Primitive; matrix: Matrix4 }[] {
  const content = tile.content;
  if (!content?.gltf) return [];
  return (content.gltf.nodes ?? []).flatMap((node) => {
    const matrix = new Matrix4(content.cartographicModelMatrix);
    if (node.matrix) matrix.multiplyRight(node.matrix);
    if (node.translation) matrix.translate(node.translation);
    return (node.mesh?.primitives ?? []).map((primitive) => ({ primitive, matrix }));
  });
}

/** One corner through a matrix, in double precision until it is small. */
function put(into: Float32Array, at: number, matrix: Matrix4, values: ArrayLike<number>, from: number, w: 0 | 1): void {
  const [x, y, z] = [values[from * 3], values[from * 3 + 1], values[from * 3 + 2]] as [number, number, number];
  const m = matrix as unknown as number[];
  for (let row = 0; row < 3; row++) {
    into[at * 3 + row] = (m[row] as number) * x + (m[row + 4] as number) * y + (m[row + 8] as number) * z + w * (m[row + 12] as number);
  }
}

function idsOf(tile: Tile): ArrayLike<string> {
  return (column(tile, "id") ?? []) as ArrayLike<string>;
}

function column(tile: Tile, name: string): ArrayLike<unknown> | undefined {
  const metadata = tile.content?.gltf?.extensions?.EXT_structural_metadata;
  const [kind] = Object.values(metadata?.schema?.classes ?? {});
  const key = Object.entries(kind?.properties ?? {}).find(([id, said]) => (said.name ?? id) === name)?.[0] ?? name;
  return metadata?.propertyTables?.[0]?.properties?.[key]?.data;
}

/** A linear share of light as the screen shows it (sRGB). */
function screen(linear: number): number {
  return linear <= 0.003_130_8 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
}

function hex(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

const LOW = hex("#1d4f91");
const MIDDLE = hex("#7fb39b");
const HIGH = hex("#b5533c");
const TOP = 40;

function ramp(height: number): number[] {
  const share = Math.min(1, Math.max(0, height / TOP));
  const [from, to, part] = share < 0.5 ? [LOW, MIDDLE, share * 2] : [MIDDLE, HIGH, share * 2 - 1];
  return from.map((one, at) => one + ((to[at] as number) - one) * part);
}
