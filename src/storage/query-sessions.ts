import { HandoffError } from "../domain/errors.ts";
import type { MemberRole } from "../domain/member-role.ts";
import type {
  LiveSession,
  Password,
  SecondFactor,
  Session,
  SessionReads,
  SessionWrites,
  SignInMethod,
} from "../ports-sessions.ts";
import { emailKeyOf } from "./email-key.ts";
import { handoffOf, ms, time } from "./rows.ts";
import type { MemberFactorsTable, MemberPasswordsTable, SessionsTable } from "./schema.ts";
import { all, insertMany, run, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** Members' sessions, passwords and second factors. */

type OfMember = { workspace_id: string; member_id: string };

const bySessionHash = statement((db, s: { hash: string }) =>
  db
    .selectFrom("sessions")
    .innerJoin("members", (join) =>
      join.onRef("members.id", "=", "sessions.member_id").onRef("members.workspace_id", "=", "sessions.workspace_id"),
    )
    .selectAll("sessions")
    .select("members.role")
    .where("sessions.hash", "=", s.hash),
);
const memberExists = statement((db, s: OfMember) =>
  db.selectFrom("members").select("id").where("id", "=", s.member_id).where("workspace_id", "=", s.workspace_id),
);
const touch = statement((db, s: { hash: string; at: number; unless_after: number }) =>
  db
    .updateTable("sessions")
    .set({ last_used_at: s.at })
    .where("hash", "=", s.hash)
    .where("last_used_at", "<=", s.unless_after),
);
const codesLeft = statement((db, s: OfMember) =>
  db
    .selectFrom("recovery_codes")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("member_id", "=", s.member_id)
    .where("workspace_id", "=", s.workspace_id)
    .where("used_at", "is", null),
);

const sessionOf = (row: SessionsTable): Session => ({
  id: row.id,
  hash: row.hash,
  workspaceId: row.workspace_id,
  memberId: row.member_id,
  method: row.method as SignInMethod,
  device: row.device,
  createdAt: new Date(row.created_at),
  lastUsedAt: new Date(row.last_used_at),
  expiresAt: new Date(row.expires_at),
});
const passwordOf = (row: MemberPasswordsTable): Password => ({
  workspaceId: row.workspace_id,
  memberId: row.member_id,
  sealedHash: row.sealed_hash,
  setAt: new Date(row.set_at),
});
const factorOf = (row: MemberFactorsTable): SecondFactor => ({
  workspaceId: row.workspace_id,
  memberId: row.member_id,
  sealedSecret: row.sealed_secret,
  confirmedAt: time(row.confirmed_at),
  lastStep: row.last_step,
});

export const sessionReads = (on: Executor): SessionReads => ({
  async sessionByHash(hash): Promise<LiveSession | null> {
    const row = await bySessionHash.first(on, { hash });
    return row && { ...sessionOf(row), role: row.role as MemberRole };
  },
  async sessionRoles(ids) {
    if (ids.length === 0) return new Map();
    const query = on.db
      .selectFrom("sessions")
      .innerJoin("members", "members.id", "sessions.member_id")
      .select(["sessions.id", "members.role"])
      .where("sessions.id", "in", [...ids]);
    return new Map((await all(on, query)).map(({ id, role }) => [id, role as MemberRole]));
  },
  async sessions(workspaceId, memberId) {
    const query = of(on.db.selectFrom("sessions").selectAll(), workspaceId, memberId).orderBy("id", "desc");
    return (await all(on, query)).map(sessionOf);
  },
  async password(workspaceId, memberId) {
    const [row] = await all(on, of(on.db.selectFrom("member_passwords").selectAll(), workspaceId, memberId));
    return row ? passwordOf(row) : null;
  },
  async passwordsByEmail(email, limit) {
    const query = on.db
      .selectFrom("members")
      .innerJoin("member_passwords", "member_passwords.member_id", "members.id")
      .selectAll("member_passwords")
      .where("members.email_key", "=", emailKeyOf(email))
      .orderBy("members.id")
      .limit(limit);
    return (await all(on, query)).map(passwordOf);
  },
  async memberSigningInAs(workspaceId, email, exceptMemberId) {
    const query = on.db
      .selectFrom("members")
      .innerJoin("member_passwords", "member_passwords.member_id", "members.id")
      .select("members.id")
      .where("members.email_key", "=", emailKeyOf(email))
      .where("members.workspace_id", "=", workspaceId)
      .where("members.id", "<>", exceptMemberId);
    return (await all(on, query))[0]?.id ?? null;
  },
  async secondFactor(workspaceId, memberId) {
    const [row] = await all(on, of(on.db.selectFrom("member_factors").selectAll(), workspaceId, memberId));
    return row ? factorOf(row) : null;
  },
  async recoveryCodesLeft(workspaceId, memberId) {
    const row = await codesLeft.first(on, { workspace_id: workspaceId, member_id: memberId });
    return row?.count ?? 0;
  },
  async openHandoffsOf(workspaceId, memberId, limit) {
    const query = on.db
      .selectFrom("handoffs")
      .selectAll()
      .where("workspace_id", "=", workspaceId)
      .where("status", "=", "acknowledged")
      .where("agent_id", "=", memberId)
      .orderBy("id")
      .limit(limit);
    return (await all(on, query)).map(handoffOf);
  },
});

const insertCodes = insertMany<{ member_id: string; hash: string; workspace_id: string }>("recovery_codes", [
  "member_id",
  "hash",
  "workspace_id",
]);

export const sessionWrites = (on: Executor): SessionWrites => ({
  async createSession(one) {
    await needMember(on, one);
    const row = {
      id: one.id,
      hash: one.hash,
      workspace_id: one.workspaceId,
      member_id: one.memberId,
      method: one.method,
      device: one.device,
      created_at: one.createdAt.getTime(),
      last_used_at: one.lastUsedAt.getTime(),
      expires_at: one.expiresAt.getTime(),
    };
    await run(on, on.db.insertInto("sessions").values(row));
  },
  async touchSession(hash, at, unlessAfter) {
    await touch.run(on, { hash, at: at.getTime(), unless_after: unlessAfter.getTime() });
  },
  async endSession(workspaceId, memberId, id) {
    const query = of(on.db.deleteFrom("sessions"), workspaceId, memberId).where("id", "=", id);
    return (await run(on, query)) > 0;
  },
  endSessions: (workspaceId, memberId) => run(on, of(on.db.deleteFrom("sessions"), workspaceId, memberId)),
  async dropOldSessions(workspaceId, memberId, { now, unusedSince }) {
    const query = of(on.db.deleteFrom("sessions"), workspaceId, memberId).where((e) =>
      e.or([e("expires_at", "<=", now.getTime()), e("last_used_at", "<=", unusedSince.getTime())]),
    );
    await run(on, query);
  },
  async savePassword(one) {
    await needMember(on, one);
    const kept = { sealed_hash: one.sealedHash, set_at: one.setAt.getTime() };
    const query = on.db
      .insertInto("member_passwords")
      .values({ member_id: one.memberId, workspace_id: one.workspaceId, ...kept })
      .onConflict((conflict) => conflict.column("member_id").doUpdateSet(kept));
    await run(on, query);
  },
  async rehashPassword(one, from) {
    const query = of(
      on.db.updateTable("member_passwords").set({ sealed_hash: one.sealedHash }),
      one.workspaceId,
      one.memberId,
    ).where("sealed_hash", "=", from);
    return (await run(on, query)) > 0;
  },
  async saveSecondFactor(one) {
    await needMember(on, one);
    const kept = { sealed_secret: one.sealedSecret, confirmed_at: ms(one.confirmedAt), last_step: one.lastStep };
    const query = on.db
      .insertInto("member_factors")
      .values({ member_id: one.memberId, workspace_id: one.workspaceId, ...kept })
      .onConflict((conflict) => conflict.column("member_id").doUpdateSet(kept));
    await run(on, query);
  },
  async useTotpStep(workspaceId, memberId, step) {
    const query = of(on.db.updateTable("member_factors").set({ last_step: step }), workspaceId, memberId).where(
      "last_step",
      "<",
      step,
    );
    return (await run(on, query)) > 0;
  },
  async removeSecondFactor(workspaceId, memberId) {
    await run(on, of(on.db.deleteFrom("recovery_codes"), workspaceId, memberId));
    return (await run(on, of(on.db.deleteFrom("member_factors"), workspaceId, memberId))) > 0;
  },
  async saveRecoveryCodes(workspaceId, memberId, hashes) {
    await needMember(on, { workspaceId, memberId });
    await run(on, of(on.db.deleteFrom("recovery_codes"), workspaceId, memberId));
    await insertCodes(
      on,
      hashes.map((hash) => ({ member_id: memberId, hash, workspace_id: workspaceId })),
    );
  },
  async useRecoveryCode(workspaceId, memberId, hash, at) {
    const query = of(on.db.updateTable("recovery_codes").set({ used_at: at.getTime() }), workspaceId, memberId)
      .where("hash", "=", hash)
      .where("used_at", "is", null);
    return (await run(on, query)) > 0;
  },
  async revokeTokensOf(workspaceId, subject, at, name) {
    const query = on.db
      .selectFrom("tokens")
      .select("id")
      .where("workspace_id", "=", workspaceId)
      .where("subject", "=", subject)
      .where("revoked_at", "is", null)
      .where("expires_at", ">", at.getTime())
      .$if(name !== undefined, (some) => some.where("name", "=", name ?? ""));
    const ids = (await all(on, query)).map(({ id }) => id);
    if (ids.length > 0)
      await run(on, on.db.updateTable("tokens").set({ revoked_at: at.getTime() }).where("id", "in", ids));
    return ids;
  },
  async deleteMember(workspaceId, id) {
    for (const table of ["sessions", "member_passwords", "recovery_codes", "member_factors", "sign_in_links"] as const)
      await run(on, of(on.db.deleteFrom(table), workspaceId, id));
    const query = on.db.deleteFrom("members").where("id", "=", id).where("workspace_id", "=", workspaceId);
    return (await run(on, query)) > 0;
  },
});

interface Narrowed {
  where(column: "workspace_id" | "member_id", operator: "=", value: string): this;
}

/** Only what is this member's, of this workspace. */
const of = <Query extends Narrowed>(query: Query, workspaceId: string, memberId: string): Query =>
  query.where("workspace_id", "=", workspaceId).where("member_id", "=", memberId);

async function needMember(on: Executor, of: { workspaceId: string; memberId: string }): Promise<void> {
  const member = await memberExists.first(on, { workspace_id: of.workspaceId, member_id: of.memberId });
  if (member === null) throw new HandoffError("not_found");
}
