// The newest values of a facility, written anew when the server says that observations came.

import { moment } from "./lib/page";

interface Told {
  datastreams: { document: { "@iot.id"?: string | number }; latest: { result?: unknown; phenomenonTime?: string } | null }[];
}

const REST_MS = 5_000;
const table = document.getElementById("values");

function write(told: Told): void {
  for (const one of told.datastreams) {
    const row = table?.querySelector(`[data-stream="${CSS.escape(String(one.document["@iot.id"] ?? ""))}"]`);
    const value = row?.querySelector("[data-value]");
    const at = row?.querySelector("[data-at]");
    if (!value || !at || !one.latest?.phenomenonTime) continue;
    const result = one.latest.result;
    value.textContent = typeof result === "string" ? result : JSON.stringify(result);
    at.replaceChildren(moment(one.latest.phenomenonTime.split("/")[0] ?? ""));
  }
  document.body.dataset["followed"] = new Date().toISOString();
}

function follow(events: string): void {
  const here = new URL(location.href);
  const given = new URLSearchParams([...here.searchParams].filter(([name]) => name === "agreement" || name === "purpose"));
  const source = new EventSource(given.size ? `${events}?${given}` : events);
  here.searchParams.set("f", "json");
  let waits: number | undefined;
  // However often observations come, the page asks no more often than this.
  source.addEventListener("observations", () => {
    waits ??= window.setTimeout(() => {
      waits = undefined;
      void fetch(here, { headers: { accept: "application/json" } }).then(async (answer) => {
        if (answer.ok) write((await answer.json()) as Told);
      });
    }, REST_MS);
  });
  source.addEventListener("end", () => source.close());
  addEventListener("pagehide", () => source.close());
}

if (table?.dataset["events"]) follow(table.dataset["events"]);
