// Small comforts on every page; nothing here is needed to use it.

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
  const code = button.parentElement?.querySelector("code");
  if (!code) continue;
  button.hidden = false;
  const label = button.textContent ?? "";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent ?? "");
    button.textContent = "✓";
    setTimeout(() => (button.textContent = label), 1500);
  });
}

// A menu closes when one leaves it or presses Escape.
for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  document.addEventListener("click", (event) => {
    if (menu.open && !menu.contains(event.target as Node)) menu.open = false;
  });
}

// Choosing in a form of one choice is sending it.
for (const select of document.querySelectorAll<HTMLSelectElement>("select[data-send]")) {
  select.addEventListener("change", () => select.form?.requestSubmit());
}

// On a narrow screen the menu is scrolled to where one is.
for (const here of document.querySelectorAll<HTMLElement>(":is(.nav, .sections) [aria-current]")) {
  const line = here.closest(".nav, ul");
  if (line && line.scrollWidth > line.clientWidth) line.scrollLeft += here.getBoundingClientRect().left - line.getBoundingClientRect().left - line.clientWidth / 3;
}
