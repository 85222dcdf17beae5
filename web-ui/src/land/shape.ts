// A drawn shape as text, and GeoJSON text as a shape.

export type Corner = [number, number];

const DIGITS = 7;

/** GeoJSON of a polygon with these corners, its ring closed and anticlockwise (RFC 7946). */
export function asWritten(corners: Corner[]): string {
  const round = (value: number): number => Number(value.toFixed(DIGITS));
  const ring = corners.map(([lon, lat]): Corner => [round(lon), round(lat)]);
  if (turn(ring) < 0) ring.reverse();
  const [first] = ring;
  if (first) ring.push(first);
  return JSON.stringify({ type: "Polygon", coordinates: [ring] });
}

function turn(ring: Corner[]): number {
  let sum = 0;
  ring.forEach(([x, y], at) => {
    const [nextX, nextY] = ring[(at + 1) % ring.length] ?? [x, y];
    sum += x * nextY - nextX * y;
  });
  return sum;
}

/** The polygonal geometry in GeoJSON text, in degrees; nothing for what is none (WKT, a draft). */
export function closed(text: string): GeoJSON.Geometry | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  const held = (found as { geometry?: unknown }).geometry ?? found;
  const shape = held as GeoJSON.Geometry;
  const area = shape.type === "Polygon" || shape.type === "MultiPolygon";
  const degrees = area && positionsOf(shape).every(([x, y]) => Math.abs(x) <= 180 && Math.abs(y) <= 90);
  return degrees ? shape : undefined;
}

/** Every position of a geometry. */
export function positionsOf(geometry: GeoJSON.Geometry): Corner[] {
  const found: Corner[] = [];
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    if (typeof part[0] === "number") found.push([part[0], part[1] as number]);
    else part.forEach(walk);
  };
  if ("coordinates" in geometry) walk(geometry.coordinates);
  return found;
}
