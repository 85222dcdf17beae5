// What the fields of a layer are called, and their units, as its schema says; asked for once.

import { address, ask } from "../lib/ask";
import type { CityLayer } from "./model";

export interface Titled {
  title: string;
  unit: string;
}

interface Schema {
  properties: Record<string, { title?: string; "x-ogc-unit"?: string }>;
}

const known = new Map<string, Promise<Map<string, Titled>>>();

export function titlesOf(layer: CityLayer): Promise<Map<string, Titled>> {
  const path = address(layer.items.replace(/items$/, "schema"), layer.query);
  const asked = known.get(path) ?? ask<Schema>(path).then(read, () => new Map<string, Titled>());
  known.set(path, asked);
  return asked;
}

function read(schema: Schema): Map<string, Titled> {
  return new Map(Object.entries(schema.properties).map(([name, one]) => [name, { title: one.title ?? name, unit: one["x-ogc-unit"] ?? "" }]));
}
