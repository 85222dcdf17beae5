// The bar of time: the city as it was on a day (valid time), as known at a moment (system time).

import { address, ask } from "../lib/ask";
import { make, t } from "../lib/page";
import { inZone } from "../lib/times";
import type { When } from "./address";
import type { City } from "./city";

const DAY = 86_400_000;
const STEPS = 48;
const PACE = 700;

/** Two choices for one moment in time, the days of the layers and the moments of their versions. */
export class TimeChoice {
  readonly element: HTMLElement;
  private readonly slider = make("input", { type: "range", class: "days" });
  private readonly date = make("input", { type: "date", class: "date" });
  private readonly known = make("select", {});
  private first = 0;

  constructor(
    private readonly city: City,
    private readonly when: When,
    private readonly chosen: () => void,
    label: string,
  ) {
    this.slider.setAttribute("aria-label", t("Day on which the city is shown"));
    this.date.setAttribute("aria-label", t("Day on which the city is shown"));
    this.known.setAttribute("aria-label", t("As known at"));
    const now = make("button", { type: "button", class: "quiet slim" }, t("Today"));
    this.element = make(
      "div",
      { class: "time-choice" },
      make("strong", {}, label),
      make("div", { class: "when" }, this.slider, this.date, now),
      make("label", { class: "known" }, make("span", {}, t("as known")), this.known),
    );
    this.slider.addEventListener("input", () => this.put(this.dayOf(Number(this.slider.value))));
    this.date.addEventListener("change", () => this.put(this.date.value || null));
    now.addEventListener("click", () => this.put(null));
    this.known.addEventListener("change", () => {
      this.when.known = this.known.value || null;
      this.chosen();
    });
    this.range();
    void this.moments();
    this.show();
  }

  /** Days that the layers on the map know of. */
  range(): void {
    const ends = this.city.visible.filter((layer) => !layer.imagery || layer.group === "imagery").flatMap((layer) => layer.time ?? []).flatMap((text) => (text ? [Date.parse(text)] : []));
    const today = Date.parse(this.city.data.today);
    const from = Math.min(today - 365 * DAY, ...ends);
    this.first = Math.floor(from / DAY);
    this.slider.min = "0";
    this.slider.max = String(Math.max(Math.floor(today / DAY), ...ends.map((one) => Math.floor(one / DAY))) - this.first);
    this.show();
  }

  /** Moments at which versions of the layers on the map came to be known, the newest first. */
  private async moments(): Promise<void> {
    const found = new Map<string, string[]>();
    const asked = this.city.visible.map(async (layer) => {
      const { versions } = await ask<{ versions: { number: number; created: string }[] }>(address(`/data/${layer.slug}/versions`, layer.query, { f: "json" }));
      // What a version replaced was known until just before it.
      for (const { created, number } of versions) if (number > 1) {
        const before = new Date(Date.parse(created) - 1).toISOString();
        found.set(before, [...(found.get(before) ?? []), `${layer.title} ${number - 1}`]);
      }
    });
    await Promise.allSettled(asked);
    const options = [...found].sort(([a], [b]) => (a < b ? 1 : -1)).map(([moment, of]) => make("option", { value: moment }, `${inZone(moment)} · ${of.join(", ")}`));
    if (this.when.known && !found.has(this.when.known)) options.unshift(make("option", { value: this.when.known }, inZone(this.when.known)));
    this.known.replaceChildren(make("option", { value: "" }, t("now")), ...options);
    this.known.value = this.when.known ?? "";
  }

  step(): boolean {
    const most = Number(this.slider.max);
    const next = Number(this.slider.value) + Math.max(1, Math.round(most / STEPS));
    const over = Number(this.slider.value) >= most;
    this.put(this.dayOf(over ? 0 : Math.min(next, most)));
    return !over;
  }

  private put(day: string | null): void {
    this.when.day = day;
    this.show();
    this.chosen();
  }

  private show(): void {
    const day = this.when.day ?? this.city.data.today;
    this.slider.value = String(Math.floor(Date.parse(day) / DAY) - this.first);
    this.slider.setAttribute("aria-valuetext", day);
    this.date.value = this.when.day ?? "";
  }

  private dayOf(value: number): string {
    return new Date((value + this.first) * DAY).toISOString().slice(0, 10);
  }
}

/** Open the bar in `place`. */
export function timeBar(place: HTMLElement, city: City): void {
  let settling = 0;
  const choice = new TimeChoice(city, city.state.when, () => {
    clearTimeout(settling);
    settling = window.setTimeout(() => {
      for (const layer of city.visible) city.retile(layer);
      city.tell("when");
    }, 120);
  }, t("The city as it was on"));
  const play = make("button", { type: "button", class: "slim play", "aria-pressed": "false" }, t("Play"));
  let timer = 0;
  play.addEventListener("click", () => {
    const on = play.getAttribute("aria-pressed") !== "true";
    play.setAttribute("aria-pressed", String(on));
    play.textContent = on ? t("Pause") : t("Play");
    clearInterval(timer);
    if (on) timer = window.setInterval(() => !choice.step() && play.click(), PACE);
  });
  city.hear("layers", () => choice.range());
  choice.element.querySelector(".when")?.prepend(play);
  const timed = city.data.layers.filter((layer) => layer.time && layer.group !== "terrain");
  const hint = timed.length
    ? t("Layers that know of time: {layers}", { layers: timed.map((layer) => layer.title).join(", ") })
    : t("No layer here says when its features hold; versions can be looked back at.");
  place.replaceChildren(choice.element, make("p", { class: "hint" }, hint));
}
