// The SQL console's editor: Ctrl+Enter runs, Tab indents, names are offered while they are written.
// Escape gives the Tab key back to moving on, so that nobody is held in the field.

import { embedded, make, need, t } from "./lib/page";

interface Table {
  name: string;
  columns: { name: string }[];
}

const MOST = 8;
const field = need<HTMLTextAreaElement>("sql");
const form = need<HTMLFormElement>("sql-form");
const tables = embedded<{ tables: Table[] }>("island")?.tables ?? [];
const names = [...new Set(tables.flatMap((table) => [quoted(table.name), ...table.columns.map((column) => quoted(column.name))]))].sort();
const offers = make("div", { class: "row", role: "group" });
offers.setAttribute("aria-label", t("Names that fit"));
field.after(offers);
let moves = false;

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** The word before the caret, and where it begins. */
function word(): [string, number] {
  const before = field.value.slice(0, field.selectionStart);
  const found = /"?[\p{L}\p{N}_-]+$/u.exec(before)?.[0] ?? "";
  return [found, before.length - found.length];
}

function offer(): void {
  const [begun, start] = word();
  const like = begun.replace(/^"/, "").toLowerCase();
  const fitting = like.length < 2 ? [] : names.filter((name) => name.replace(/^"/, "").toLowerCase().startsWith(like) && name !== begun).slice(0, MOST);
  offers.replaceChildren(
    ...fitting.map((name) => {
      const button = make("button", { type: "button", class: "quiet mono" }, name);
      button.addEventListener("click", () => {
        field.setRangeText(name, start, field.selectionStart, "end");
        offers.replaceChildren();
        field.focus();
      });
      return button;
    }),
  );
}

field.addEventListener("input", offer);
field.addEventListener("focus", () => (moves = false));
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.key === "Escape") {
    moves = true;
    offers.replaceChildren();
  } else if (event.key === "Tab" && !event.shiftKey && !moves) {
    event.preventDefault();
    field.setRangeText("  ", field.selectionStart, field.selectionEnd, "end");
  }
});
form.dataset["ready"] = "yes";
