// Points on a small map: where something is, or, with `pick`, a place to choose. The page's fields and
// tables say the same, so nothing is lost without this.

import maplibregl, { type Map as Drawn } from "maplibre-gl";
import { embedded, need, t } from "./lib/page";
import { boundsOf, draw, styleOf } from "./map/draw";
import type { Layer } from "./map/model";

interface Point {
  lon: number;
  lat: number;
  title: string;
  href?: string;
}

interface Data {
  layers?: Layer[];
  points?: Point[];
  pick?: boolean;
}

const FIT = { padding: 48, maxZoom: 17 };
const CLOSE = 16;

function show(map: Drawn, points: Point[]): void {
  for (const point of points) {
    const marker = new maplibregl.Marker({ color: "#b3261a" }).setLngLat([point.lon, point.lat]).addTo(map);
    const element = marker.getElement();
    element.setAttribute("aria-label", point.title);
    const href = point.href;
    // Only addresses of this site: what is in a point may have come from data.
    if (href && /^\/(?!\/)/.test(href)) element.addEventListener("click", () => location.assign(href));
  }
}

function pick(map: Drawn): void {
  const lon = need<HTMLInputElement>("lon");
  const lat = need<HTMLInputElement>("lat");
  const said = need("place-said");
  let marker: maplibregl.Marker | undefined;
  const mark = (): void => {
    marker?.remove();
    const [x, y] = [Number(lon.value), Number(lat.value)];
    if (!lon.value || !lat.value || !(Math.abs(x) <= 180) || !(Math.abs(y) <= 90)) return;
    marker = new maplibregl.Marker({ color: "#b3261a" }).setLngLat([x, y]).addTo(map);
    marker.getElement().setAttribute("aria-label", t("Place chosen"));
  };
  const choose = (x: number, y: number): void => {
    lon.value = x.toFixed(6);
    lat.value = y.toFixed(6);
    mark();
  };
  map.on("click", (event) => choose(event.lngLat.lng, event.lngLat.lat));
  for (const field of [lon, lat]) field.addEventListener("change", mark);
  need("place-clear").addEventListener("click", () => {
    lon.value = lat.value = said.textContent = "";
    mark();
  });
  need("place-here").addEventListener("click", () => {
    said.textContent = t("Asking the device…");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        choose(coords.longitude, coords.latitude);
        map.jumpTo({ center: [coords.longitude, coords.latitude], zoom: CLOSE });
        said.textContent = t("within {metres} m", { metres: Math.round(coords.accuracy) });
      },
      () => (said.textContent = t("The device does not say where it is; choose on the map.")),
      { enableHighAccuracy: true, timeout: 15_000 },
    );
  });
  need("place-bar").hidden = false;
  mark();
}

async function start(): Promise<void> {
  const data = embedded<Data>("island");
  const layers = data?.layers ?? [];
  const points = data?.points ?? [];
  const around = boundsOf(layers);
  const first = points[0];
  const view: Partial<maplibregl.MapOptions> =
    points.length === 1 && first
      ? { center: [first.lon, first.lat], zoom: CLOSE }
      : points.length
        ? { bounds: points.reduce((box, point) => box.extend([point.lon, point.lat]), new maplibregl.LngLatBounds()), fitBoundsOptions: FIT }
        : around
          ? { bounds: around, fitBoundsOptions: FIT }
          : { center: [113.26, 23.13], zoom: 9 };
  const style = styleOf(layers, new Set(layers.map((layer) => layer.slug)));
  const map = await draw(need("place-map"), style, { ...view, cooperativeGestures: !data?.pick });
  show(map, points);
  if (data?.pick) pick(map);
}

void start();
