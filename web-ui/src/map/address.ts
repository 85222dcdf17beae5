// The state of the map in the address of its page, so that a copied link shows the same.

export interface State {
  centre: [number, number] | null;
  zoom: number;
  bearing: number;
  pitch: number;
  tall: boolean;
  layers: string[] | null;
  opacity: Map<string, number>;
  picked: [string, string] | null;
}

export function read(query: URLSearchParams): State {
  const [lon, lat, zoom, bearing, pitch] = (query.get("at") ?? "").split(",").map(Number);
  const placed = [lon, lat, zoom].every((n) => n !== undefined && Number.isFinite(n));
  const opacity = new Map<string, number>();
  for (const part of (query.get("opacity") ?? "").split(",")) {
    const [slug, value] = part.split(":");
    const number = Number(value);
    if (slug && number >= 0 && number <= 1) opacity.set(slug, number);
  }
  const pick = query.get("pick")?.split("/");
  return {
    centre: placed ? [lon as number, lat as number] : null,
    zoom: zoom ?? 0,
    bearing: bearing || 0,
    pitch: pitch || 0,
    tall: query.get("view") === "3d",
    layers: query.has("layers") ? (query.get("layers") ?? "").split(",").filter(Boolean) : null,
    opacity,
    picked: pick?.[0] && pick[1] ? [pick[0], pick.slice(1).join("/")] : null,
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
  if (state.layers) query.set("layers", state.layers.join(","));
  put("opacity", [...state.opacity].filter(([, value]) => value < 1).map(([slug, value]) => `${slug}:${value}`).join(","));
  put("pick", state.picked ? state.picked.join("/") : "");
  return query;
}
