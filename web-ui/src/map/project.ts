// A project drawn on the map, checked against the land space; its report beside the map.

import maplibregl, { type GeoJSONSource } from "maplibre-gl";
import { LOOKS, lookOf } from "../land/looks";
import { Pen } from "../land/pen";
import { positionsOf } from "../land/shape";
import { ask } from "../lib/ask";
import { make, need, t } from "../lib/page";
import type { City } from "./city";
import { scheme } from "./paint";

type Words = Record<"zh" | "en", string>;

interface Touch {
  role: string;
  dataset: string;
  feature: string;
  area_m2: number;
  share: number;
  geometry: GeoJSON.Geometry;
}

interface Report {
  project: { name: string; geometry: GeoJSON.Geometry; area_m2: number };
  findings: { rule: string; name: Words; verdict: string; verdict_name: Words; said: Words; touches: Touch[]; left?: GeoJSON.Geometry }[];
  verdict: string;
  verdict_name: Words;
}

interface Checked {
  id: string;
  name: string;
  report: Report;
}

const BADGES: Record<string, string> = { pass: "ok", fail: "bad", review: "restricted", unchecked: "" };
const WORST = ["fail", "review", "unchecked", "pass"];

/** Open the form in `place`; gives what closes it, and whether clicks are corners now. */
export function project(place: HTMLElement, city: City, shut: () => void): { close: () => void; busy: () => boolean } {
  const template = need<HTMLTemplateElement>("project-form");
  const close = make("button", { type: "button", class: "quiet slim", "aria-label": t("Close") }, "×");
  close.addEventListener("click", shut);
  const said = make("span", { class: "hint", id: "draw-said", "aria-live": "polite" });
  const bar = make(
    "p",
    { class: "row", id: "draw-bar", hidden: "" },
    make("button", { type: "button", class: "slim", id: "draw-start", "aria-pressed": "false" }, t("Draw")),
    make("button", { type: "button", class: "quiet slim", id: "draw-end" }, t("Close the shape")),
    make("button", { type: "button", class: "quiet slim", id: "draw-undo" }, t("Take back a corner")),
    make("button", { type: "button", class: "quiet slim", id: "draw-clear" }, t("Clear")),
    said,
  );
  const shape = make("details", { class: "fold" }, make("summary", {}, t("The shape as text")), make("label", { class: "sr", for: "geometry" }, t("Geometry: GeoJSON or WKT")), make("textarea", { id: "geometry", rows: "3", class: "mono", spellcheck: "false" }));
  const form = template.content.firstElementChild?.cloneNode(true) as HTMLFormElement;
  const out = make("div", { class: "report", role: "status" });
  place.replaceChildren(make("div", { class: "card side-card" }, make("div", { class: "between" }, make("h2", { class: "h3" }, t("Check a project")), close), bar, shape, form, out));
  const pen = new Pen(city.map, "geometry", () => form.querySelector<HTMLElement>("select, input")?.focus());
  const scheme = form.elements.namedItem("scheme") as HTMLSelectElement;
  const use = form.elements.namedItem("use") as HTMLSelectElement;
  const classes = [...use.options];
  const narrow = (): void => use.replaceChildren(...classes.filter((one) => one.dataset["scheme"] === scheme.value));
  scheme.addEventListener("change", narrow);
  narrow();
  const signIn = form.querySelector<HTMLAnchorElement>("[data-sign-in]");
  if (signIn) signIn.href = `/sign-in?back=${encodeURIComponent(location.pathname + location.search)}`;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const geometry = need<HTMLTextAreaElement>("geometry").value;
    if (!geometry) {
      out.replaceChildren(make("p", { class: "note warn" }, t("Draw the project first.")));
      return;
    }
    out.replaceChildren(make("p", { class: "hint" }, t("Checking …")));
    const given = [...new FormData(form)].filter(([name, value]) => value && name !== "csrf_token");
    const token = (form.elements.namedItem("csrf_token") as HTMLInputElement | null)?.value ?? "";
    try {
      const checked = await ask<Checked>("/land/checks", {
        method: "POST",
        headers: { "content-type": "application/json", "x-csrf-token": token },
        body: JSON.stringify({ ...Object.fromEntries(given), geometry, ...(city.state.when.day ? { day: city.state.when.day } : {}) }),
      });
      city.state.report = checked.id;
      city.remember();
      show(checked);
    } catch (error) {
      out.replaceChildren(make("p", { class: "note bad" }, error instanceof Error ? error.message : String(error)));
    }
  });

  function show({ id, report }: Checked): void {
    const language = city.data.language;
    const path = `/land/checks/${id}`;
    const findings = [...report.findings].sort((a, b) => WORST.indexOf(a.verdict) - WORST.indexOf(b.verdict));
    out.replaceChildren(
      make("div", { class: `verdict ${report.verdict}` }, badge(report.verdict, report.verdict_name[language]), make("span", {}, `${report.project.area_m2.toLocaleString(language)} m²`)),
      make("ul", { class: "findings" }, ...findings.map((one) => make("li", {}, make("div", { class: "between" }, make("strong", {}, one.name[language]), badge(one.verdict, one.verdict_name[language])), make("p", { class: "small" }, one.said[language])))),
      make("p", { class: "meta links" }, make("a", { href: path }, t("The whole report")), make("a", { href: `${path}/report.pdf` }, "PDF"), make("a", { href: `${path}?f=json` }, "JSON")),
      make("p", { class: "hint" }, t("An aid to review, no administrative decision.")),
    );
    draw(city, report);
    const bounds = new maplibregl.LngLatBounds();
    for (const corner of positionsOf(report.project.geometry)) bounds.extend(corner);
    city.map.fitBounds(bounds, { padding: 120, maxZoom: 17.5 });
    out.scrollIntoView({ block: "nearest" });
  }

  if (city.state.report) {
    ask<Checked>(`/land/checks/${city.state.report}?f=json`).then(show, (error: Error) => out.replaceChildren(make("p", { class: "hint" }, error.message)));
  }
  return {
    busy: () => pen.busy,
    close: () => {
      pen.remove();
      draw(city, null);
      city.state.report = "";
      city.remember();
      place.replaceChildren();
    },
  };
}

function badge(verdict: string, name: string): HTMLElement {
  return make("span", { class: `badge ${BADGES[verdict] ?? ""}` }, name);
}

/** The project and what of it lies on what, over the map. */
function draw(city: City, report: Report | null): void {
  const features: GeoJSON.Feature[] = [];
  if (report) {
    for (const finding of report.findings) {
      for (const touch of finding.touches) features.push({ type: "Feature", geometry: touch.geometry, properties: { look: lookOf(touch.role) } });
      if (finding.left) features.push({ type: "Feature", geometry: finding.left, properties: { look: "left" } });
    }
    features.push({ type: "Feature", geometry: report.project.geometry, properties: { look: "project" } });
  }
  const data: GeoJSON.FeatureCollection = { type: "FeatureCollection", features };
  const source = city.map.getSource("report") as GeoJSONSource | undefined;
  if (source) {
    source.setData(data);
    return;
  }
  if (!report) return;
  const colour = ["match", ["get", "look"], ...LOOKS.flat(), scheme().text] as unknown as string;
  city.map.addSource("report", { type: "geojson", data });
  city.map.addLayer({ id: "report~fill", source: "report", type: "fill", filter: ["in", ["get", "look"], ["literal", ["farmland", "ecology", "left"]]], paint: { "fill-color": colour, "fill-opacity": 0.5 } });
  city.map.addLayer({ id: "report~edge", source: "report", type: "line", filter: ["!=", ["get", "look"], "project"], paint: { "line-color": colour, "line-width": 1 } });
  city.map.addLayer({ id: "report~project", source: "report", type: "line", filter: ["==", ["get", "look"], "project"], paint: { "line-color": scheme().text, "line-width": 3 } });
}
