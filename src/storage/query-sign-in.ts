import { HandoffError } from "../domain/errors.ts";
import type { Tx } from "../ports-store.ts";
import { statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** One-time links by which members sign in. */

const memberOf = statement((db, s: { id: string; workspace_id: string }) =>
  db.selectFrom("members").select("id").where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);
const forget = statement((db, s: { member_id: string }) =>
  db.deleteFrom("sign_in_links").where("member_id", "=", s.member_id),
);
const insertLink = statement(
  (db, s: { member_id: string; workspace_id: string; hash: string; created_at: number; expires_at: number }) =>
    db.insertInto("sign_in_links").values({
      member_id: s.member_id,
      workspace_id: s.workspace_id,
      hash: s.hash,
      created_at: s.created_at,
      expires_at: s.expires_at,
    }),
);
// One statement that asks and takes: of two at the same moment, in whatever processes, one finds it unused.
const take = statement((db, s: { hash: string; now: number }) =>
  db
    .updateTable("sign_in_links")
    .set({ used_at: s.now })
    .where("hash", "=", s.hash)
    .where("used_at", "is", null)
    .where("expires_at", ">", s.now),
);
const linkByHash = statement((db, s: { hash: string }) =>
  db.selectFrom("sign_in_links").select(["workspace_id", "member_id", "used_at"]).where("hash", "=", s.hash),
);
const drop = statement((db, s: { member_id: string; workspace_id: string; now: number }) =>
  db
    .deleteFrom("sign_in_links")
    .where("member_id", "=", s.member_id)
    .where("workspace_id", "=", s.workspace_id)
    .where("used_at", "is", null)
    .where("expires_at", ">", s.now),
);

type SignInWrites = Pick<Tx, "createSignInLink" | "useSignInLink" | "dropSignInLink">;

export const signInWrites = (on: Executor): SignInWrites => ({
  async createSignInLink(link) {
    const member = await memberOf.first(on, { id: link.memberId, workspace_id: link.workspaceId });
    if (member === null) throw new HandoffError("not_found");
    await forget.run(on, { member_id: link.memberId });
    await insertLink.run(on, {
      member_id: link.memberId,
      workspace_id: link.workspaceId,
      hash: link.hash,
      created_at: link.createdAt.getTime(),
      expires_at: link.expiresAt.getTime(),
    });
  },
  async useSignInLink(hash, at) {
    const taken = (await take.run(on, { hash, now: at.getTime() })) > 0;
    const row = await linkByHash.first(on, { hash });
    if (row === null) return { outcome: "unknown" };
    if (taken) return { outcome: "taken", workspaceId: row.workspace_id, memberId: row.member_id };
    return { outcome: row.used_at === null ? "expired" : "used" };
  },
  async dropSignInLink(workspaceId, memberId, at) {
    return (await drop.run(on, { member_id: memberId, workspace_id: workspaceId, now: at.getTime() })) > 0;
  },
});
