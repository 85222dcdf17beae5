import { readdirSync } from "node:fs";

import { defineConfig } from "vite";

const islands = readdirSync("src")
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name}`);

// Pages are rendered by the server; each entry is an island that a page asks for by its source path.
export default defineConfig({
  base: "/static/",
  build: {
    outDir: "../src/quanyu/web/static",
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    // Older targets would rewrite light-dark() into twice the rules.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    // MapLibre is one file of about 1 MB; only the pages that draw a map load it.
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: ["src/styles/site.css", ...islands],
    },
  },
});
