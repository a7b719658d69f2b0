import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { Config } from "../config.ts";
import { botSecretContext } from "../secrets/contexts.ts";
import { deriveKeys } from "../secrets/keys.ts";
import { readMasterSecret, SecretError } from "../secrets/master-secret.ts";
import type { MasterSecret } from "../secrets/master-secret.ts";
import { createSealer } from "../secrets/sealing.ts";
import { lockDataDir, prepareDataDir } from "../storage/data-dir.ts";
import type { KeptErasure } from "../storage/sqlite-erasures.ts";
import { putBack, readCopy, takeForRestored } from "../storage/sqlite-restore.ts";
import type { Sealed } from "../storage/sqlite-restore.ts";
import { copyTold, rowsInWords, secretBeside } from "./backup.ts";
import { CliError } from "./cli-error.ts";
import { eraseAgain, keepErasures } from "./restored-people.ts";
import { tell } from "./output.ts";
import { markCommand, restoreCommand } from "./postgres-words.ts";
import type { CommandDeps } from "./program.ts";

export function restoreCommands(baton: Command, deps: CommandDeps): void {
  baton
    .command("restore <file>")
    .description("put a backup in the place of the data, which are kept aside; the server must be stopped")
    .action(async (given: string, _options: unknown, command: Command) => {
      const config = deps.config();
      const file = resolve(given);
      refuseRestore(config, file);
      prepareDataDir(config.dataDir, config);
      const lock = lockDataDir(config.dataDir);
      const draft = join(config.dataDir, "baton.db.restored");
      let done: { readonly rows: Readonly<Record<string, number>>; readonly aside: string | null };
      let erasures: readonly KeptErasure[];
      try {
        erasures = keepErasures(config.dataDir);
        rmSync(draft, { force: true }); // of a restore that was cut off
        const { rows } = await copyTold(file, draft, deps, takeForRestored);
        const secret = secretFor(config, file, readCopy(draft).sealed);
        done = { rows, aside: putBack(config.dataDir, { draft, secret, at: new Date() }) };
      } finally {
        rmSync(draft, { force: true });
        lock.release();
      }
      const erased = await eraseAgain(config.dataDir, erasures, deps);
      const { rows, aside } = done;
      tell(deps.output(command), { file, rows, aside, erased }, [
        `Restored from ${file}: ${rowsInWords(rows)}.`,
        ...(aside === null ? [] : [`What was there is in ${aside}: delete it once all is well.`]),
        ...(erased === 0 ? [] : [`People who had been erased since were erased again: ${erased} conversations.`]),
        "What was taken in since the backup is gone, and tokens revoked since are valid again: revoke them anew. Start the server.",
      ]);
    });
}

function refuseRestore({ database }: Config, file: string): void {
  if (database.kind === "postgres")
    throw new CliError(
      "The data are in PostgreSQL. Stop every server, put a dump back, and mark what it owes as perhaps sent since:\n" +
        `  ${restoreCommand(database.url, file)}\n  ${markCommand(database.url)}`,
    );
  if (!existsSync(file)) throw new CliError(`There is no file ${file}.`);
}

/**
 * The secret to be put into the data directory with the copy; null when the one in force opens what is sealed in it.
 *
 * @throws CliError when none does: every credential would be lost, and that would show only later
 */
function secretFor(config: Config, file: string, sealed: readonly Sealed[]): string | null {
  const beside = secretBeside(file);
  const inForce = secretInForce(config);
  if (inForce === null ? sealed.length === 0 && !existsSync(beside) : opensAll(inForce, sealed)) return null;
  const kept = existsSync(beside)
    ? readMasterSecret({ ...config, secrets: textsOf(readFileSync(beside, "utf8")) })
    : null;
  if (kept === null || !opensAll(kept, sealed))
    throw new CliError(
      `${file} was made with another secret. Set BATON_SECRET to the one it was made with, or put that one beside it, in ${beside}.`,
    );
  if (config.secrets.length > 0)
    throw new CliError(`${file} was made with another BATON_SECRET: set it to what ${beside} holds.`);
  return `${kept.join(",")}\n`;
}

/** One that is damaged is none: it may be what is restored. */
function secretInForce(config: Config): MasterSecret | null {
  try {
    return readMasterSecret(config);
  } catch (error) {
    if (error instanceof SecretError) return null;
    throw error;
  }
}

const textsOf = (text: string): string[] => text.split(",").map((one) => one.trim());

function opensAll(secret: MasterSecret, sealed: readonly Sealed[]): boolean {
  const sealer = createSealer(deriveKeys(secret).sealing);
  try {
    for (const { workspaceId, botId, text } of sealed) sealer.open(text, botSecretContext(workspaceId, botId));
    return true;
  } catch {
    return false;
  }
}
