import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { erasuresIn } from "../storage/sqlite-erasures.ts";
import type { KeptErasure } from "../storage/sqlite-erasures.ts";
import { CliError } from "./cli-error.ts";
import type { CommandDeps } from "./program.ts";
import { reapplyErasures } from "./reapply.ts";

/**
 * A backup brings back whoever was erased since. The records of the store that is replaced are kept in a file, until they have been
 * applied to the restored one: a restore that is cut off forgets none.
 */
const fileIn = (dataDir: string): string => join(dataDir, "erasures-to-reapply.json");

const Kept = z.array(z.object({ workspaceId: z.string(), erasure: z.record(z.string(), z.unknown()) }));

/** Before the store is replaced, with the data directory locked. */
export function keepErasures(dataDir: string): readonly KeptErasure[] {
  const file = fileIn(dataDir);
  const before = existsSync(file) ? Kept.parse(JSON.parse(readFileSync(file, "utf8"))) : [];
  const all = [...before, ...erasuresIn(join(dataDir, "baton.db"))];
  const kept = [...new Map(all.map((one) => [one.erasure["id"], one])).values()];
  if (kept.length > 0) writeFileSync(file, JSON.stringify(kept), { mode: 0o600, flush: true });
  return kept;
}

/**
 * After it, with the data directory free again.
 *
 * @returns how many conversations were erased
 * @throws CliError saying how to go on: the server must not start before
 */
export async function eraseAgain(dataDir: string, kept: readonly KeptErasure[], deps: CommandDeps): Promise<number> {
  if (kept.length === 0) return 0;
  const file = fileIn(dataDir);
  try {
    const conversations = await deps.with((reached) => reapplyErasures(reached, kept));
    rmSync(file, { force: true });
    return conversations;
  } catch (error) {
    const why = error instanceof CliError ? ` (${error.message})` : "";
    throw new CliError(
      `The data were restored, but people who had been erased are back${why}. Before you start the server: ` +
        `baton people reapply-erasures --from ${file}`,
    );
  }
}
