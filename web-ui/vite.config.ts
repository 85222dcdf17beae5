import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const islands = readdirSync("src")
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name}`);

// Pages are rendered by the server; each entry is an island that a page asks for by its source path.
export default defineConfig({
  base: "/static/",
  resolve: {
    alias: [{ find: /.*\/meshopt\/meshopt-decoder\.js$/, replacement: fileURLToPath(new URL("src/map/no-meshopt.ts", import.meta.url)) }],
  },
  build: {
    outDir: "../src/quanyu/web/static",
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    // Older targets would rewrite light-dark() into twice the rules.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    // MapLibre is one file of about 1 MB, which only pages with a map load, and deck.gl another,
    // which the city map loads for solids alone.
    chunkSizeWarningLimit: 1250,
    rollupOptions: {
      input: ["src/styles/site.css", ...islands],
    },
  },
});
