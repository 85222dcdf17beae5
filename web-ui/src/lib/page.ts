// What the server left in the page for its island: data, and the words in the page's language.

import { inZone } from "./times";

export function embedded<T>(id: string): T | undefined {
  const element = document.getElementById(id);
  return element?.textContent ? (JSON.parse(element.textContent) as T) : undefined;
}

const words = embedded<Record<string, string>>("words") ?? {};

/** The message in the page's language, its {names} filled. Ids are English, as in the .po file. */
export function t(id: string, params: Record<string, string | number> = {}): string {
  return filled(words[id] ?? id, params);
}

function filled(text: string, params: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** `one` or `many`, as the page's language counts; {count} is the number unless it is given. */
export function tn(one: string, many: string, count: number, params: Record<string, string | number> = {}): string {
  return filled(words[one] ?? (count === 1 ? one : many), { count, ...params });
}

/** The element with that id, which the template must have. */
export function need<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as E;
}

/** An element with text and attributes; text never becomes markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An instant (RFC 3339) as the server's pages write it: `<time>` in the node's zone. */
export function moment(instant: string): HTMLTimeElement {
  return make("time", { datetime: instant }, inZone(instant));
}

const ICONS = { yes: "m5 12.5 4.5 4.5L19 7.5", no: "m6 6 12 12M18 6 6 18" } as const;

/** A small drawing beside words that say the same. */
export function icon(name: keyof typeof ICONS): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
