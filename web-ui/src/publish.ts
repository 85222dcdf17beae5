// Publishing: drop a file into the form; watch a long task without reloading the page.

import { embedded, t, tn } from "./lib/page";

interface Job {
  stage: string;
  stage_name: string;
  done: number;
  total: number | null;
}

const EVERY_MS = 700;

async function watch(id: string): Promise<void> {
  const bar = document.getElementById("progress") as HTMLProgressElement | null;
  const text = document.getElementById("progress-text");
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const answer = await fetch(`/publish/${id}?f=json`, { headers: { Accept: "application/json" } });
    if (!answer.ok) {
      if (text) text.textContent = t("The state cannot be read now; trying again.");
      continue;
    }
    const job = (await answer.json()) as Job;
    if (job.stage !== "inspecting" && job.stage !== "running") {
      location.reload();
      return;
    }
    if (bar && job.total) {
      bar.max = job.total;
      bar.value = job.done;
    }
    const count = job.done.toLocaleString(document.documentElement.lang);
    if (text) text.textContent = job.done ? tn("{stage}: {count} row", "{stage}: {count} rows", job.done, { stage: job.stage_name, count }) : job.stage_name;
  }
}

const drop = document.getElementById("drop");
const file = document.getElementById("file") as HTMLInputElement | null;
if (drop && file) {
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer?.files.length) file.files = event.dataTransfer.files;
  });
}

const job = embedded<{ job?: string }>("island")?.job;
if (job) void watch(job);
