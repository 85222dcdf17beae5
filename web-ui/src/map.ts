// The city map: layers of the catalogue through the gate, in two or three dimensions.

import type { Map as Drawn, MapGeoJSONFeature } from "maplibre-gl";
import { embedded, make, need, t } from "./lib/page";
import { read, write, type State } from "./map/address";
import { boundsOf, draw, styleOf } from "./map/draw";
import { fillCard, fillTable, idOf } from "./map/features";
import { rises, type Layer, type MapData } from "./map/model";
import { scheme } from "./map/paint";
import { panel } from "./map/panel";

const TALL_PITCH = 58;
const OPACITY = { fill: "fill-opacity", line: "line-opacity", circle: "circle-opacity", "fill-extrusion": "fill-extrusion-opacity" } as const;

async function start(data: MapData): Promise<void> {
  const state = read(new URLSearchParams(location.search));
  const known = new Map(data.layers.map((layer) => [layer.slug, layer]));
  const shown = new Set((state.layers ?? data.on).filter((slug) => known.has(slug)));
  const container = need("map");
  const bounds = boundsOf(data.layers.filter((layer) => shown.has(layer.slug))) ?? boundsOf(data.layers);
  const map = await draw(container, styleOf(data.layers, shown), {
    ...(state.centre
      ? { center: state.centre, zoom: state.zoom, bearing: state.bearing, pitch: state.pitch }
      : bounds
        ? { bounds, fitBoundsOptions: { padding: 20, maxZoom: 15.2 } }
        : {}),
  });

  const remember = (): void => {
    const centre = map.getCenter();
    const now: State = {
      ...state,
      centre: [centre.lng, centre.lat],
      zoom: map.getZoom(),
      bearing: map.getBearing(),
      pitch: map.getPitch(),
      layers: [...shown],
    };
    const query = write(new URLSearchParams(location.search), now);
    history.replaceState(null, "", `${location.pathname}?${query}`);
    keepLanguageSwitch(query);
  };

  const parts = (slug: string): string[] => map.getStyle().layers.map((one) => one.id).filter((id) => id.split("~")[0] === slug);
  const refresh = (slug: string): void => {
    for (const id of parts(slug)) {
      const raised = id.endsWith("~tall");
      const flat = id === slug && rises(known.get(slug) as Layer);
      const visible = shown.has(slug) && (raised ? state.tall : flat ? !state.tall : true);
      map.setLayoutProperty(id, "visibility", visible ? "visible" : "none");
      const property = OPACITY[map.getLayer(id)?.type as keyof typeof OPACITY];
      const value = state.opacity.get(slug);
      if (property && value !== undefined) map.setPaintProperty(id, property, value);
    }
  };

  panel(need("layers"), data.layers, shown, state.opacity, scheme(), {
    toggle: (slug, on) => {
      if (on) shown.add(slug);
      else shown.delete(slug);
      refresh(slug);
      remember();
    },
    opacity: (slug, value) => {
      state.opacity.set(slug, value);
      refresh(slug);
      remember();
    },
  });

  const flat = need<HTMLButtonElement>("flat");
  const tall = need<HTMLButtonElement>("tall");
  const raise = (on: boolean, move: boolean): void => {
    state.tall = on;
    tall.setAttribute("aria-pressed", String(on));
    flat.setAttribute("aria-pressed", String(!on));
    for (const slug of known.keys()) refresh(slug);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (move) map.easeTo({ pitch: on ? TALL_PITCH : 0, bearing: on ? map.getBearing() || -17 : 0, zoom: on ? Math.max(map.getZoom(), 14.6) : map.getZoom(), duration: calm ? 0 : 900 });
  };
  flat.addEventListener("click", () => raise(false, true));
  tall.addEventListener("click", () => raise(true, true));

  const card = need("card");
  const unpick = (): void => {
    card.hidden = true;
    state.picked = null;
    highlight(map, null);
    remember();
  };
  const pick = (feature: MapGeoJSONFeature): void => {
    const layer = known.get(feature.source);
    if (!layer) return;
    state.picked = [layer.slug, idOf(feature)];
    fillCard(card, layer, feature, unpick);
    highlight(map, feature);
    remember();
  };
  const pickable = (): string[] => map.getStyle().layers.filter((one) => one.type !== "background" && one.type !== "symbol").map((one) => one.id);
  map.on("click", (event) => {
    const around: [[number, number], [number, number]] = [[event.point.x - 4, event.point.y - 4], [event.point.x + 4, event.point.y + 4]];
    const found = map.queryRenderedFeatures(around, { layers: pickable() }).find((feature) => known.has(feature.source));
    if (found) pick(found);
    else if (state.picked) unpick();
    if (found) card.append(everythingAt(event.lngLat));
  });
  map.on("mousemove", (event) => {
    map.getCanvas().style.cursor = map.queryRenderedFeatures(event.point, { layers: pickable() }).length ? "pointer" : "";
  });

  const drawer = need<HTMLDetailsElement>("drawer");
  const choice = need<HTMLSelectElement>("table-layer");
  choice.replaceChildren(...data.layers.map((layer) => make("option", { value: layer.slug }, layer.title)));
  const first = [...shown].find((slug) => rises(known.get(slug) as Layer)) ?? [...shown][0];
  if (first) choice.value = first;
  const tabulate = (): void => {
    const layer = known.get(choice.value);
    if (!drawer.open || !layer) return;
    const ids = parts(layer.slug).filter((id) => !id.endsWith("~names"));
    fillTable(need<HTMLTableElement>("table"), layer, map.queryRenderedFeatures({ layers: ids }), state.picked?.[1], pick);
  };
  choice.addEventListener("change", tabulate);
  drawer.addEventListener("toggle", tabulate);

  const identity = document.getElementById("as") as HTMLSelectElement | null;
  identity?.addEventListener("change", () => {
    // Another agreement is another gate: the server says anew which layers there are.
    const query = write(new URLSearchParams(location.search), state);
    if (identity.value) query.set("as", identity.value);
    else query.delete("as");
    query.delete("pick");
    location.assign(`${location.pathname}?${query}`);
  });

  need("share").addEventListener("click", async () => {
    remember();
    await navigator.clipboard.writeText(location.href);
    need("shared").textContent = t("Copied");
  });

  const status = need("status");
  map.on("error", (event) => {
    status.hidden = false;
    status.textContent = t("A part of the map could not be loaded: {why}", { why: event.error.message });
  });
  map.on("moveend", remember);
  map.on("idle", () => {
    tabulate();
    if (state.picked && card.hidden) restore();
  });
  map.once("load", () => raise(state.tall, state.tall && !state.centre));

  function restore(): void {
    const [slug, id] = state.picked ?? ["", ""];
    if (!known.has(slug)) return;
    const found = map.queryRenderedFeatures({ layers: parts(slug).filter((one) => !one.endsWith("~names")) }).find((one) => idOf(one) === id);
    if (found) pick(found);
  }
}

function everythingAt(place: { lng: number; lat: number }): HTMLElement {
  const href = `/place?point=${place.lng.toFixed(6)},${place.lat.toFixed(6)}`;
  return make("p", { class: "small" }, make("a", { href }, t("Everything at this place")));
}

function highlight(map: Drawn, feature: MapGeoJSONFeature | null): void {
  const empty: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
  const data = feature ? { type: "Feature" as const, geometry: feature.geometry, properties: {} } : empty;
  const source = map.getSource("picked");
  if (source && "setData" in source) {
    (source as { setData: (data: GeoJSON.GeoJSON) => void }).setData(data);
    return;
  }
  if (!feature) return;
  const colour = scheme().picked;
  map.addSource("picked", { type: "geojson", data });
  map.addLayer({ id: "picked~line", source: "picked", type: "line", paint: { "line-color": colour, "line-width": 3.5 } });
  map.addLayer({ id: "picked~point", source: "picked", type: "circle", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 10, "circle-color": "transparent", "circle-stroke-color": colour, "circle-stroke-width": 3 } });
}

/** The language switch keeps what the map shows. */
function keepLanguageSwitch(query: URLSearchParams): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a[hreflang]")) {
    const there = new URLSearchParams(query);
    there.set("lang", link.hreflang.slice(0, 2));
    link.href = `${location.pathname}?${there}`;
  }
}

const data = embedded<MapData>("island");
if (data?.layers.length) void start(data);
else need("map").dataset["ready"] = "true";
