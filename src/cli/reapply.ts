import { z } from "zod";
import type { KeptErasure } from "../storage/sqlite-erasures.ts";
import type { Reached } from "./reach.ts";

const AT_ONCE = 500;
const TIMEOUT_MS = 3_600_000;

const Reapplied = z.looseObject({ counts: z.looseObject({ conversations: z.int() }) });

/**
 * Erases again, in each workspace, whoever a restored backup brought back.
 *
 * @param kept records that the restored data do not have; those they have are applied as well
 * @returns how many conversations were erased
 */
export async function reapplyErasures(reached: Reached, kept: readonly KeptErasure[]): Promise<number> {
  let conversations = 0;
  for (const { id } of await reached.asOperator.all("/v1/workspaces")) {
    const workspaceId = String(id);
    const own = kept.filter((one) => one.workspaceId === workspaceId).map(({ erasure }) => erasure);
    for (let from = 0; from === 0 || from < own.length; from += AT_ONCE) {
      const body = { erasures: own.slice(from, from + AT_ONCE) };
      const told = await reached.asAdmin(workspaceId).post("/v1/erasures/reapply", body, TIMEOUT_MS);
      conversations += Reapplied.parse(told).counts.conversations;
    }
  }
  return conversations;
}
