// "Check it yourself": a receipt dropped here is checked in this browser; nothing is sent.

import { icon, make, need, t } from "./lib/page";
import { check, type Outcome } from "./verify/receipt";

const NAMES = {
  form: t("It is a receipt"),
  signature: t("The checkpoint is signed by the node"),
  size: t("Receipt and checkpoint speak of the same tree"),
  inclusion: t("The leaf leads to the signed root"),
  disclosure: t("What is disclosed is what was recorded"),
};

function show(outcome: Outcome): void {
  const list = make("ol", { class: "steps" });
  for (const step of outcome.steps) {
    const state = step.ok ? t("holds") : t("does not hold");
    list.append(
      make("li", { class: step.ok ? "ok" : "bad" }, icon(step.ok ? "yes" : "no"), make("div", {}, make("strong", {}, NAMES[step.name]), ` — ${state}`, make("br"), make("code", {}, step.said))),
    );
  }
  const verdict = make("p", { class: `verdict ${outcome.ok ? "ok" : "bad"}` }, icon(outcome.ok ? "yes" : "no"), outcome.ok ? t("The receipt is genuine") : t("The receipt is not genuine"));
  need("browser").replaceChildren(make("div", { class: "card" }, make("h3", {}, t("Your browser says")), verdict, list));
  need("outcome").dataset["ready"] = outcome.ok ? "good" : "bad";
}

const text = need<HTMLTextAreaElement>("text");
const key = need<HTMLTextAreaElement>("key");
const file = need<HTMLInputElement>("file");
const drop = need("drop");
const button = need<HTMLButtonElement>("check");

async function checkNow(): Promise<void> {
  if (!text.value.trim()) return;
  button.disabled = true;
  show(await check(text.value, key.value));
  button.disabled = false;
  need("outcome").scrollIntoView({ block: "nearest" });
}

async function take(chosen: File | undefined): Promise<void> {
  if (!chosen) return;
  text.value = await chosen.text();
  await checkNow();
}

button.hidden = false;
button.addEventListener("click", () => void checkNow());
file.addEventListener("change", () => void take(file.files?.[0]));
drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  void take(event.dataTransfer?.files[0]);
});
if (text.value.trim() && new URLSearchParams(location.search).has("leaf")) void checkNow();
