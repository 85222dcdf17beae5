// The city map: layers of the catalogue through the gate, in two or three dimensions, at any time.

import type { MapGeoJSONFeature } from "maplibre-gl";
import { embedded, need, t } from "./lib/page";
import { read, write } from "./map/address";
import { City, tilesAt } from "./map/city";
import { boundsOf, draw, styleOf } from "./map/draw";
import { highlight } from "./map/highlight";
import type { CityLayer, MapData } from "./map/model";
import { panel } from "./map/panel";
import type { Solids } from "./map/solid";

const TALL_PITCH = 58;
const SLACK = 4;

async function start(data: MapData): Promise<void> {
  const state = read(new URLSearchParams(location.search));
  const slugs = new Set(data.layers.map((layer) => layer.slug));
  const shown = new Set((state.layers ?? data.on).filter((slug) => slugs.has(slug)));
  const container = need("map");
  const bounds = boundsOf(data.layers.filter((layer) => shown.has(layer.slug))) ?? boundsOf(data.layers);
  const style = styleOf(data.layers, shown, (layer) => tilesAt(layer as CityLayer, state, state.when, data.today));
  const map = await draw(container, style, {
    ...(state.centre
      ? { center: state.centre, zoom: state.zoom, bearing: state.bearing, pitch: state.pitch }
      : bounds
        ? { bounds, fitBoundsOptions: { padding: 20, maxZoom: 15.2 } }
        : {}),
  });
  const remember = (): void => {
    const centre = map.getCenter();
    Object.assign(state, { centre: [centre.lng, centre.lat], zoom: map.getZoom(), bearing: map.getBearing(), pitch: map.getPitch(), layers: [...shown] });
    const query = write(new URLSearchParams(location.search), state);
    history.replaceState(null, "", `${location.pathname}?${query}`);
    keepLanguageSwitch(query);
  };
  const city = new City(data, state, shown, map, remember);
  panel(need("layers"), city);
  const status = need("status");
  map.on("error", (event) => {
    // Of a time before its first version, a layer has no tiles.
    if ((event.error as { status?: number }).status === 404) return;
    status.hidden = false;
    status.textContent = t("A part of the map could not be loaded: {why}", { why: event.error.message });
  });

  const card = need("card");
  const unpick = (): void => {
    card.hidden = true;
    state.picked = null;
    highlight(map, null);
    city.tell("picked");
  };
  const pick = (slug: string, id: string, at: [number, number], height?: number): void => {
    const layer = city.known.get(slug);
    if (!layer) return;
    state.picked = [slug, id];
    city.tell("picked");
    void import("./map/card").then(({ fillCard }) => fillCard(card, city, { layer, id, at, ...(height === undefined ? {} : { height }) }, unpick));
  };
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !card.hidden) unpick();
  });

  const views = threeDimensions(city, container);
  const tools = toolbar(city, pick);
  const hitAt = (point: { x: number; y: number }): MapGeoJSONFeature | undefined => {
    const around: [[number, number], [number, number]] = [[point.x - SLACK, point.y - SLACK], [point.x + SLACK, point.y + SLACK]];
    const layers = city.visible.filter((layer) => !layer.imagery).flatMap((layer) => city.parts(layer.slug));
    return layers.length ? map.queryRenderedFeatures(around, { layers })[0] : undefined;
  };
  map.on("click", (event) => {
    if (tools.busy()) return;
    const solid = views.solids()?.pick(event.point.x, event.point.y);
    if (solid) {
      pick(solid.layer.slug, solid.id, solid.at, solid.height);
      return;
    }
    const found = hitAt(event.point);
    if (found) pick(found.source, idOf(found), event.lngLat.toArray());
    else if (state.picked) unpick();
  });
  map.getCanvas().addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || tools.busy()) return;
    const found = hitAt(map.project(map.getCenter()));
    if (found) pick(found.source, idOf(found), map.getCenter().toArray());
  });
  map.on("mousemove", (event) => {
    if (!tools.busy()) map.getCanvas().style.cursor = hitAt(event.point) ? "pointer" : "";
  });

  const find = need<HTMLFormElement>("find");
  find.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = need<HTMLInputElement>("q").value.trim();
    if (text) void import("./map/find").then(({ find: go }) => go(city, text, pick));
  });

  const drawer = need<HTMLDetailsElement>("drawer");
  const table = (): void => void import("./map/table").then(({ tabulate }) => tabulate(city, pick));
  if (state.table) drawer.open = true;
  drawer.addEventListener("toggle", table, { once: true });

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
    const text = need("share").querySelector("span");
    if (text) text.textContent = t("Copied");
    need("shared").textContent = t("Copied");
    setTimeout(() => text && (text.textContent = t("Copy the link")), 2500);
  });

  map.on("moveend", remember);
  map.once("style.load", () => {
    for (const layer of data.layers) {
      city.refresh(layer.slug);
      if (state.colour.has(layer.slug)) void import("./map/options").then(({ colour }) => colour(city, layer));
    }
    views.restore();
    tools.restore();
    const picked = state.picked;
    if (picked) void import("./map/find").then(({ again }) => again(city, picked, pick));
  });
}

/** Flat or raised, levels of detail, terrain; the 3D engine comes when something needs it. */
function threeDimensions(city: City, container: HTMLElement): { solids: () => Solids | undefined; restore: () => void } {
  const { map, state } = city;
  const [flat, tall] = [need<HTMLButtonElement>("flat"), need<HTMLButtonElement>("tall")];
  const lods = need("lods");
  const relief = need("relief");
  const terrain = need<HTMLButtonElement>("terrain");
  const exaggeration = need<HTMLSelectElement>("exaggeration");
  const heights = city.data.layers.find((layer) => layer.terrain);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let solids: Solids | undefined;
  let asked = false;

  const draw3d = (): void => {
    if (solids) solids.draw();
    else if (!asked && city.visible.some((layer) => city.solid(layer))) {
      asked = true;
      container.dataset["solid"] = "loading";
      void import("./map/solid").then((engine) => {
        solids = new engine.Solids(city, (drawn) => (container.dataset["solid"] = drawn ? "ready" : "loading"));
      });
    }
  };
  const ground = (): void => {
    const on = state.tall && state.terrain > 0 && heights !== undefined;
    if (on && !map.getSource("ground~dem")) {
      map.addSource("ground~dem", { type: "raster-dem", url: new URL(heights.terrain, location.origin).href, encoding: "terrarium", tileSize: 256 });
    }
    map.setTerrain(on ? { source: "ground~dem", exaggeration: state.terrain } : null);
    terrain.setAttribute("aria-pressed", String(on));
    exaggeration.hidden = !on;
    exaggeration.value = String(state.terrain || 1);
  };
  const show = (): void => {
    tall.setAttribute("aria-pressed", String(state.tall));
    flat.setAttribute("aria-pressed", String(!state.tall));
    lods.hidden = !state.tall || !city.data.layers.some((layer) => layer.group === "buildings");
    relief.hidden = !state.tall || !heights;
    for (const button of lods.querySelectorAll("button")) button.setAttribute("aria-pressed", String(Number(button.dataset["lod"]) === state.lod));
    for (const slug of city.known.keys()) city.refresh(slug);
    ground();
    draw3d();
  };
  const raise = (on: boolean): void => {
    state.tall = on;
    show();
    map.easeTo({ pitch: on ? TALL_PITCH : 0, bearing: on ? map.getBearing() || -17 : 0, zoom: on ? Math.max(map.getZoom(), 14.6) : map.getZoom(), duration: calm ? 0 : 900 });
    city.tell("tall");
  };
  flat.addEventListener("click", () => raise(false));
  tall.addEventListener("click", () => raise(true));
  for (const button of lods.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      state.lod = Number(button.dataset["lod"]);
      show();
      city.tell("tall");
    });
  }
  const stretch = (by: number): void => {
    state.terrain = by;
    show();
    city.tell("tall");
  };
  terrain.addEventListener("click", () => stretch(state.terrain ? 0 : 1));
  exaggeration.addEventListener("change", () => stretch(Number(exaggeration.value)));
  for (const news of ["layers", "when", "look"] as const) city.hear(news, draw3d);
  return {
    solids: () => (state.tall ? solids : undefined),
    restore: () => {
      show();
      if (state.tall && !city.state.pitch) map.jumpTo({ pitch: TALL_PITCH, bearing: -17, zoom: Math.max(map.getZoom(), 14.6) });
    },
  };
}

type Pick = (slug: string, id: string, at: [number, number], height?: number) => void;

/** Tools that open beside the map, one at a time; each comes when it is asked for. */
function toolbar(city: City, pick: Pick): { busy: () => boolean; restore: () => void } {
  const aside = need("aside");
  const bar = need("time");
  const buttons = { time: need("tool-time"), compare: need("tool-compare"), project: need("tool-project") };
  let close: (() => void) | undefined;
  let open = "";
  let busy = (): boolean => false;

  const shut = (): void => {
    close?.();
    close = undefined;
    busy = () => false;
    if (open) buttons[open as keyof typeof buttons].setAttribute("aria-expanded", "false");
    open = "";
  };
  const enter = async (tool: "compare" | "project"): Promise<void> => {
    const same = open === tool;
    shut();
    if (same) return;
    open = tool;
    buttons[tool].setAttribute("aria-expanded", "true");
    if (tool === "compare") close = (await import("./map/compare")).compare(aside, city, pick, shut);
    else ({ close, busy } = (await import("./map/project")).project(aside, city, shut));
  };
  const time = async (): Promise<void> => {
    bar.hidden = !bar.hidden;
    buttons.time.setAttribute("aria-expanded", String(!bar.hidden));
    if (!bar.hidden) (await import("./map/time")).timeBar(bar, city);
  };
  buttons.compare.addEventListener("click", () => void enter("compare"));
  buttons.project.addEventListener("click", () => void enter("project"));
  buttons.time.addEventListener("click", () => void time());
  return {
    busy: () => busy(),
    restore: () => {
      if (city.state.other) void enter("compare");
      else if (city.state.report) void enter("project");
      if ((city.state.when.day || city.state.when.known) && !city.state.other) void time();
    },
  };
}

function idOf(feature: MapGeoJSONFeature): string {
  return String(feature.properties["fid"] ?? feature.id ?? "");
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
