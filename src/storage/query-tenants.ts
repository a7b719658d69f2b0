import { sql } from "kysely";
import type { Bot, Connection, Member, StoredAnswer, TokenRecord, Workspace } from "../ports-store.ts";
import { emailKeyOf } from "./email-key.ts";
import { botOf, connectionOf, memberOf, ms, tokenOf, workspaceOf } from "./rows.ts";
import type { BotsTable, ConnectionsTable, MembersTable } from "./schema.ts";
import { all, run, slotsOf, statement } from "./statements.ts";
import type { Executor } from "./statements.ts";

/** Workspaces, bots, members, connections, tokens and the answers kept for repeated requests. */

type OfWorkspace = { workspace_id: string; id: string };

const workspaceById = statement((db, s: { id: string }) =>
  db.selectFrom("workspaces").selectAll().where("id", "=", s.id),
);
const workspaceByIdLocked = statement((db, s: { id: string }) =>
  db.selectFrom("workspaces").selectAll().where("id", "=", s.id).forUpdate(),
);
const botByIds = statement((db, s: OfWorkspace) =>
  db.selectFrom("bots").selectAll().where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);
const botByOwnId = statement((db, s: { id: string }) => db.selectFrom("bots").selectAll().where("id", "=", s.id));
const memberByIds = statement((db, s: OfWorkspace) =>
  db.selectFrom("members").selectAll().where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);
const onlineCount = statement((db, s: { workspace_id: string; now: number }) =>
  db
    .selectFrom("members")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("workspace_id", "=", s.workspace_id)
    .where("online_until", ">", s.now),
);
const connectionByIds = statement((db, s: OfWorkspace) =>
  db.selectFrom("connections").selectAll().where("id", "=", s.id).where("workspace_id", "=", s.workspace_id),
);
const connectionByOwnId = statement((db, s: { id: string }) =>
  db.selectFrom("connections").selectAll().where("id", "=", s.id),
);
const answerByKey = statement((db, s: { scope: string; key: string }) =>
  db
    .selectFrom("answers")
    .select(["request_hash", "status", "body"])
    .where("scope", "=", s.scope)
    .where("key", "=", s.key),
);
const ANSWER_COLUMNS = ["scope", "key", "request_hash", "status", "body", "created_at"] as const;
type AnswerRow = { scope: string; key: string; request_hash: string; status: number; body: string; created_at: number };
const insertAnswer = statement((db, s: AnswerRow) => db.insertInto("answers").values(slotsOf(s, ANSWER_COLUMNS)));

export const tenantReads = (on: Executor) => ({
  async workspace(id: string): Promise<Workspace | null> {
    const row = await workspaceById.first(on, { id });
    return row && workspaceOf(row);
  },
  async workspaces(): Promise<readonly Workspace[]> {
    return (await all(on, on.db.selectFrom("workspaces").selectAll().orderBy("id"))).map(workspaceOf);
  },
  async bot(workspaceId: string, id: string): Promise<Bot | null> {
    const row = await botByIds.first(on, { workspace_id: workspaceId, id });
    return row && botOf(row);
  },
  async botById(id: string): Promise<Bot | null> {
    const row = await botByOwnId.first(on, { id });
    return row && botOf(row);
  },
  async bots(workspaceId: string): Promise<readonly Bot[]> {
    const query = on.db.selectFrom("bots").selectAll().where("workspace_id", "=", workspaceId).orderBy("id");
    return (await all(on, query)).map(botOf);
  },
  async member(workspaceId: string, id: string): Promise<Member | null> {
    const row = await memberByIds.first(on, { workspace_id: workspaceId, id });
    return row && memberOf(row);
  },
  async members(workspaceId: string): Promise<readonly Member[]> {
    const query = on.db.selectFrom("members").selectAll().where("workspace_id", "=", workspaceId).orderBy("id");
    return (await all(on, query)).map(memberOf);
  },
  async onlineMembers(workspaceId: string, now: Date): Promise<number> {
    const row = await onlineCount.first(on, { workspace_id: workspaceId, now: now.getTime() });
    return row?.count ?? 0;
  },
  async connection(workspaceId: string, id: string): Promise<Connection | null> {
    const row = await connectionByIds.first(on, { workspace_id: workspaceId, id });
    return row && connectionOf(row);
  },
  async connectionById(id: string): Promise<Connection | null> {
    const row = await connectionByOwnId.first(on, { id });
    return row && connectionOf(row);
  },
  async connections(workspaceId: string): Promise<readonly Connection[]> {
    const query = on.db.selectFrom("connections").selectAll().where("workspace_id", "=", workspaceId).orderBy("id");
    return (await all(on, query)).map(connectionOf);
  },
  async connectionsOfTypes(types: readonly string[]): Promise<readonly Connection[]> {
    if (types.length === 0) return [];
    const query = on.db
      .selectFrom("connections")
      .selectAll()
      .where("type", "in", [...types])
      .orderBy("id");
    return (await all(on, query)).map(connectionOf);
  },
  async token(workspaceId: string | null, id: string): Promise<TokenRecord | null> {
    const query = on.db
      .selectFrom("tokens")
      .selectAll()
      .where("id", "=", id)
      .where("workspace_id", workspaceId === null ? "is" : "=", workspaceId);
    const [row] = await all(on, query);
    return row ? tokenOf(row) : null;
  },
  async tokens(workspaceId: string | null): Promise<readonly TokenRecord[]> {
    const isOwn = workspaceId === null ? "is" : "=";
    const query = on.db.selectFrom("tokens").selectAll().where("workspace_id", isOwn, workspaceId).orderBy("id");
    return (await all(on, query)).map(tokenOf);
  },
  async revokedTokenIds(now: Date): Promise<readonly string[]> {
    const query = on.db
      .selectFrom("tokens")
      .select("id")
      .where("revoked_at", "is not", null)
      .where("expires_at", ">", now.getTime());
    return (await all(on, query)).map((row) => row.id);
  },
  async storedAnswer(scope: string, key: string): Promise<StoredAnswer | null> {
    const row = await answerByKey.first(on, { scope, key });
    return row && { requestHash: row.request_hash, status: row.status, body: row.body };
  },
});

type BotPatch = Partial<
  Pick<Bot, "name" | "settings" | "settingsVersion" | "callbackUrl" | "messageUrl" | "sealedSecret">
>;
type MemberPatch = Partial<Pick<Member, "name" | "email" | "role" | "onlineUntil">>;
type ConnectionPatch = Partial<Omit<Connection, "id" | "workspaceId" | "type" | "createdAt">>;

function botColumns(patch: BotPatch): Partial<BotsTable> {
  return {
    ...(patch.name !== undefined && { name: patch.name }),
    ...(patch.settings !== undefined && { settings: JSON.stringify(patch.settings) }),
    ...(patch.settingsVersion !== undefined && { settings_version: patch.settingsVersion }),
    ...(patch.callbackUrl !== undefined && { callback_url: patch.callbackUrl }),
    ...(patch.messageUrl !== undefined && { message_url: patch.messageUrl }),
    ...(patch.sealedSecret !== undefined && { sealed_secret: patch.sealedSecret }),
  };
}

function memberColumns(patch: MemberPatch): Partial<MembersTable> {
  return {
    ...(patch.name !== undefined && { name: patch.name }),
    ...(patch.email !== undefined && { email: patch.email, email_key: emailKeyOf(patch.email) }),
    ...(patch.role !== undefined && { role: patch.role }),
    ...(patch.onlineUntil !== undefined && { online_until: ms(patch.onlineUntil) }),
  };
}

const installedText = (installed: Connection["installed"]): string | null =>
  installed === null ? null : JSON.stringify(installed);

function connectionColumns(patch: ConnectionPatch): Partial<ConnectionsTable> {
  return {
    ...(patch.name !== undefined && { name: patch.name }),
    ...(patch.config !== undefined && { config: JSON.stringify(patch.config) }),
    ...(patch.sealedSecrets !== undefined && { sealed_secrets: patch.sealedSecrets }),
    ...(patch.pathSecret !== undefined && { path_secret: patch.pathSecret }),
    ...(patch.problem !== undefined && { problem: patch.problem }),
    ...(patch.problemSince !== undefined && { problem_since: ms(patch.problemSince) }),
    ...(patch.lastWebhookAt !== undefined && { last_webhook_at: ms(patch.lastWebhookAt) }),
    ...(patch.installed !== undefined && { installed: installedText(patch.installed) }),
    ...(patch.version !== undefined && { version: patch.version }),
  };
}

export const tenantWrites = (on: Executor) => ({
  lock: (name: string): Promise<void> => on.lock(name),
  async createWorkspace(one: Workspace): Promise<void> {
    await run(
      on,
      on.db.insertInto("workspaces").values({ id: one.id, name: one.name, created_at: one.createdAt.getTime() }),
    );
  },
  async lockWorkspace(id: string): Promise<Workspace | null> {
    const row = await (on.forUpdate ? workspaceByIdLocked : workspaceById).first(on, { id });
    return row && workspaceOf(row);
  },
  async createBot(one: Bot): Promise<void> {
    const values = {
      id: one.id,
      workspace_id: one.workspaceId,
      name: one.name,
      settings: JSON.stringify(one.settings),
      settings_version: one.settingsVersion,
      callback_url: one.callbackUrl,
      message_url: one.messageUrl,
      sealed_secret: one.sealedSecret,
      created_at: one.createdAt.getTime(),
    };
    await run(on, on.db.insertInto("bots").values(values));
  },
  async updateBot(workspaceId: string, id: string, patch: BotPatch): Promise<void> {
    await updateRow(on, "bots", workspaceId, id, botColumns(patch));
  },
  async createMember(one: Member): Promise<void> {
    const values = {
      id: one.id,
      workspace_id: one.workspaceId,
      name: one.name,
      email: one.email,
      email_key: emailKeyOf(one.email),
      role: one.role,
      online_until: ms(one.onlineUntil),
      created_at: one.createdAt.getTime(),
    };
    await run(on, on.db.insertInto("members").values(values));
  },
  async updateMember(workspaceId: string, id: string, patch: MemberPatch): Promise<void> {
    await updateRow(on, "members", workspaceId, id, memberColumns(patch));
  },
  async createConnection(one: Connection): Promise<void> {
    const values = {
      id: one.id,
      workspace_id: one.workspaceId,
      type: one.type,
      name: one.name,
      config: JSON.stringify(one.config),
      sealed_secrets: one.sealedSecrets,
      path_secret: one.pathSecret,
      problem: one.problem,
      problem_since: ms(one.problemSince),
      last_webhook_at: ms(one.lastWebhookAt),
      installed: installedText(one.installed),
      version: one.version,
      created_at: one.createdAt.getTime(),
    };
    await run(on, on.db.insertInto("connections").values(values));
  },
  async updateConnection(workspaceId: string, id: string, patch: ConnectionPatch): Promise<void> {
    await updateRow(on, "connections", workspaceId, id, connectionColumns(patch));
  },
  async deleteConnection(workspaceId: string, id: string): Promise<void> {
    for (const [table, column] of [
      ["connections", "id"],
      ["connection_states", "connection_id"],
    ] as const)
      await run(on, on.db.deleteFrom(table).where(sql.ref(column), "=", id).where("workspace_id", "=", workspaceId));
  },
  async createToken(one: TokenRecord): Promise<void> {
    const values = {
      id: one.id,
      workspace_id: one.workspaceId,
      scope: one.scope,
      subject: one.subject,
      name: one.name,
      created_at: one.createdAt.getTime(),
      expires_at: one.expiresAt.getTime(),
      revoked_at: ms(one.revokedAt),
    };
    await run(on, on.db.insertInto("tokens").values(values));
  },
  async revokeToken(workspaceId: string | null, id: string, at: Date): Promise<boolean> {
    const query = on.db
      .updateTable("tokens")
      .set({ revoked_at: at.getTime() })
      .where("id", "=", id)
      .where("workspace_id", workspaceId === null ? "is" : "=", workspaceId)
      .where("revoked_at", "is", null);
    return (await run(on, query)) > 0;
  },
  async storeAnswer(scope: string, key: string, answer: StoredAnswer, now: Date): Promise<void> {
    await insertAnswer.run(on, {
      scope,
      key,
      request_hash: answer.requestHash,
      status: answer.status,
      body: answer.body,
      created_at: now.getTime(),
    });
  },
});

async function updateRow(
  on: Executor,
  table: "bots" | "members" | "connections",
  workspaceId: string,
  id: string,
  columns: object,
): Promise<void> {
  if (Object.keys(columns).length === 0) return;
  const query = on.db.updateTable(table).set(columns).where("id", "=", id).where("workspace_id", "=", workspaceId);
  await run(on, query);
}
