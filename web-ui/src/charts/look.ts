// How charts look: colours and letters of the page's tokens, in both schemes and on narrow screens.

import { clockAt, clockInZone } from "../lib/times";

export type Given = Record<string, unknown> & { unit?: string };

type Part = Record<string, unknown>;

const NARROW = 520;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Colours as they stand on this page: `light-dark()` and mixtures are resolved by the browser. */
function resolver(): (colour: string) => string {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  queueMicrotask(() => probe.remove());
  return (colour) => {
    probe.style.color = "";
    probe.style.color = colour;
    const found = getComputedStyle(probe).color;
    if (found.startsWith("rgb") || !canvas) return found;
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = found;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return `rgba(${r}, ${g}, ${b}, ${(a ?? 255) / 255})`;
  };
}

const INKS = ["--jade", "--amber", "--blue", "--seal", "--ink-2"].map((name) => `var(${name})`);
const PALETTE = [...INKS, ...INKS.slice(0, 4).map((ink) => `color-mix(in oklab, ${ink} 55%, var(--surface))`)];

/** The option with everything that the server leaves to the page. */
export function completed(given: Given, width: number): Part {
  const colour = resolver();
  const narrow = width < NARROW;
  const option = onTheClock(coloured(given, colour) as Part);
  const { unit, ...rest } = option;
  const read = reader(typeof unit === "string" ? unit : "");
  const letters = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: narrow ? 11 : 12.5, color: colour("var(--ink-2)") };
  const series = list(rest["series"]);
  const tooltip = object(rest["tooltip"]);
  const room = { width, whole: series.every(whole), beside: false };
  return {
    ...rest,
    backgroundColor: "transparent",
    color: rest["color"] ?? PALETTE.map(colour),
    textStyle: letters,
    animation: !calm.matches,
    animationDuration: 400,
    aria: { enabled: true, label: { enabled: false }, decal: { show: series.length > 1 || series.some((one) => one["type"] === "pie"), decals: decals(colour("color-mix(in srgb, var(--surface) 24%, transparent)")) } },
    grid: rest["grid"] ?? (rest["xAxis"] ? { left: 4, right: 14, top: rest["legend"] ? 38 : 14, bottom: 4, containLabel: true } : undefined),
    xAxis: axis(rest["xAxis"], colour, read, room),
    yAxis: axis(rest["yAxis"], colour, read, { ...room, beside: true }),
    legend: rest["legend"] ? { top: 0, left: 0, itemWidth: 14, itemHeight: 14, itemGap: narrow ? 10 : 18, icon: "roundRect", type: "scroll", textStyle: letters, inactiveColor: colour("var(--line-strong)"), ...object(rest["legend"]) } : undefined,
    // Drawn, not HTML: the page's policy lets no style be written into markup.
    tooltip: {
      renderMode: "richText", confine: true, trigger: rest["xAxis"] && series[0]?.["type"] !== "heatmap" ? "axis" : "item", valueFormatter: read,
      axisPointer: { type: series.some((one) => one["type"] === "bar") ? "shadow" : "line", lineStyle: { color: colour("var(--line-strong)") }, shadowStyle: { color: colour("color-mix(in srgb, var(--ink) 6%, transparent)") } },
      backgroundColor: colour("var(--surface)"), borderColor: colour("var(--line-strong)"), padding: [8, 12], shadowBlur: 0,
      textStyle: { ...letters, color: colour("var(--ink)") }, ...tooltip,
    },
    visualMap: rest["visualMap"] ? { ...ramp(colour), textStyle: letters, ...object(rest["visualMap"]) } : undefined,
    calendar: rest["calendar"] ? { ...calendar(colour, letters), ...object(rest["calendar"]) } : undefined,
    series: series.map((one, index) => styled(one, index, Number(object(rest["visualMap"])["max"] ?? 0), colour, letters, narrow)),
  };
}

/** A day alone, as 2026-03-01: what every clock shows. */
const isDay = (at: unknown): at is string => typeof at === "string" && !at.includes("T");

/** The option with the ticks and words of its axis of time in the node's zone, not the screen's. */
function onTheClock(option: Part): Part {
  const along = object(option["xAxis"]);
  if (along["type"] !== "time") return option;
  const clock = (at: unknown): number => (isDay(at) ? Date.parse(at) : clockAt(new Date(at as string | number).getTime()));
  const points = (one: Part): unknown[][] => one["data"] as unknown[][];
  const given = list(option["series"]);
  const days = given.every((one) => points(one).every(([at]) => isDay(at)));
  const series = given.map((one) => {
    const marked = object(one["markArea"]);
    const bands = (marked["data"] as { xAxis: number }[][] | undefined)?.map((band) => band.map((end) => ({ ...end, xAxis: clock(end.xAxis) })));
    const data = points(one).map(([at, ...rest]) => [clock(at), ...rest]);
    return { ...one, data, ...(bands ? { markArea: { ...marked, data: bands } } : {}) };
  });
  const label = { formatter: ({ value }: { value: number }) => (days ? new Date(value).toISOString().slice(0, 10) : clockInZone(value)) };
  return { ...option, useUTC: true, series, xAxis: { ...along, axisPointer: { label } } };
}

function coloured(value: unknown, colour: (text: string) => string): unknown {
  if (typeof value === "string") return /^(var|color-mix)\(/.test(value) ? colour(value) : value;
  if (Array.isArray(value)) return value.map((item) => coloured(item, colour));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, coloured(item, colour)]));
  }
  return value;
}

/** Whether all values are counts: nobody has half an entry. */
function whole(series: Part): boolean {
  return list(series["data"]).every((item) => {
    const value: unknown = object(item)["value"] ?? item;
    return list(Array.isArray(value) ? value : [value]).every((one) => typeof one !== "number" || Number.isInteger(one));
  });
}

/** How values read in the page's language. */
function reader(unit: string): (value: unknown) => string {
  const form = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
  const small = new Intl.NumberFormat(document.documentElement.lang, { maximumSignificantDigits: 2 });
  return (value) => {
    const number = Array.isArray(value) ? value.at(-1) : value;
    if (typeof number !== "number") return number === null || number === undefined ? "—" : String(number);
    return (Math.abs(number) < 1 ? small : form).format(number) + (unit ? (unit === "%" ? "%" : ` ${unit}`) : "");
  };
}

function axis(given: unknown, colour: (text: string) => string, read: (value: unknown) => string, room: { width: number; whole: boolean; beside: boolean }): unknown {
  if (!given) return undefined;
  if (Array.isArray(given)) return given.map((one) => axis(one, colour, read, room));
  const one = object(given);
  const line = { lineStyle: { color: colour("var(--line)") } };
  const names = one["type"] === "category";
  return {
    ...one,
    axisLine: { show: names, lineStyle: { color: colour("var(--line-strong)") } },
    axisTick: { show: false },
    splitLine: names ? { show: false } : line,
    splitNumber: room.width < NARROW ? 3 : 5,
    ...(one["type"] === "value" && room.whole ? { minInterval: 1 } : {}),
    axisLabel: {
      color: colour("var(--ink-2)"), hideOverlap: true,
      ...(names ? { overflow: room.beside ? "break" : "truncate", width: Math.round(Math.min(180, Math.max(84, room.width * 0.28))) } : one["type"] === "time" ? {} : { formatter: read }),
      ...object(one["axisLabel"]),
    },
  };
}

const DASHES = ["solid", "dashed", "dotted"];

function styled(one: Part, index: number, most: number, colour: (text: string) => string, letters: Part, narrow: boolean): Part {
  const gap = { borderColor: colour("var(--surface)"), borderWidth: 1.5 };
  const ink = colour("var(--ink)");
  const label = { ...letters, color: ink, ...object(one["label"]) };
  switch (one["type"]) {
    case "bar":
      return { barMaxWidth: 26, ...one, label, itemStyle: { ...(one["stack"] ? { ...gap, borderWidth: 1 } : { borderRadius: 3 }), ...object(one["itemStyle"]) } };
    case "line":
      return { showSymbol: false, symbolSize: 7, ...one, lineStyle: { width: 2.2, type: DASHES[index % 3], ...object(one["lineStyle"]) }, areaStyle: one["areaStyle"] ? { opacity: 0.14, ...object(one["areaStyle"]) } : undefined };
    case "heatmap":
      return { ...one, data: list(one["data"]).map((item) => onDark(item, most, colour)), label: { show: !narrow && one["coordinateSystem"] !== "calendar", ...label }, itemStyle: { ...gap, borderRadius: 2, ...object(one["itemStyle"]) }, emphasis: { itemStyle: { borderColor: ink, borderWidth: 1.5 } } };
    case "pie":
      return { radius: narrow ? ["34%", "52%"] : ["48%", "74%"], avoidLabelOverlap: true, ...one, label: { ...label, formatter: object(one["label"])["formatter"] ?? share }, labelLine: { lineStyle: { color: colour("var(--line-strong)") } }, itemStyle: gap };
    case "treemap":
      return { roam: false, nodeClick: false, breadcrumb: { show: false }, left: 0, right: 0, top: 0, bottom: 0, ...one, label: { ...label, color: colour("var(--jade-ink)") }, itemStyle: { ...gap, gapWidth: 2 } };
    case "sankey":
      return { nodeGap: 12, nodeWidth: 14, left: 0, right: narrow ? 90 : 150, top: 8, bottom: 8, emphasis: { focus: "adjacency" }, ...one, label, lineStyle: { color: "gradient", opacity: 0.35 } };
    default:
      return one;
  }
}

/** A piece of a pie with its count and how much of the whole it is. */
function share(piece: { name: string; value: unknown; percent?: number }): string {
  const form = new Intl.NumberFormat(document.documentElement.lang);
  return `${piece.name} ${form.format(Number(piece.value))}\n${Math.round(piece.percent ?? 0)}%`;
}

/** A cell of a heat map; letters on the deeper half of the ramp are light. */
function onDark(item: unknown, most: number, colour: (text: string) => string): Part {
  const cell = Array.isArray(item) ? { value: item } : object(item);
  const value = Array.isArray(cell["value"]) ? Number(cell["value"].at(-1)) : 0;
  return value > most * 0.55 ? { ...cell, label: { color: colour("var(--jade-ink)"), ...object(cell["label"]) } } : cell;
}

function ramp(colour: (text: string) => string): Part {
  const steps = [8, 26, 48, 72, 100].map((share) => colour(`color-mix(in oklab, var(--jade) ${share}%, var(--surface))`));
  return { show: false, inRange: { color: steps } };
}

function calendar(colour: (text: string) => string, letters: Part): Part {
  const zh = document.documentElement.lang.startsWith("zh");
  return {
    cellSize: ["auto", 15], top: 26, left: 34, right: 8,
    itemStyle: { color: colour("var(--sunken)"), borderColor: colour("var(--surface)"), borderWidth: 2 },
    splitLine: { show: false }, yearLabel: { show: false },
    dayLabel: { ...letters, firstDay: 1, nameMap: zh ? ["日", "一", "二", "三", "四", "五", "六"] : "EN" },
    monthLabel: { ...letters, nameMap: zh ? "ZH" : "EN" },
  };
}

function decals(ink: string): Part[] {
  const lines = (rotation: number, gap: number): Part => ({ color: ink, dashArrayX: [1, 0], dashArrayY: [1.2, gap], rotation, symbol: "rect", symbolSize: 1 });
  const dots: Part = { color: ink, symbol: "circle", symbolSize: 0.6, dashArrayX: [[6, 6], [0, 6, 6, 0]], dashArrayY: [5, 0] };
  return [{ color: "transparent" }, lines(Math.PI / 4, 6), dots, lines(-Math.PI / 4, 6), lines(0, 6), lines(Math.PI / 2, 6)];
}

function object(value: unknown): Part {
  return value && typeof value === "object" && !Array.isArray(value) ? (value as Part) : {};
}

function list(value: unknown): Part[] {
  return (Array.isArray(value) ? value : value ? [value] : []) as Part[];
}
