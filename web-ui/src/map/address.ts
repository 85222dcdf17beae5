// The state of the map in the address of its page, so that a copied link shows the same.

/** When the city is looked at: as it was on a day, as known at a time; null is now. */
export interface When {
  day: string | null;
  known: string | null;
}

export interface State {
  centre: [number, number] | null;
  zoom: number;
  bearing: number;
  pitch: number;
  tall: boolean;
  lod: number;
  terrain: number;
  layers: string[] | null;
  opacity: Map<string, number>;
  colour: Map<string, string>;
  bands: Map<string, string>;
  scene: Map<string, string>;
  picked: [string, string] | null;
  when: When;
  other: When | null;
  swipe: number;
  differ: string;
  table: string;
  filter: string;
  sort: string;
  report: string;
}

const TOP_LOD = 2;

export function read(query: URLSearchParams): State {
  const [lon, lat, zoom, bearing, pitch] = (query.get("at") ?? "").split(",").map(Number);
  const placed = [lon, lat, zoom].every((n) => n !== undefined && Number.isFinite(n));
  const opacity = new Map<string, number>();
  for (const [slug, value] of pairs(query.get("opacity"))) {
    const number = Number(value);
    if (number >= 0 && number <= 1) opacity.set(slug, number);
  }
  const pick = query.get("pick")?.split("/");
  const lod = Number(query.get("lod") ?? TOP_LOD);
  const terrain = Number(query.get("terrain") ?? 0);
  const other = query.get("compare");
  return {
    centre: placed ? [lon as number, lat as number] : null,
    zoom: zoom ?? 0,
    bearing: bearing || 0,
    pitch: pitch || 0,
    tall: query.get("view") === "3d",
    lod: [0, 1, 2].includes(lod) ? lod : TOP_LOD,
    terrain: terrain >= 1 && terrain <= 3 ? terrain : 0,
    layers: query.has("layers") ? (query.get("layers") ?? "").split(",").filter(Boolean) : null,
    opacity,
    colour: new Map(pairs(query.get("colour"))),
    bands: new Map(pairs(query.get("bands"))),
    scene: new Map(pairs(query.get("scene"))),
    picked: pick?.[0] && pick[1] ? [pick[0], pick.slice(1).join("/")] : null,
    when: whenOf(query.get("when") ?? ""),
    other: other === null ? null : whenOf(other),
    swipe: Number(query.get("swipe")) || 0.5,
    differ: query.get("differ") ?? "",
    table: query.get("table") ?? "",
    filter: query.get("filter") ?? "",
    sort: query.get("sort") ?? "",
    report: query.get("report") ?? "",
  };
}

/** Write the state over what the query holds; parameters that are not ours stay. */
export function write(query: URLSearchParams, state: State): URLSearchParams {
  const put = (name: string, value: string): void => {
    if (value) query.set(name, value);
    else query.delete(name);
  };
  if (state.centre) {
    const parts = [...state.centre.map((n) => n.toFixed(5)), state.zoom.toFixed(2), state.bearing.toFixed(0), state.pitch.toFixed(0)];
    put("at", parts.join(","));
  }
  put("view", state.tall ? "3d" : "");
  put("lod", state.lod < TOP_LOD ? String(state.lod) : "");
  put("terrain", state.terrain ? String(state.terrain) : "");
  if (state.layers) query.set("layers", state.layers.join(","));
  put("opacity", joined([...state.opacity].filter(([, value]) => value < 1)));
  put("colour", joined([...state.colour]));
  put("bands", joined([...state.bands]));
  put("scene", joined([...state.scene]));
  put("pick", state.picked ? state.picked.join("/") : "");
  put("when", whenText(state.when));
  if (state.other) query.set("compare", whenText(state.other));
  else query.delete("compare");
  put("swipe", state.other && state.swipe !== 0.5 ? state.swipe.toFixed(2) : "");
  put("differ", state.other ? state.differ : "");
  put("table", state.table);
  put("filter", state.table ? state.filter : "");
  put("sort", state.table ? state.sort : "");
  put("report", state.report);
  return query;
}

/** `2026-05-01~2026-11-26T08:00:00Z`: the day, then what was known when; both may be left out. */
export function whenText(when: When): string {
  return when.day || when.known ? `${when.day ?? ""}${when.known ? `~${when.known}` : ""}` : "";
}

function whenOf(text: string): When {
  const [day, known] = text.split("~");
  const dated = /^\d{4}-\d\d-\d\d$/.test(day ?? "");
  return { day: dated ? (day as string) : null, known: known && !Number.isNaN(Date.parse(known)) ? known : null };
}

function pairs(text: string | null): [string, string][] {
  return (text ?? "").split(",").flatMap((part): [string, string][] => {
    const at = part.indexOf(":");
    return at > 0 && at < part.length - 1 ? [[part.slice(0, at), part.slice(at + 1)]] : [];
  });
}

function joined(given: [string, string | number][]): string {
  return given.map(([slug, value]) => `${slug}:${value}`).join(",");
}
