// A file of observations on its way: how much of it has been sent, then that it is being taken in.

import { need, t } from "./lib/page";

const EVERY_MS = 1000;

function send(form: HTMLFormElement): void {
  const request = new XMLHttpRequest();
  const button = form.querySelector("button");
  const bar = need<HTMLProgressElement>("sent");
  const text = need("sent-text");
  const begun = performance.now();
  let sent = false;
  const far = (share: number): void => {
    text.textContent = t("{share} % of the file has been sent", { share });
  };
  const tell = (): void => {
    const seconds = Math.round((performance.now() - begun) / 1000);
    if (sent) text.textContent = t("The file is there. Its rows are checked and taken in: {seconds} s", { seconds });
  };
  const timer = setInterval(tell, EVERY_MS);
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.max = event.total;
    bar.value = event.loaded;
    far(Math.floor((100 * event.loaded) / event.total));
  });
  request.upload.addEventListener("load", () => {
    sent = true;
    bar.removeAttribute("value");
    tell();
  });
  request.addEventListener("load", () => {
    // Done or refused, the server answers with the whole page; the chosen file stays chosen.
    const chosen = form.querySelector<HTMLInputElement>("#file")?.files;
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const main = page.querySelector("main");
    if (!main) {
      location.reload();
      return;
    }
    document.querySelector("main")?.replaceWith(main);
    const file = document.querySelector<HTMLInputElement>("#file");
    if (file && chosen && request.status >= 400) file.files = chosen;
    const note = document.querySelector<HTMLElement>("main .note");
    note?.setAttribute("tabindex", "-1");
    note?.focus();
    note?.scrollIntoView({ block: "center" });
    listen();
  });
  request.addEventListener("error", () => {
    text.textContent = t("The connection broke off; nothing is known of the file. Send it again: it falls on itself.");
    bar.hidden = true;
  });
  request.addEventListener("loadend", () => {
    clearInterval(timer);
    if (button) button.disabled = false;
  });
  if (button) button.disabled = true;
  bar.hidden = false;
  far(0);
  need("sending").hidden = false;
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "text/html");
  request.send(new FormData(form));
}

function listen(): void {
  const form = document.getElementById("load") as HTMLFormElement | null;
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

listen();
