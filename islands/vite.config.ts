// Builds into the static files of the web room; pages find the hashed names through manifest.json.
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

export default defineConfig({
  base: "/static/islands/",
  plugins: [tailwindcss()],
  build: {
    outDir: "../parcours/web/static/islands",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    // A strict content security policy forbids fonts and scripts from data: addresses.
    assetsInlineLimit: 0,
    rolldownOptions: { input: ["src/app.ts"] },
  },
});
