// Draws every [data-chart]: its option is the JSON in the element of that id. Numbers stand in a
// table beside each, so a page loses no figure without this.

import { BarChart, CustomChart, GaugeChart, HeatmapChart, LineChart, PieChart, SankeyChart, ScatterChart, TreemapChart } from "echarts/charts";
import {
  AriaComponent, CalendarComponent, DatasetComponent, GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent,
  TooltipComponent, VisualMapContinuousComponent, VisualMapPiecewiseComponent,
} from "echarts/components";
import { init, use, type EChartsCoreOption, type EChartsType } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import { completed, type Given } from "./charts/look";

use([
  AriaComponent, BarChart, CalendarComponent, CustomChart, DatasetComponent, GaugeChart, GridComponent,
  HeatmapChart, LegendComponent, LineChart, MarkAreaComponent, MarkLineComponent, PieChart, SankeyChart, ScatterChart,
  SVGRenderer, TooltipComponent, TreemapChart, VisualMapContinuousComponent, VisualMapPiecewiseComponent,
]);

const scheme = matchMedia("(prefers-color-scheme: dark)");

function draw(element: HTMLElement): void {
  const source = document.getElementById(element.dataset["chart"] ?? "");
  if (!source?.textContent) return;
  const given = JSON.parse(source.textContent) as Given;
  const chart: EChartsType = init(element, null, { renderer: "svg" });
  const paint = (): void => {
    element.dataset["ready"] = "false";
    chart.setOption(completed(given, element.clientWidth) as EChartsCoreOption, { notMerge: true });
  };
  chart.on("finished", () => {
    element.dataset["ready"] = "true";
  });
  chart.on("click", (event) => {
    const item = event.data as { href?: unknown } | null;
    // Only addresses of this site: what is in an option may have come from data.
    if (typeof item?.href === "string" && /^[/?](?!\/)/.test(item.href)) location.assign(item.href);
  });
  paint();
  let width = element.clientWidth;
  new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    chart.resize();
    paint();
  }).observe(element);
  scheme.addEventListener("change", paint);
  // Letters that arrive after the first drawing have other widths.
  void document.fonts.ready.then(paint);
}

for (const element of document.querySelectorAll<HTMLElement>("[data-chart]")) draw(element);
