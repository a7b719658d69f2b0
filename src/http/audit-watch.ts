import { HandoffSettings } from "../domain/settings.ts";
import { fieldChanges } from "../domain/field-changes.ts";
import type { FieldChange } from "../domain/field-changes.ts";
import type { AuditObject } from "../ports-audit.ts";
import type { Bot, Connection, Member, TokenRecord, Tx, Workspace } from "../ports-store.ts";
import { connectionSecretsContext } from "../secrets/contexts.ts";
import { SealingError } from "../secrets/sealing.ts";
import type { Sealer } from "../secrets/sealing.ts";
import type { OwnDeed } from "./audit.ts";

type Note = (deed: OwnDeed) => Promise<void>;

/**
 * A unit of work that tells what it changes of an admin's things. What a row was before is read from the unit itself; where nothing
 * came to differ, nothing is told.
 */
export function watched(tx: Tx, note: Note, sealer: Sealer | undefined): Tx {
  const told = async (workspaceId: string, action: string, object: AuditObject, changes: readonly FieldChange[]) =>
    note({ workspaceId, action, object, changes });
  const toldIfAny = async (...given: Parameters<typeof told>) => {
    if (given[3].length > 0) await told(...given);
  };
  const memberObject = async (workspaceId: string, id: string) =>
    named("member", (await tx.member(workspaceId, id)) ?? { id, name: null });

  return {
    ...tx,
    async createWorkspace(workspace) {
      await tx.createWorkspace(workspace);
      await told(workspace.id, "workspace.created", named("workspace", workspace), []);
    },
    async updateWorkspace(id, patch) {
      const before = await tx.workspace(id);
      const isThere = await tx.updateWorkspace(id, patch);
      const after = await tx.workspace(id);
      if (before === null || after === null) return isThere;
      const changes = fieldChanges(workspaceFields(before), workspaceFields(after));
      await toldIfAny(id, "workspace.changed", named("workspace", after), changes);
      return isThere;
    },
    async createBot(bot) {
      await tx.createBot(bot);
      const fresh = { name: null, callbackUrl: null, messageUrl: null, settings: settingsOf({}) };
      await told(bot.workspaceId, "bot.created", named("bot", bot), botChanges(fresh, botFields(bot)));
    },
    async updateBot(workspaceId, id, patch) {
      const before = await tx.bot(workspaceId, id);
      await tx.updateBot(workspaceId, id, patch);
      if (before === null) return;
      const after: Bot = { ...before, ...patch };
      const object = named("bot", after);
      await toldIfAny(workspaceId, "bot.changed", object, botChanges(botFields(before), botFields(after)));
      if (patch.sealedSecret !== undefined)
        await told(workspaceId, "bot.secret_rotated", object, [{ path: "signingSecret", secret: true }]);
    },
    async createMember(member) {
      await tx.createMember(member);
      const changes = fieldChanges(undefined, memberFields(member));
      await told(member.workspaceId, "member.added", named("member", member), changes);
    },
    async updateMember(workspaceId, id, patch) {
      const before = await tx.member(workspaceId, id);
      await tx.updateMember(workspaceId, id, patch);
      if (before === null) return;
      const after = { ...before, ...patch };
      const changes = fieldChanges(memberFields(before), memberFields(after));
      await toldIfAny(workspaceId, "member.changed", named("member", after), changes);
    },
    async deleteMember(workspaceId, id) {
      const before = await tx.member(workspaceId, id);
      const isGone = await tx.deleteMember(workspaceId, id);
      if (!isGone || before === null) return isGone;
      await told(workspaceId, "member.removed", named("member", before), fieldChanges(memberFields(before), undefined));
      return isGone;
    },
    async createConnection(connection) {
      await tx.createConnection(connection);
      const { workspaceId } = connection;
      const changes = connectionChanges(null, connection, sealer);
      await told(workspaceId, "connection.created", named("connection", connection), changes);
    },
    async updateConnection(workspaceId, id, patch) {
      const before = await tx.connection(workspaceId, id);
      await tx.updateConnection(workspaceId, id, patch);
      if (before === null) return;
      const after: Connection = { ...before, ...patch };
      const changes = connectionChanges(before, after, sealer);
      await toldIfAny(workspaceId, "connection.changed", named("connection", after), changes);
    },
    async deleteConnection(workspaceId, id) {
      const before = await tx.connection(workspaceId, id);
      await tx.deleteConnection(workspaceId, id);
      if (before === null) return;
      const changes = fieldChanges({ type: before.type, config: before.config }, undefined);
      await told(workspaceId, "connection.removed", named("connection", before), changes);
    },
    async createToken(token) {
      await tx.createToken(token);
      if (token.workspaceId === null) return;
      const changes = fieldChanges(undefined, tokenFields(token));
      await told(token.workspaceId, "token.issued", named("token", token), changes);
    },
    async revokeToken(workspaceId, id, at) {
      const before = await tx.token(workspaceId, id);
      const isRevoked = await tx.revokeToken(workspaceId, id, at);
      if (workspaceId === null || before === null || before.revokedAt !== null) return isRevoked;
      const changes = fieldChanges(tokenFields(before), undefined);
      await told(workspaceId, "token.revoked", named("token", before), changes);
      return isRevoked;
    },
    async revokeTokensOf(workspaceId, subject, at, name) {
      const ids = await tx.revokeTokensOf(workspaceId, subject, at, name);
      for (const id of ids) {
        const token = (await tx.token(workspaceId, id)) ?? { id, name: null };
        await told(workspaceId, "token.revoked", named("token", token), fieldChanges({ subject }, undefined));
      }
      return ids;
    },
    async createSignInLink(link) {
      await tx.createSignInLink(link);
      const changes = fieldChanges(undefined, { expiresAt: link.expiresAt.toISOString() });
      const { workspaceId, memberId } = link;
      await told(workspaceId, "member.sign_in_link_made", await memberObject(workspaceId, memberId), changes);
    },
    async dropSignInLink(workspaceId, memberId, at) {
      const isDropped = await tx.dropSignInLink(workspaceId, memberId, at);
      if (isDropped)
        await told(workspaceId, "member.sign_in_link_dropped", await memberObject(workspaceId, memberId), []);
      return isDropped;
    },
    async retryDelivery(workspaceId, n, now) {
      const before = await tx.delivery(workspaceId, n);
      const isOwed = await tx.retryDelivery(workspaceId, n, now);
      if (!isOwed || before === null) return isOwed;
      const object = { type: "delivery", id: `dlv_${n}`, name: before.kind };
      await told(workspaceId, "delivery.retried", object, fieldChanges({ state: before.state }, { state: "waiting" }));
      return isOwed;
    },
  };
}

const settingsOf = (settings: unknown) => HandoffSettings.parse(settings ?? {});
const botFields = ({ name, callbackUrl, messageUrl, settings }: Bot) => ({
  name,
  callbackUrl,
  messageUrl,
  settings: settingsOf(settings),
});
type BotFields = Omit<ReturnType<typeof botFields>, "name"> & { readonly name: string | null };
/** A webhook of Slack is a credential by itself. */
const isCredential = ({ path }: FieldChange): boolean => path.startsWith("settings.notify.slack");
const botChanges = (before: BotFields, after: BotFields): FieldChange[] =>
  fieldChanges(before, after).map((one) => (isCredential(one) ? { path: one.path, secret: true } : one));
const workspaceFields = ({ name, retentionDays }: Workspace) => ({ name, retentionDays });
const memberFields = ({ name, email, role }: Member) => ({ name, email, role });
const tokenFields = ({ scope, subject, expiresAt }: TokenRecord) => ({
  scope,
  subject,
  expiresAt: expiresAt.toISOString(),
});
const named = (type: string, { id, name }: { readonly id: string; readonly name: string | null }): AuditObject => ({
  type,
  id,
  name,
});

const shownFields = (one: Connection | null) => one && { name: one.name, config: one.config };

/** Fields of the configuration, of which the sealed ones are told by name alone. */
export function connectionChanges(
  before: Connection | null,
  after: Connection,
  sealer: Sealer | undefined,
): FieldChange[] {
  const [old, fresh] = [secretsOf(before, sealer), secretsOf(after, sealer)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])].toSorted();
  const changed = names.filter((name) => old[name] !== fresh[name]);
  return [
    ...fieldChanges(shownFields(before), shownFields(after)),
    ...changed.map((name) => ({ path: `config.${name}`, secret: true as const })),
  ];
}

/** For comparison alone. */
function secretsOf(connection: Connection | null, sealer: Sealer | undefined): Readonly<Record<string, string>> {
  if (connection === null || connection.sealedSecrets === null) return {};
  const { workspaceId, id, sealedSecrets } = connection;
  if (sealer === undefined) return { credentials: sealedSecrets };
  try {
    const opened: unknown = JSON.parse(sealer.open(sealedSecrets, connectionSecretsContext(workspaceId, id)));
    const fields = typeof opened === "object" && opened !== null ? Object.entries(opened) : [];
    return Object.fromEntries(fields.map(([name, value]) => [name, JSON.stringify(value)]));
  } catch (error) {
    if (!(error instanceof SealingError)) throw error;
    return { credentials: sealedSecrets };
  }
}
