import { existsSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "./config.ts";
import { build } from "./build.ts";
import type { Baton } from "./build.ts";
import { demo } from "./demo/index.ts";
import { BatonError } from "./domain/errors.ts";
import { FIRST_RUN_FILE, firstRun } from "./first-run.ts";
import { createLogger } from "./logging.ts";
import { writeServerFile } from "./server-file.ts";

/** Starts Baton with the settings of the environment. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  for (const warning of config.warnings) say(`! ${warning}`);
  const log = createLogger({ level: config.logLevel });
  const baton = await build(config, log, { mounts: (parts) => (config.isProduction ? [] : demo(parts)) });
  stopOnSignals(baton);
  // Before requests are served, so that a script which waits for /healthz finds the file; with PORT=0 the address is known after.
  const before = config.port === 0 ? null : await firstRun(baton, config.dataDir);
  const port = await baton.start();
  const made = before ?? (await firstRun(baton, config.dataDir));
  writeServerFile(config.dataDir, { pid: process.pid, port });
  log.info("started", { port, pid: process.pid });
  say(`Baton serves requests on ${baton.baseUrl()}`);
  if (!config.isProduction) say(`  try it         ${baton.baseUrl()}/demo`);
  if (made !== null) say(`  sign in        ${made.signInUrl} (for the owner, once, within 7 days)`);
  say(`  API            ${baton.baseUrl()}/docs`);
  const where =
    config.database.kind === "postgres"
      ? `PostgreSQL; the secret and what scripts need in ${config.dataDir}`
      : config.dataDir;
  say(`  data           ${where}`);
  if (config.redisUrl !== undefined && config.database.kind === "sqlite")
    say("  one process    REDIS_URL is set, but SQLite serves one process: several need PostgreSQL (DATABASE_URL)");
  const first = join(config.dataDir, FIRST_RUN_FILE);
  if (existsSync(first))
    say(`  tokens         ${first} (for the workspace and bot of the first start; keep it private)`);
}

function wordsFor(error: unknown): string {
  if (error instanceof BatonError) return error.message;
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "EADDRINUSE") return "The port is taken by another program: set PORT to a free one.";
  if (code === "EACCES") return "The system does not allow this port or directory: set PORT or DATA_DIR to another.";
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** To people, beside the log lines, which are for programs. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What was acknowledged is on disk, so whatever hangs at the end may be cut off: supervisors kill after ten seconds. */
const STOPPED_WITHIN_MS = 9_700;

function stopOnSignals(baton: Baton): void {
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => {
      baton.log.warn("stop_cut_short");
      process.exit(0);
    }, STOPPED_WITHIN_MS).unref();
    baton.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
}

main().catch((error: unknown) => {
  say(`Baton cannot start. ${wordsFor(error)}`);
  process.exit(1);
});
