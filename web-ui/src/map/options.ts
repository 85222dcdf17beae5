// What can be chosen for one layer: opacity, colours, bands and scene; what it is and where it is told of.

import { address, ask } from "../lib/ask";
import { make, t } from "../lib/page";
import { day } from "../lib/times";
import type { City } from "./city";
import { boundsOf } from "./draw";
import { isCloud, isTerrain, kindField, storeysField, type CityLayer } from "./model";
import { inks, legend, METRES_PER_STOREY, scheme, type Colouring } from "./paint";
import { titlesOf } from "./titles";

const ACCESS: Record<string, string> = {
  open: t("Open to all"),
  shared: t("Shared among departments"),
  restricted: t("By agreement"),
  closed: t("Not shared"),
};
const MOST_CLASSES = 8;

export function options(city: City, layer: CityLayer): HTMLElement[] {
  const keys = make("div", { class: "legend" });
  const found: HTMLElement[] = [opacity(city, layer)];
  if (layer.imagery && !isTerrain(layer)) found.push(...pictures(city, layer));
  else if (!layer.imagery) found.push(colours(city, layer, keys));
  showKeys(city, layer, keys);
  const access = layer.agreement ? t("under {agreement}", { agreement: layer.agreement }) : (ACCESS[layer.access] ?? layer.access);
  const zoom = make("button", { type: "button", class: "plain" }, t("Zoom to"));
  zoom.addEventListener("click", () => {
    const box = boundsOf([layer]);
    if (box) city.map.fitBounds(box, { padding: 40, maxZoom: 17 });
  });
  const about = make(
    "div",
    { class: "meta" },
    make("span", { class: `badge ${layer.access}` }, access),
    ...(layer.generated ? [make("span", { class: "badge" }, t("made up"))] : []),
    make("span", {}, t("version {number}, {when}", { number: layer.version, when: day(layer.updated) })),
    ...(layer.bounds ? [zoom] : []),
    make("a", { href: `/resources/${layer.slug}` }, t("Details"), make("span", { class: "sr" }, ` ${layer.title}`)),
  );
  return [...found, keys, about];
}

function field(label: string, input: HTMLElement): HTMLElement {
  return make("label", { class: "choose" }, make("span", {}, label), input);
}

function opacity(city: City, layer: CityLayer): HTMLElement {
  const range = make("input", { type: "range", min: "0", max: "1", step: "0.05", "aria-label": t("Opacity of {layer}", { layer: layer.title }) });
  range.value = String(city.state.opacity.get(layer.slug) ?? 1);
  range.addEventListener("input", () => {
    city.state.opacity.set(layer.slug, Number(range.value));
    city.refresh(layer.slug);
    city.tell("look");
  });
  return field(t("Opacity"), range);
}

function select(label: string, chosen: string, values: [string, string][], choose: (value: string) => void): HTMLElement {
  const list = make("select", {}, ...values.map(([value, name]) => make("option", { value }, name)));
  list.value = chosen;
  list.addEventListener("change", () => choose(list.value));
  return field(label, list);
}

const CLOUD = { class: t("class of the point"), height: t("height"), colour: t("its own colour") };

function colours(city: City, layer: CityLayer, keys: HTMLElement): HTMLElement {
  const chosen = city.state.colour.get(layer.slug) ?? "";
  const choose = async (name: string): Promise<void> => {
    if (name) city.state.colour.set(layer.slug, name);
    else city.state.colour.delete(layer.slug);
    await colour(city, layer);
    showKeys(city, layer, keys);
    city.tell("look");
  };
  if (isCloud(layer)) {
    const ways = Object.entries(CLOUD).filter(([way]) => way !== "colour" || layer.fields.includes("red"));
    return select(t("Colour by"), chosen || "class", ways, (way) => void choose(way));
  }
  const list = select(t("Colour by"), chosen, [["", t("as drawn")], ...[...layer.texts, ...layer.numbers].map((name): [string, string] => [name, name])], (name) => void choose(name));
  void titlesOf(layer).then((titles) => {
    for (const option of list.querySelectorAll("option")) option.textContent = titles.get(option.value)?.title ?? option.textContent;
  });
  return list;
}

/** Ask for the values of the field by which a layer is coloured, and colour it. */
export async function colour(city: City, layer: CityLayer): Promise<void> {
  const name = city.state.colour.get(layer.slug);
  city.colourings.delete(layer.slug);
  if (name && !isCloud(layer) && layer.fields.includes(name)) city.colourings.set(layer.slug, await colouring(city, layer, name));
  city.refresh(layer.slug);
}

async function colouring(city: City, layer: CityLayer, name: string): Promise<Colouring> {
  const steps = layer.numbers.includes(name);
  const path = city.items(layer, { by: name, measure: "count" }, undefined, layer.items.replace(/items$/, "statistics"));
  const { groups } = await ask<{ groups: Record<string, string | number | null>[] }>(path);
  const counted = groups.filter((group) => group[name] !== null).map((group): [string | number, number] => [group[name] as string | number, Number(group["count"])]);
  const shades = inks(steps, scheme().dark);
  if (!steps) {
    const common = counted.sort((a, b) => b[1] - a[1]).slice(0, MOST_CLASSES);
    return { field: name, steps, stops: common.map(([value], at) => [String(value), shades[at] ?? ""]) };
  }
  counted.sort((a, b) => Number(a[0]) - Number(b[0]));
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  const stops: [number, string][] = [];
  let seen = 0;
  for (const [value, count] of counted) {
    // A step begins at each fifth of the features, where values are different.
    while (stops.length < shades.length && seen >= (total * stops.length) / shades.length) {
      const last = stops.at(-1);
      if (last && last[0] === Number(value)) last[1] = shades[stops.length - 1] ?? last[1];
      if (!last || last[0] !== Number(value)) stops.push([Number(value), shades[stops.length] ?? ""]);
      else break;
    }
    seen += count;
  }
  return { field: name, steps, stops };
}

function showKeys(city: City, layer: CityLayer, place: HTMLElement): void {
  const by = city.colourings.get(layer.slug);
  const way = isCloud(layer) ? city.state.colour.get(layer.slug) : undefined;
  const entries = way && way !== "class" ? [] : by
    ? by.stops.map(([value, colour]) => ({ colour, label: by.steps ? `≥ ${value}` : String(value) }))
    : legend(layer, scheme().dark, (id) => t(id));
  place.replaceChildren(
    ...entries.map((entry) => {
      const sample = make("i", { "aria-hidden": "true" });
      sample.style.background = entry.colour;
      return make("div", {}, sample, make("span", {}, entry.label));
    }),
  );
  const estimated = !by && layer.group !== "clouds" && storeysField(layer) !== undefined && (kindField(layer) !== undefined || layer.numbers.length > 0);
  if (estimated) place.append(make("div", { class: "wide" }, t("Where only storeys are known: {metres} m each", { metres: METRES_PER_STOREY })));
}

interface Scenes {
  features: { id: string; properties: { datetime?: string | null } }[];
}

function pictures(city: City, layer: CityLayer): HTMLElement[] {
  const has = (...names: string[]): boolean => names.every((name) => layer.bands.includes(name));
  const ways: [string, string][] = [["", t("as drawn")]];
  if (has("red", "green", "blue")) ways.push(["red+green+blue", t("True colour")]);
  if (has("nir", "red", "green")) ways.push(["nir+red+green", t("False colour: plants red")]);
  if (has("nir", "red")) ways.push(["ndvi", t("NDVI: green plants")]);
  if (has("nir", "green")) ways.push(["ndwi", t("NDWI: open water")]);
  const apply = (kept: Map<string, string>) => (value: string) => {
    if (value) kept.set(layer.slug, value);
    else kept.delete(layer.slug);
    city.retile(layer);
    city.tell("look");
  };
  const scenes = select(t("Scene"), "", [["", t("all, the newest on top")]], apply(city.state.scene));
  void ask<Scenes>(address(`/stac/collections/${layer.slug}/items`, layer.query, { limit: "100" })).then((found) => {
    const list = scenes.querySelector("select");
    list?.append(...found.features.map((one) => make("option", { value: one.id }, `${one.properties.datetime ? day(one.properties.datetime) : ""} · ${one.id}`)));
    if (list) list.value = city.state.scene.get(layer.slug) ?? "";
  }, () => scenes.remove());
  return [select(t("Bands"), city.state.bands.get(layer.slug) ?? "", ways, apply(city.state.bands)), scenes];
}
