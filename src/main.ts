import { ConfigError, readConfig } from "./config.ts";
import { build } from "./build.ts";
import type { Baton } from "./build.ts";
import { demo } from "./demo/index.ts";
import { BatonError } from "./domain/errors.ts";
import { firstRun } from "./first-run.ts";
import { createLogger } from "./logging.ts";
import { writeServerFile } from "./server-file.ts";

/** Starts Baton with the settings of the environment. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  for (const warning of config.warnings) say(`! ${warning}`);
  if (config.database.kind !== "sqlite")
    throw new ConfigError([
      { variable: "DATABASE_URL", message: "PostgreSQL comes with a later version; leave it empty for SQLite" },
    ]);
  if (config.redisUrl !== undefined)
    throw new ConfigError([
      { variable: "REDIS_URL", message: "Redis comes with a later version; leave it empty for one process" },
    ]);
  const log = createLogger({ level: config.logLevel });
  const baton = await build(config, log, { mounts: (parts) => (config.isProduction ? [] : demo(parts)) });
  stopOnSignals(baton);
  const port = await baton.start();
  writeServerFile(config.dataDir, { pid: process.pid, port });
  const first = await firstRun(baton, config.dataDir);
  log.info("started", { port, pid: process.pid });
  say(`Baton serves requests on ${baton.baseUrl()}`);
  if (!config.isProduction) say(`  try it         ${baton.baseUrl()}/demo`);
  say(`  API            ${baton.baseUrl()}/docs`);
  say(`  data           ${config.dataDir}`);
  if (first !== null)
    say(`  first start    a workspace and a bot are ready; their tokens are in ${config.dataDir}/first-run.json`);
}

/** To people, beside the log lines, which are for programs. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function stopOnSignals(baton: Baton): void {
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    baton.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
}

main().catch((error: unknown) => {
  const known = error instanceof BatonError;
  say(
    known
      ? `Baton cannot start. ${error.message}`
      : `Baton cannot start: ${error instanceof Error ? error.stack : String(error)}`,
  );
  process.exit(1);
});
