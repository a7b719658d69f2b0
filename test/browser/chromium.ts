import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";

/**
 * Pages are tried in a real browser: Debian's Chromium, which `.ci/run` installs. Where it is absent the tests say so and
 * are skipped; with CI=true its absence is a failure.
 */
const EXECUTABLE = "/usr/bin/chromium";

/** No sandbox, as tests run as root; and nothing that Chromium would ask the internet for on its own account. */
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Whether browser tests can run here. `describe.skipIf(!hasChromium())`; says so once when they cannot. */
export function hasChromium(): boolean {
  if (existsSync(EXECUTABLE)) return true;
  const message = `${EXECUTABLE} is not here: browser tests are skipped. Install Debian's package chromium.`;
  if (process.env["CI"] === "true") throw new Error(message);
  console.warn(message);
  return false;
}

export interface Browser {
  /** A page of its own context, so that nothing is left from another test. */
  open(look?: Look): Promise<Page>;
  /** Closes what `open` gave; after each test, as every page that stays open slows the rest down. */
  closePages(): Promise<void>;
  close(): Promise<void>;
}

export interface Look {
  /** CSS pixels, default 1280. */
  readonly width?: number;
  /** CSS pixels, default 800. */
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  /** BCP 47, default en-GB. */
  readonly locale?: string;
  /** IANA name, default UTC. */
  readonly timezone?: string;
}

/** Starts Chromium with an empty profile of its own. */
export async function launchChromium(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "baton-chromium-"));
  const browser = await chromium.launch({
    executablePath: EXECUTABLE,
    args: [...ARGS, `--disk-cache-dir=${profile}`],
    env: { ...process.env, HOME: profile },
  });
  const contexts: BrowserContext[] = [];
  return {
    async open({ width = 1280, height = 800, colorScheme = "light", locale = "en-GB", timezone = "UTC" } = {}) {
      const viewport = { width, height };
      const context = await browser.newContext({ viewport, colorScheme, locale, timezoneId: timezone });
      contexts.push(context);
      context.setDefaultTimeout(10_000);
      return context.newPage();
    },
    async closePages() {
      await Promise.all(contexts.splice(0).map((context) => context.close()));
    },
    async close() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe-core finds on the page by WCAG 2.1 A and AA and its best practices: rule, and where; empty when it is clean. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: axeFile });
  return page.evaluate<string[]>(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.flatMap((one) => one.nodes.map((node) => one.id + ": " + node.target.join(" ") + " " + node.failureSummary)))`);
}
