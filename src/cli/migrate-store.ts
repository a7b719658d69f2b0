import { existsSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { Config } from "../config.ts";
import { fingerprintsOf } from "../secrets/keys.ts";
import { readMasterSecret } from "../secrets/master-secret.ts";
import { lockDataDir } from "../storage/data-dir.ts";
import { moveStore } from "../storage/move-store.ts";
import type { Moved } from "../storage/move-store.ts";
import { startingError } from "../storage/postgres-errors.ts";
import { openSqliteStore } from "../storage/sqlite-store.ts";
import { CliError } from "./cli-error.ts";
import { tell } from "./output.ts";
import { withoutPassword } from "./postgres-words.ts";
import type { CommandDeps } from "./program.ts";

/** What the store is called once it has moved: a server that is started without DATABASE_URL must not go on with it. */
const MOVED = "baton.db.moved";

export function migrateStoreCommand(baton: Command, deps: CommandDeps): void {
  baton
    .command("migrate-store")
    .description("move the data of a stopped server from SQLite into an empty PostgreSQL database")
    .option("--to <url>", "the database, such as postgres://user:password@host/baton (default: DATABASE_URL)")
    .option("--from <directory>", "the data directory (default: DATA_DIR)")
    .action(async (given: { to?: string; from?: string }, command: Command) => {
      const config = deps.config();
      const to = targetOf(given.to, config);
      const from = resolve(given.from ?? config.dataDir);
      const file = join(from, "baton.db");
      if (!existsSync(file)) throw new CliError(nothingIn(from));
      const lock = lockDataDir(from);
      try {
        const fingerprints = fingerprintsOf(secretOf({ ...config, dataDir: from }));
        // Makes its tables those of this release, and moves its log into the file.
        await (await openSqliteStore(file)).close();
        const moved = await moveStore(file, to, {
          fingerprints,
          onProgress: ({ table, rows }) => deps.progress(`${table}: ${rows.toLocaleString("en")} rows`),
        }).catch((error: unknown) => Promise.reject(startingError(error) as Error));
        renameSync(file, join(from, MOVED));
        tell(deps.output(command), { to: withoutPassword(to), rows: moved, kept: join(from, MOVED) }, [
          `Moved ${sumOf(moved).toLocaleString("en")} rows to ${withoutPassword(to)}, read back and found the same.`,
          "Start every server with",
          `  DATABASE_URL=${withoutPassword(to)} (with the password)`,
          config.secrets.length > 0
            ? "  BATON_SECRET as it is now"
            : `  DATA_DIR=${from}, or BATON_SECRET set to the content of ${join(from, "secret")}: credentials are sealed with it`,
          `The former store is kept in ${join(from, MOVED)}: delete it once all is well. To go back, rename it to baton.db; what was ` +
            "taken in meanwhile stays in PostgreSQL.",
        ]);
      } finally {
        lock.release();
      }
    });
}

function targetOf(to: string | undefined, { database }: Config): string {
  const url = to ?? (database.kind === "postgres" ? database.url : undefined);
  if (url === undefined) throw new CliError("Name the database: --to postgres://user:password@host/baton");
  const protocol = URL.parse(url)?.protocol;
  if (protocol !== "postgres:" && protocol !== "postgresql:")
    throw new CliError("--to must be a URL like postgres://user:password@host/baton");
  return url;
}

const nothingIn = (directory: string): string =>
  existsSync(join(directory, MOVED))
    ? `The data of ${directory} have been moved already: they were in ${join(directory, MOVED)}.`
    : `There are no data in ${directory}: name the data directory with --from.`;

function secretOf(config: Config) {
  const secret = readMasterSecret(config);
  if (secret === null)
    throw new CliError(
      `The data in ${config.dataDir} were made with a BATON_SECRET: set the same one for this command.`,
    );
  return secret;
}

const sumOf = (moved: Moved): number => Object.values(moved).reduce((sum, rows) => sum + rows, 0);
