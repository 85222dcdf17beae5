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
