// A page that is loaded anew when the server says that something changed, unless somebody types.

const place = document.querySelector<HTMLElement>("[data-live]");

function busy(): boolean {
  const at = document.activeElement;
  return at instanceof HTMLInputElement || at instanceof HTMLSelectElement || at instanceof HTMLTextAreaElement;
}

if (place?.dataset["live"]) {
  const source = new EventSource(place.dataset["live"]);
  let first = true;
  source.addEventListener("alerts", () => {
    // The first says only how things stand, which the page shows already.
    if (!first && !busy()) location.reload();
    first = false;
  });
  addEventListener("pagehide", () => source.close());
}
