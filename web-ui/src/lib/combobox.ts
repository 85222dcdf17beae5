// A search box that proposes how to go on (ARIA 1.2 combobox with a list). Without it the box works.

import { make, t, tn } from "./page";

interface Proposed {
  kind: "word" | "entry";
  text: string;
  times: number;
  href: string;
}

const MANY = 100;

export function propose(input: HTMLInputElement): void {
  const address = input.dataset["suggest"];
  if (!address || !input.parentElement) return;
  const list = make("ul", { id: `${input.id}-list`, class: "suggestions", role: "listbox", "aria-label": t("Suggestions") });
  list.hidden = true;
  const said = make("span", { class: "sr", role: "status" });
  input.parentElement.append(list, said);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(name, value);

  let shown: Proposed[] = [];
  let at = -1;
  let waiting = 0;
  let asking: AbortController | undefined;

  const close = (): void => {
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (to: number): void => {
    at = to;
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
    const item = list.children[at];
    if (item) {
      input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  };
  const take = (one: Proposed): void => {
    if (one.kind === "entry") {
      location.assign(one.href);
      return;
    }
    input.value = one.text;
    close();
    input.form?.requestSubmit();
  };
  const show = (found: Proposed[]): void => {
    shown = found;
    list.replaceChildren(
      ...found.map((one, place) => {
        const note = one.kind === "entry" ? t("resource") : one.times >= MANY ? `${MANY}+` : String(one.times);
        const item = make("li", { id: `${list.id}-${place}`, role: "option", "aria-selected": "false" }, make("span", {}, one.text), make("small", {}, note));
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          take(one);
        });
        return item;
      }),
    );
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    said.textContent = found.length ? tn("{count} suggestion", "{count} suggestions", found.length) : "";
    mark(-1);
  };
  const ask = async (): Promise<void> => {
    asking?.abort();
    asking = new AbortController();
    const words = input.value.trim();
    if (!words) return close();
    try {
      const answer = await fetch(`${address}?q=${encodeURIComponent(words)}`, { signal: asking.signal, headers: { accept: "application/json" } });
      if (answer.ok && document.activeElement === input) show(((await answer.json()) as { suggestions: Proposed[] }).suggestions);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) close();
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = window.setTimeout(() => void ask(), 150);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || list.hidden) return;
    const count = shown.length;
    if (event.key === "ArrowDown") mark((at + 1) % count);
    else if (event.key === "ArrowUp") mark(at <= 0 ? count - 1 : at - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && at >= 0) {
      const one = shown[at];
      if (one) take(one);
    } else return;
    event.preventDefault();
  });
}
