// A page that is loaded anew when the server says that something changed, unless somebody types.

const place = document.querySelector<HTMLElement>("[data-live]");

function busy(): boolean {
  const at = document.activeElement;
  return at instanceof HTMLInputElement || at instanceof HTMLSelectElement || at instanceof HTMLTextAreaElement;
}

if (place?.dataset["live"]) {
  const source = new EventSource(place.dataset["live"]);
  source.addEventListener(place.dataset["liveEvent"] ?? "", (event) => {
    // The first says how things stand, which the page shows already unless they changed meanwhile.
    if ((event as MessageEvent).lastEventId !== place.dataset["liveStands"] && !busy()) location.reload();
  });
  addEventListener("pagehide", () => source.close());
}
