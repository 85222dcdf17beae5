// The operations wall: a map of alerts and facilities, and figures that follow the server's events.

import maplibregl, { type GeoJSONSource, type Map as Drawn, type StyleSpecification } from "maplibre-gl";
import { embedded, make, moment, need, t } from "./lib/page";
import { boundsOf, draw, styleOf } from "./map/draw";
import type { Layer } from "./map/model";
import { scheme } from "./map/paint";

interface Alert {
  id: string;
  state: string;
  severity: string;
  severityName: string;
  stateName: string;
  title: string;
  thingName: string;
  worst: string;
  beganAt: string;
  position: [number, number] | null;
}

interface Wall {
  at: string;
  stands: string;
  figures: Record<string, unknown>;
  alerts: Alert[];
  facilities: [number, number, string][];
}

interface Given {
  layers: Layer[];
  wall: Wall;
}

function alertsOf(wall: Wall): GeoJSON.FeatureCollection {
  const features = wall.alerts.flatMap((one): GeoJSON.Feature[] =>
    one.position
      ? [{ type: "Feature", geometry: { type: "Point", coordinates: one.position }, properties: { id: one.id, severity: one.severity } }]
      : [],
  );
  return { type: "FeatureCollection", features };
}

function facilitiesOf(wall: Wall): GeoJSON.FeatureCollection {
  const features = wall.facilities.map(([lon, lat]): GeoJSON.Feature => ({ type: "Feature", geometry: { type: "Point", coordinates: [lon, lat] }, properties: {} }));
  return { type: "FeatureCollection", features };
}

function style(given: Given): StyleSpecification {
  const look = scheme();
  const base = styleOf(given.layers, new Set(given.layers.map((layer) => layer.slug)));
  const inks = look.dark ? ["#ff6b5e", "#ff9d4d", "#f2cc5b", "#7fb4ff"] : ["#b3261a", "#b35000", "#8a6500", "#1d4f91"];
  const ink = ["match", ["get", "severity"], "critical", inks[0] ?? "", "major", inks[1] ?? "", "minor", inks[2] ?? "", inks[3] ?? ""] as unknown as string;
  // The worst lies uppermost.
  const rank = ["match", ["get", "severity"], "critical", 3, "major", 2, "minor", 1, 0] as unknown as number;
  return {
    ...base,
    sources: { ...base.sources, facilities: { type: "geojson", data: facilitiesOf(given.wall) }, alerts: { type: "geojson", data: alertsOf(given.wall) } },
    layers: [
      ...base.layers,
      // The ground steps back, so that from afar alerts alone stand out.
      { id: "veil", type: "background", paint: { "background-color": look.dark ? "#0e1413" : "#faf9f5", "background-opacity": 0.5 } },
      { id: "facilities", source: "facilities", type: "circle", paint: { "circle-radius": 5, "circle-color": look.dark ? "#7fd0c4" : "#0d5a54", "circle-opacity": 0.85, "circle-stroke-color": look.halo, "circle-stroke-width": 1 } },
      { id: "alerts-glow", source: "alerts", type: "circle", paint: { "circle-radius": 22, "circle-color": ink, "circle-opacity": 0.22 } },
      { id: "alerts", source: "alerts", type: "circle", layout: { "circle-sort-key": rank }, paint: { "circle-radius": 10, "circle-color": ink, "circle-stroke-color": look.halo, "circle-stroke-width": 2.5 } },
    ],
  };
}

function figureOf(figures: Record<string, unknown>, path: string): number {
  const value = path.split(".").reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], figures);
  return typeof value === "number" ? value : 0;
}

function write(wall: Wall): void {
  const form = new Intl.NumberFormat(document.documentElement.lang);
  for (const figure of document.querySelectorAll<HTMLElement>("[data-figure]")) {
    figure.textContent = form.format(figureOf(wall.figures, figure.dataset["figure"] ?? ""));
  }
  need("wall-time").replaceChildren(moment(wall.at));
  const items = wall.alerts.map((one) =>
    make(
      "li",
      { class: one.severity },
      make("p", {}, make("span", { class: `badge severity ${one.severity}` }, one.severityName), ` ${one.stateName}`),
      make("a", { href: `/alerts/${encodeURIComponent(one.id)}` }, one.title),
      make("p", {}, one.thingName),
      make("p", {}, `${one.worst} · `, moment(one.beganAt)),
    ),
  );
  if (!items.length) items.push(make("li", { class: "none" }, t("Nothing is wrong as far as the rules can tell.")));
  need("wall-list").replaceChildren(...items);
}

function bounds(given: Given): maplibregl.LngLatBounds | undefined {
  const found = new maplibregl.LngLatBounds();
  for (const [lon, lat] of given.wall.facilities) found.extend([lon, lat]);
  for (const one of given.wall.alerts) if (one.position) found.extend(one.position);
  if (!found.isEmpty()) return found;
  const layers = boundsOf(given.layers);
  return layers ? maplibregl.LngLatBounds.convert(layers) : undefined;
}

function follow(map: Drawn | undefined, shown: string): void {
  const source = new EventSource("/api/alerts/events");
  let stands = shown;
  source.addEventListener("alerts", (event) => {
    // The first says how things stand, which the page shows already unless they changed meanwhile.
    if ((event as MessageEvent).lastEventId === stands) return;
    void fetch("/wall?f=json", { headers: { accept: "application/json" } })
      .then(async (answer) => (answer.ok ? ((await answer.json()) as Wall) : undefined))
      .then((wall) => {
        if (!wall) return;
        write(wall);
        stands = wall.stands;
        map?.getSource<GeoJSONSource>("alerts")?.setData(alertsOf(wall));
        map?.getSource<GeoJSONSource>("facilities")?.setData(facilitiesOf(wall));
        document.body.dataset["followed"] = wall.at;
      });
  });
  addEventListener("pagehide", () => source.close());
}

async function start(): Promise<void> {
  const given = embedded<Given>("island");
  if (!given) return;
  const around = bounds(given);
  let map: Drawn | undefined;
  try {
    map = await draw(need("wall-map"), style(given), around ? { bounds: around, fitBoundsOptions: { padding: 60, maxZoom: 15 } } : {});
    map.on("click", "alerts", (event) => {
      const id = event.features?.[0]?.properties["id"] as unknown;
      if (typeof id === "string") location.assign(`/alerts/${encodeURIComponent(id)}`);
    });
  } finally {
    // Without a map (no WebGL on the screen's machine) the list still follows.
    follow(map, given.wall.stands);
  }
}

void start();
