import { join } from "node:path";
import { codeFindings } from "./freshworks-code.ts";
import { iparamFindings, requestFindings } from "./freshworks-config.ts";
import { lintFindings } from "./freshworks-lint.ts";
import { manifestFindings } from "./freshworks-manifest.ts";
import { readApp, type Finding } from "./freshworks-app.ts";

/** The app of this repository. */
export const freshworksApp = join(import.meta.dirname, "../freshworks");

/**
 * Holds a Marketplace app against what Freshworks' own `fdk validate` and `fdk pack` enforce, which cannot be had from the
 * package registry. It is stricter in a few places where a reviewer would be.
 *
 * @param folder the app's folder, the one with manifest.json.
 * @returns what would be refused, in order of files; empty for an app that may be packed.
 */
export function checkApp(folder: string): Finding[] {
  const app = readApp(folder);
  const found = [
    ...app.unreadable,
    ...manifestFindings(app),
    ...iparamFindings(app),
    ...requestFindings(app),
    ...codeFindings(app),
    ...lintFindings(app),
  ];
  return found.toSorted((a, b) => a.file.localeCompare(b.file) || a.rule.localeCompare(b.rule));
}

/** Findings as lines for a person. */
export const findingLines = (findings: readonly Finding[]): string =>
  findings.map(({ file, rule, message }) => `${file}: ${rule}: ${message}\n`).join("");

if (import.meta.main) {
  const findings = checkApp(process.argv[2] ?? freshworksApp);
  process.stdout.write(findings.length === 0 ? "The Freshworks app is fine.\n" : findingLines(findings));
  process.exitCode = findings.length === 0 ? 0 : 1;
}
