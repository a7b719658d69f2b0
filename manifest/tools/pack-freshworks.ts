import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { zipSync, type Zippable } from "fflate";
import { checkApp, findingLines, freshworksApp } from "./check-freshworks.ts";
import { appFiles, objectAt } from "./freshworks-app.ts";

/** The first moment a zip can name. Local time, as zips have it, so that every machine writes the same bytes. */
const EPOCH = new Date(1980, 0, 1);
const READABLE_FILE = 0o100644 << 16;
const UNIX = 3;

/**
 * The app as the zip to upload: the same bytes for the same files, whenever and wherever it is made.
 *
 * @param folder the app's folder.
 * @returns the zip. Sorted entries, no hidden files, tests, coverage or installed packages.
 */
export function packApp(folder: string): Uint8Array {
  const entries: Zippable = Object.fromEntries(
    appFiles(folder).map((file) => [
      file,
      [readFileSync(join(folder, file)), { mtime: EPOCH, level: 9, os: UNIX, attrs: READABLE_FILE }],
    ]),
  );
  return zipSync(entries);
}

/** `baton-freshchat-<version>.zip`, by the version of this repository. */
export function packageName(): string {
  const about: unknown = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
  return `baton-freshchat-${String(objectAt(about)["version"])}.zip`;
}

/**
 * Checks, then packs.
 *
 * @returns the findings as text, and nothing is written; or null when `file` holds the package.
 */
export function packTo(folder: string, file: string): string | null {
  const findings = checkApp(folder);
  if (findings.length > 0) return findingLines(findings);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, packApp(folder));
  return null;
}

if (import.meta.main) {
  const folder = process.argv[2] ?? freshworksApp;
  const file = join(process.argv[3] ?? join(import.meta.dirname, "../../dist"), packageName());
  const refused = packTo(folder, file);
  process.stdout.write(refused === null ? `${file}\n` : `${refused}Not packed: mend these first.\n`);
  process.exitCode = refused === null ? 0 : 1;
}
