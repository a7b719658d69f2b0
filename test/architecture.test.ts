import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/**
 * The house of design.md section 7: imports run inward. A rule nobody runs decays, so here it is run.
 *
 * Imports are found where the formatter puts them, at the start of a line, and `import(…)` anywhere. What is found too much
 * would fail the test and be seen.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const files = globSync(["src/**/*.ts", "connectors/**/*.ts", "webhooks/**/*.ts", "manifest/**/*.ts"], { cwd: root })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => !file.endsWith(".test.ts"))
  .toSorted();
const sourceOf = (file: string): string => readFileSync(join(root, file), "utf8");

const FROM = /^(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm;
const BARE = /^import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/g;
const COMPUTED = "an import whose name is worked out";
const COMPUTED_IMPORT = /\b(?:import|require)\s*\(\s*(?!["'`])[^)]/g;

/** What a source imports: files from the root of the repository, packages by their name with its subpath. */
function importsOf(file: string, source: string): string[] {
  const found = [FROM, BARE, DYNAMIC].flatMap((pattern) => Array.from(source.matchAll(pattern), (match) => match[1]!));
  const unreadable = Array.from(source.matchAll(COMPUTED_IMPORT), () => COMPUTED);
  return [...found, ...unreadable].map((from) => (from.startsWith(".") ? posix.join(posix.dirname(file), from) : from));
}

const isLibrary = (from: string): boolean =>
  !/^(?:src|connectors|webhooks|manifest|test)\//.test(from) && !from.includes("..");
const DOMAIN = /^src\/domain\/[^/]+\.ts$/;
const PORTS = /^src\/ports(?:-[a-z]+)*\.ts$/;
/** What connectors share. */
const SHARED = /^connectors\/(?!index\.ts$)[^/]+\.ts$/;
const IDS = /^src\/ids\.ts$/;
const SCOPE = /^src\/request-scope\.ts$/;
const LEASE = /^src\/lease-scope\.ts$/;

interface Zone {
  readonly files: RegExp;
  /** What its files may import, apart from their own folder's (and those below it). */
  readonly inside: readonly RegExp[];
  /** Which libraries; all of them when left out. */
  readonly libraries?: (name: string) => boolean;
}

const only =
  (...names: string[]) =>
  (from: string) =>
    names.includes(from);
const not =
  (...names: string[]) =>
  (from: string) =>
    !names.some((name) => from === name || from.startsWith(`${name}/`));

const zones: Record<string, Zone> = {
  "src/domain": { files: /^src\/domain\//, inside: [], libraries: only("zod", "luxon") },
  "src/ports*.ts": { files: PORTS, inside: [DOMAIN, PORTS], libraries: only() },
  "src/ids.ts": { files: IDS, inside: [], libraries: only("node:crypto") },
  "src/request-scope.ts": { files: SCOPE, inside: [], libraries: only("node:async_hooks") },
  "src/lease-scope.ts": { files: LEASE, inside: [], libraries: only("node:async_hooks") },
  "src/handoffs": {
    files: /^src\/handoffs\//,
    inside: [DOMAIN, PORTS, IDS],
    libraries: only("node:crypto", "zod", "libphonenumber-js", "libphonenumber-js/min"),
  },
  "src/storage": { files: /^src\/storage\//, inside: [DOMAIN, PORTS, SCOPE] },
  "src/bus": { files: /^src\/bus\//, inside: [DOMAIN, PORTS, /^src\/redis\/link\.ts$/] },
  "src/redis": { files: /^src\/redis\//, inside: [DOMAIN, PORTS] },
  "src/jobs": { files: /^src\/jobs\//, inside: [DOMAIN, PORTS, SCOPE, LEASE, /^src\/redis\/link\.ts$/] },
  "src/metrics": { files: /^src\/metrics\//, inside: [DOMAIN, PORTS], libraries: only("prom-client") },
  "src/outgoing": { files: /^src\/outgoing\//, inside: [DOMAIN, PORTS, LEASE] },
  "src/secrets": { files: /^src\/secrets\//, inside: [DOMAIN, PORTS] },
  "src/http": {
    files: /^src\/http\//,
    inside: [DOMAIN, PORTS, IDS, SCOPE, /^src\/(?:handoffs|secrets)\/[^/]+\.ts$/],
    libraries: not("kysely", "better-sqlite3", "axios"),
  },
  connectors: {
    files: /^connectors\/[^/]+\//,
    inside: [DOMAIN, PORTS, SHARED],
    libraries: not("express", "kysely", "better-sqlite3", "axios"),
  },
  "connectors/*.ts": { files: SHARED, inside: [DOMAIN, PORTS, SHARED], libraries: only("zod") },
  "connectors/index.ts": {
    files: /^connectors\/index\.ts$/,
    inside: [DOMAIN, PORTS, /^connectors\/[^/]+\/index\.ts$/],
    libraries: only(),
  },
  webhooks: {
    files: /^webhooks\//,
    inside: [DOMAIN, PORTS, IDS, /^src\/handoffs\/[^/]+\.ts$/],
    libraries: not("kysely", "better-sqlite3", "axios"),
  },
};

/** Those of the imports that the zone does not allow. */
function forbidden(zone: Zone, file: string, imports: readonly string[]): string[] {
  const folder = /^(?:src|connectors)\/[^/]+\//.exec(file)?.[0] ?? `${posix.dirname(file)}/`;
  return imports.filter((from) => {
    if (from === COMPUTED) return true;
    if (isLibrary(from)) return !(zone.libraries?.(from) ?? true);
    const own = file.split("/").length > 2 || folder === "webhooks/" ? from.startsWith(folder) : false;
    return !own && !zone.inside.some((allowed) => allowed.test(from));
  });
}

describe("imports run inward", () => {
  const cases = Object.entries(zones).flatMap(([name, zone]) =>
    files.filter((file) => zone.files.test(file)).map((file) => ({ name, file, zone })),
  );
  test.each(cases)("$file", ({ file, zone }) => {
    expect(forbidden(zone, file, importsOf(file, sourceOf(file)))).toEqual([]);
  });

  test.each(Object.entries(zones))("there is something in %s", (_name, zone) => {
    expect(files.filter((file) => zone.files.test(file))).not.toEqual([]);
  });

  test("a folder of rules has no folders in it", () => {
    expect(files.filter((file) => /^src\/domain\/.*\//.test(file))).toEqual([]);
  });

  test("nothing imports src/main.ts", () => {
    expect(files.filter((file) => importsOf(file, sourceOf(file)).includes("src/main.ts"))).toEqual([]);
  });
});

describe("the environment and the exports", () => {
  test("only main, the config and the command line know the environment", () => {
    const know = files.filter((file) =>
      /process\s*(?:\.\s*env\b|\[\s*["'`]env)|from\s*["'](?:node:)?process["']/.test(sourceOf(file)),
    );
    expect(know.filter((file) => !/^src\/(?:main|config|cli(?:\/.+|-[^/]+)?)\.ts$/.test(file))).toEqual([]);
  });

  test("everything has one name: there are no default exports", () => {
    const named = files.filter((file) => /^\s*export\s+default\b|\bas\s+default\b/m.test(sourceOf(file)));
    expect(named).toEqual([]);
  });

  test("imports of our own say the file's whole name", () => {
    const short = files.flatMap((file) =>
      importsOf(file, sourceOf(file))
        .filter((from) => !isLibrary(from) && !/\.(?:ts|json)$/.test(from))
        .map((from) => `${file}: ${from}`),
    );
    expect(short).toEqual([]);
  });
});

describe("this test can fail", () => {
  const breaches: [string, string, string, string[]][] = [
    ["src/domain", "src/domain/a.ts", 'import { x } from "../ports.ts";', ["src/ports.ts"]],
    ["src/domain", "src/domain/a.ts", 'import { z } from "zod";\nimport fs from "node:fs";', ["node:fs"]],
    ["src/domain", "src/domain/a.ts", 'import {\n  a,\n  type B,\n} from "./b.ts";', []],
    ["src/domain", "src/domain/a.ts", 'export * from "../handoffs/b.ts";', ["src/handoffs/b.ts"]],
    ["src/ports*.ts", "src/ports-x.ts", 'import type { A } from "./ids.ts";', ["src/ids.ts"]],
    ["src/ports*.ts", "src/ports-x.ts", 'import type { A } from "./ports.ts";', []],
    ["src/handoffs", "src/handoffs/a.ts", 'import { a } from "axios";', ["axios"]],
    ["src/handoffs", "src/handoffs/a.ts", 'import type { S } from "../storage/s.ts";', ["src/storage/s.ts"]],
    ["src/storage", "src/storage/a.ts", 'const x = await import("../handoffs/b.ts");', ["src/handoffs/b.ts"]],
    ["src/jobs", "src/jobs/a.ts", "const x = await import(name);", [COMPUTED]],
    ["src/jobs", "src/jobs/a.ts", 'import "../http/server.ts";', ["src/http/server.ts"]],
    ["src/http", "src/http/routes/a.ts", 'import { a } from "../../storage/s.ts";', ["src/storage/s.ts"]],
    ["src/http", "src/http/routes/a.ts", 'import { a } from "../route.ts";', []],
    ["connectors", "connectors/a/x.ts", 'import { b } from "../b/index.ts";', ["connectors/b/index.ts"]],
    ["connectors", "connectors/a/x.ts", 'import { b } from "./y.ts";\nimport e from "express";', ["express"]],
    ["connectors", "connectors/a/x.ts", 'import { b } from "../../src/http/tokens.ts";', ["src/http/tokens.ts"]],
  ];
  test.each(breaches)("%s: %s with %s", (name, file, source, expected) => {
    expect(forbidden(zones[name]!, file, importsOf(file, source))).toEqual(expected);
  });
});
