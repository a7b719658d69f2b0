import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isObject, objectAt, type AppFiles, type Finding } from "./freshworks-app.ts";

/** What to do, in our words, where the linter's help is thin. */
const ADVICE: Readonly<Record<string, string>> = {
  "require-await": "remove async, or await something",
  "no-unused-vars": "remove it",
  "no-unreachable": "remove what never runs",
  complexity: "split the function: 7 is the most",
  "no-eval": "do without eval",
  "no-alert": "show it in the page, or with client.interface",
  "no-var": "use const or let",
  "no-undef": "declare it; the platform has no such global",
  "no-restricted-globals": "do without it",
};

const linter = join(dirname(createRequire(import.meta.url).resolve("oxlint/package.json")), "bin/oxlint");
const config = join(import.meta.dirname, "freshworks-lint.json");

/**
 * The lint rules that `fdk validate` has (sheet 5), by the linter of this repository with the app's own rules.
 *
 * @throws when the linter itself does not run: silence must not look like a clean app.
 */
export function lintFindings(app: AppFiles): Finding[] {
  const files = app.scripts.map((script) => script.file);
  if (files.length === 0) return [];
  const run = spawnSync(process.execPath, [linter, "--config", config, "--format", "json", ...files], {
    cwd: app.folder,
    encoding: "utf8",
  });
  const report = reportOf(run.stdout);
  if (report["number_of_files"] !== files.length) {
    throw new Error(`The linter did not read the app's ${files.length} scripts: ${run.stderr || run.stdout}`);
  }
  const diagnostics: unknown[] = Array.isArray(report["diagnostics"]) ? report["diagnostics"] : [];
  return diagnostics.map((one) => findingOf(objectAt(one)));
}

function reportOf(output: string): Readonly<Record<string, unknown>> {
  try {
    const report: unknown = JSON.parse(output);
    return isObject(report) ? report : {};
  } catch {
    return {};
  }
}

function findingOf(diagnostic: Readonly<Record<string, unknown>>): Finding {
  const rule = /\(([\w-]+)\)/.exec(String(diagnostic["code"]))?.[1] ?? "syntax";
  const labels: unknown = diagnostic["labels"];
  const line = objectAt(Array.isArray(labels) ? labels[0] : null, "span")["line"];
  const where = typeof line === "number" ? `line ${line}: ` : "";
  const help = diagnostic["help"];
  const advice = ADVICE[rule] ?? (typeof help === "string" ? help : "mend it");
  return {
    file: String(diagnostic["filename"]).replaceAll("\\", "/"),
    rule,
    message: `${where}${String(diagnostic["message"])} To do: ${advice}.`,
  };
}
