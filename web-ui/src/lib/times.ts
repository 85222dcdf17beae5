// Instants as people of the node's time zone read them, in the form of the server's pages
// (`in_zone` of quanyu.kernel): 2026-03-01 16:30 UTC+8.

const MINUTE = 60_000;

/** The node's time zone (IANA), as the server says it on every page. */
function nodeZone(): string {
  return document.documentElement.dataset["zone"] ?? "UTC";
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(zone: string): Intl.DateTimeFormat {
  const form = { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
  const known = clocks.get(zone) ?? new Intl.DateTimeFormat("en-CA", form);
  clocks.set(zone, known);
  return known;
}

/** What the zone's clock shows at an instant (ms), as the instant at which UTC's shows the same. */
export function clockAt(instant: number, zone = nodeZone()): number {
  const said = Object.fromEntries(clockOf(zone).formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const part = (name: string): number => said[name] ?? 0;
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
}

/** The instant (ms) at which the zone's clock shows what `clockAt` gave. */
function instantOf(clock: number, zone: string): number {
  const near = clock - (clockAt(clock, zone) - clock);
  return clock - (clockAt(near, zone) - near);
}

/** An instant, RFC 3339 or in ms, to the minute, with the zone's offset: 2026-03-01 16:30 UTC+8. */
export function inZone(instant: string | number, zone = nodeZone()): string {
  const at = Math.floor(new Date(instant).getTime() / 1000) * 1000;
  const clock = clockAt(at, zone);
  const ahead = Math.floor((clock - at) / MINUTE);
  const [hours, minutes] = [Math.floor(Math.abs(ahead) / 60), Math.abs(ahead) % 60];
  const offset = ahead ? `${ahead < 0 ? "-" : "+"}${hours}` : "";
  return `${new Date(clock).toISOString().slice(0, 16).replace("T", " ")} UTC${offset}${minutes ? `:${String(minutes).padStart(2, "0")}` : ""}`;
}

/** The same for what `clockAt` gave. */
export function clockInZone(clock: number, zone = nodeZone()): string {
  return inZone(instantOf(clock, zone), zone);
}

/** The day, as 2026-03-01, on which an instant falls in the node's time zone. */
export function day(instant: string, zone = nodeZone()): string {
  return new Date(clockAt(Date.parse(instant), zone)).toISOString().slice(0, 10);
}
