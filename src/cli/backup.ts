import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { Config } from "../config.ts";
import { BatonError } from "../domain/errors.ts";
import { copySqlite } from "../storage/sqlite-copy.ts";
import type { Copied, CopyOptions } from "../storage/sqlite-copy.ts";
import { CliError } from "./cli-error.ts";
import { tell } from "./output.ts";
import { dumpCommand } from "./postgres-words.ts";
import type { CommandDeps } from "./program.ts";

/** What is read first by whoever opens a table of numbers. */
const TOLD = ["workspaces", "conversations", "messages", "handoffs", "leads"];

export function backupCommand(baton: Command, deps: CommandDeps): void {
  baton
    .command("backup <file>")
    .description("copy the whole store into a new file, for its owner alone; the server may go on running")
    .option("--with-secret", "also keep the master secret, in <file>.secret: both together open everything")
    .action(async (given: string, { withSecret = false }: { withSecret?: boolean }, command: Command) => {
      const config = deps.config();
      const file = resolve(given);
      refuseBackup(config, file);
      const secretFile = withSecret ? secretBeside(file) : null;
      if (secretFile !== null) keepSecret(config, secretFile);
      let copied: Copied;
      try {
        copied = await copyTold(join(config.dataDir, "baton.db"), file, deps);
      } catch (error) {
        if (secretFile !== null) rmSync(secretFile, { force: true });
        throw error;
      }
      tell(deps.output(command), { file, bytes: copied.bytes, rows: copied.rows, secretFile }, [
        `Kept in ${file}, read through and found whole: ${rowsInWords(copied.rows)}.`,
        secretWords(config, secretFile),
      ]);
    });
}

export const secretBeside = (file: string): string => `${file}.secret`;

function refuseBackup({ database, dataDir }: Config, file: string): void {
  if (database.kind === "postgres")
    throw new CliError(
      `The data are in PostgreSQL, which has a backup of its own, to be taken while the server runs:\n  ${dumpCommand(database.url, file)}\n` +
        'Leave out the password as here: pg_dump asks for it, or takes it from PGPASSWORD. Keep BATON_SECRET, or the file "secret" of ' +
        "the data directory, in another place.",
    );
  if (!existsSync(join(dataDir, "baton.db")))
    throw new CliError(`There are no data in ${dataDir}: start the server once (npm start), or set DATA_DIR.`);
}

/** Copies with the progress told to the terminal; stopped by Ctrl-C without a trace. */
export async function copyTold(
  from: string,
  to: string,
  deps: Pick<CommandDeps, "progress">,
  prepare?: CopyOptions["prepare"],
): Promise<Copied> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  let toldAt = performance.now();
  const onProgress = ({ copied, pages }: { copied: number; pages: number }) => {
    if (performance.now() - toldAt < TELL_EVERY_MS) return;
    toldAt = performance.now();
    const percent = Math.floor((100 * copied) / Math.max(pages, 1));
    deps.progress(percent < 100 ? `copied: ${percent} percent` : "copied; now it is read through");
  };
  try {
    return await copySqlite(from, to, { onProgress, signal: stopping.signal, ...(prepare && { prepare }) });
  } catch (error) {
    if (error instanceof BatonError) throw error;
    throw new CliError(`${to} cannot be made from ${from} (${codeOf(error)}). ${remedyFor(codeOf(error))}`, {
      cause: error,
    });
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

const TELL_EVERY_MS = 1_000;

function remedyFor(code: string): string {
  if (code === "SQLITE_FULL" || code === "ENOSPC") return "The disk is full: name a file on another one.";
  if (code === "SQLITE_NOTADB" || code === "SQLITE_CORRUPT") return "It is damaged, or no store of Baton's.";
  if (code === "EACCES" || code === "SQLITE_CANTOPEN" || code === "SQLITE_READONLY" || code === "ENOENT")
    return "Run this as the user that runs Baton, and name a file in a directory that is there.";
  return "Nothing was made.";
}

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "unknown");

export function rowsInWords(rows: Copied["rows"]): string {
  return TOLD.map((table) => `${(rows[table] ?? 0).toLocaleString("en")} ${table}`).join(", ");
}

function keepSecret({ secrets, dataDir }: Config, to: string): void {
  const text = secrets.length > 0 ? `${secrets.join(",")}\n` : readFileSync(join(dataDir, "secret"), "utf8");
  try {
    writeFileSync(to, text, { mode: 0o600, flag: "wx", flush: true });
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw new CliError(`${to} exists already: name a new file.`);
    throw new CliError(`${to} cannot be written (${codeOf(error)}). ${remedyFor(codeOf(error))}`);
  }
}

function secretWords({ secrets, dataDir }: Config, secretFile: string | null): string {
  if (secretFile !== null)
    return `The master secret is in ${secretFile}. Whoever has both files can read every credential: keep the two apart.`;
  const where = secrets.length > 0 ? "BATON_SECRET" : `the file ${join(dataDir, "secret")}`;
  return `It opens only with the secret it was made with: keep ${where} in another place (or take it along with --with-secret).`;
}
