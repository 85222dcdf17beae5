// What the map shows, told otherwise: the card of a picked feature and the table beside the map.

import type { MapGeoJSONFeature } from "maplibre-gl";
import { make, t, tn } from "../lib/page";
import type { Layer } from "./model";

const MOST_ROWS = 100;

export function idOf(feature: MapGeoJSONFeature): string {
  return String(feature.properties["fid"] ?? feature.id ?? "");
}

/** One of each feature: a feature that crosses tiles is drawn once in each. */
export function distinct(features: MapGeoJSONFeature[]): MapGeoJSONFeature[] {
  const seen = new Map<string, MapGeoJSONFeature>();
  for (const feature of features) if (!seen.has(idOf(feature))) seen.set(idOf(feature), feature);
  return [...seen.values()];
}

function shownProperties(feature: MapGeoJSONFeature): [string, unknown][] {
  return Object.entries(feature.properties).filter(([name, value]) => name !== "fid" && value !== null && value !== "");
}

export function fillCard(card: HTMLElement, layer: Layer, feature: MapGeoJSONFeature, close: () => void): void {
  const list = make("dl", { class: "facts" });
  for (const [name, value] of shownProperties(feature)) {
    list.append(make("dt", {}, name), make("dd", {}, String(value)));
  }
  const shut = make("button", { type: "button", class: "quiet slim" }, t("Close"));
  shut.addEventListener("click", close);
  const under = layer.agreement ? `&agreement=${encodeURIComponent(layer.agreement)}` : "";
  const name = feature.properties["name"];
  card.replaceChildren(
    make("div", { class: "between" }, make("h2", { class: "h3" }, String(name ?? layer.title)), shut),
    make("p", { class: "small" }, layer.title, " · ", make("a", { href: `${layer.items}/${encodeURIComponent(idOf(feature))}?f=html${under}`, class: "mono" }, idOf(feature))),
    list,
  );
  card.hidden = false;
}

export function fillTable(
  table: HTMLTableElement,
  layer: Layer,
  features: MapGeoJSONFeature[],
  picked: string | undefined,
  pick: (feature: MapGeoJSONFeature) => void,
): void {
  const rows = distinct(features);
  const names = layer.fields.slice(0, 8);
  const head = make("tr", {}, make("th", { scope: "col" }, "id"));
  for (const name of names) head.append(make("th", { scope: "col" }, name));
  table.tHead?.replaceChildren(head);
  const body = rows.slice(0, MOST_ROWS).map((feature) => {
    const button = make("button", { type: "button", class: "plain mono" }, idOf(feature));
    button.addEventListener("click", () => pick(feature));
    const row = make("tr", { "aria-selected": String(idOf(feature) === picked) }, make("th", { scope: "row" }, button));
    for (const name of names) row.append(make("td", {}, String(feature.properties[name] ?? "")));
    return row;
  });
  table.tBodies[0]?.replaceChildren(...body);
  table.createCaption().textContent =
    rows.length > MOST_ROWS
      ? t("{layer}: the first {shown} of {all} features in view", { layer: layer.title, shown: MOST_ROWS, all: rows.length })
      : tn("{layer}: {count} feature in view", "{layer}: {count} features in view", rows.length, { layer: layer.title });
}
