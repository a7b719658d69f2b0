import { readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { pathToFileURL } from "node:url";
import { parse } from "acorn";
import { convert } from "ast-v8-to-istanbul";
import libCoverage from "istanbul-lib-coverage";

/** Percent of each kind that Freshworks looks at before it takes an app (sheet 5). */
export interface Coverage {
  readonly statements: number;
  readonly branches: number;
  readonly functions: number;
  readonly lines: number;
}

/**
 * Counts, from now on, what runs of the scripts loaded afterwards.
 *
 * @returns `take(file)`: what ran of that script until now, all its loads together, by the rules of Istanbul, which is what
 *   `fdk` reports. Throws when the script was never loaded.
 */
export async function startCoverage(): Promise<{ take(file: string): Promise<Coverage>; stop(): void }> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  return {
    async take(file) {
      const url = pathToFileURL(file).href;
      const { result } = await session.post("Profiler.takePreciseCoverage");
      const loads = result.filter((script) => script.url === file || script.url === url);
      if (loads.length === 0) throw new Error(`${file} was never loaded`);
      const code = readFileSync(file, "utf8");
      const map = libCoverage.createCoverageMap();
      for (const { functions } of loads) {
        const ast = parse(code, { ecmaVersion: 2022, sourceType: "script", locations: true });
        map.merge(await convert({ code, ast, coverage: { url, functions }, wrapperLength: 0 }));
      }
      const { statements, branches, functions, lines } = map.getCoverageSummary();
      return { statements: statements.pct, branches: branches.pct, functions: functions.pct, lines: lines.pct };
    },
    stop: () => session.disconnect(),
  };
}
