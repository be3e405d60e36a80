// Bundle everything into one file, ../playground.html or the file given.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const options = {
  bundle: true,
  write: false,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  absWorkingDir: here("."),
  logLevel: "warning",
};

async function bundle(entry, plugins = []) {
  const { outputFiles } = await build({ ...options, entryPoints: [here(entry)], plugins });
  return outputFiles[0].text.trim();
}

const worker = await bundle("worker.ts");
const workerSource = {
  name: "worker-source",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^worker:source$/ }, ({ path }) => ({ path, namespace: "worker" }));
    onLoad({ filter: /.*/, namespace: "worker" }, () => ({ contents: worker, loader: "text" }));
  },
};

const parts = {
  STYLE: await bundle("page.css"),
  SCRIPT: (await bundle("main.ts", [workerSource])).replaceAll("</script", "<\\/script"),
};
const page = await readFile(here("page.html"), "utf8");
const built = page.replace(/\/\* (STYLE|SCRIPT) \*\//g, (_, part) => parts[part]);
await writeFile(process.argv[2] ?? here("../playground.html"), built);
