import { beforeEach, describe, expect, test } from "vitest";
import { NEWS_KINDS } from "../../src/ports-news.ts";
import type { Reads, Store, Tx } from "../../src/ports-store.ts";
import {
  addShop,
  at,
  connectionState,
  consent,
  conversation,
  event,
  handoff,
  message,
  newsItem,
  password,
  secondFactor,
  session,
} from "./store-samples.ts";

/**
 * Nothing crosses workspaces (reliability.md P9): every method that takes a workspace's id is called with the ids of
 * workspace A's things and another workspace's id. The tables are records over the method names, so that a method that is
 * added to the port and not here does not compile.
 */

/** Asked by those who do not know the workspace yet, or over all workspaces by the clockwork: no caller's id gets there. */
type UnscopedReads =
  | "workspace"
  | "workspaces"
  | "botById"
  | "connectionById"
  | "connectionsOfTypes"
  | "revokedTokenIds"
  | "overdueHandoffs"
  | "lastEventSeqs"
  | "lastNews"
  | "handoffsToLook"
  | "dueLanes"
  | "waitingWebhooks"
  | "figures"
  | "conversationAges"
  | "storedAnswer"
  | "sessionByHash"
  | "sessionRoles"
  | "passwordsByEmail";

const NO_PAGE = { items: [], nextCursor: null };
const NO_STRETCH = { items: [], next: null };

interface ScopedRead {
  readonly ask: (reads: Reads, workspaceId: string) => Promise<unknown>;
  /** What somebody is told who owns nothing of that name. */
  readonly nothing: unknown;
}

/** `openHandoffsOf` needs somebody who has accepted one: it is tried with the members. */
type ScopedReadName = Exclude<keyof Reads, UnscopedReads | "openHandoffsOf">;

const scopedReads: Record<ScopedReadName, ScopedRead> = {
  bot: { ask: (reads, ws) => reads.bot(ws, "bot_a"), nothing: null },
  bots: { ask: (reads, ws) => reads.bots(ws), nothing: [] },
  member: { ask: (reads, ws) => reads.member(ws, "mem_a"), nothing: null },
  members: { ask: (reads, ws) => reads.members(ws), nothing: [] },
  onlineMembers: { ask: (reads, ws) => reads.onlineMembers(ws, at(0)), nothing: 0 },
  connection: { ask: (reads, ws) => reads.connection(ws, "con_a"), nothing: null },
  connections: { ask: (reads, ws) => reads.connections(ws), nothing: [] },
  token: { ask: (reads, ws) => reads.token(ws, "tok_a"), nothing: null },
  tokens: { ask: (reads, ws) => reads.tokens(ws), nothing: [] },
  conversationByKey: { ask: (reads, ws) => reads.conversationByKey(ws, "bot_a", "c-981"), nothing: null },
  conversation: { ask: (reads, ws) => reads.conversation(ws, "cnv_a"), nothing: null },
  messages: { ask: (reads, ws) => reads.messages(ws, "cnv_a", { afterSeq: 0, limit: 10 }), nothing: [] },
  messageByExternalId: { ask: (reads, ws) => reads.messageByExternalId(ws, "cnv_a", "m1"), nothing: null },
  events: { ask: (reads, ws) => reads.events(ws, "cnv_a", { afterSeq: 0, limit: 10 }), nothing: [] },
  handoffEvents: { ask: (reads, ws) => reads.handoffEvents(ws, "hnd_a"), nothing: [] },
  handoff: { ask: (reads, ws) => reads.handoff(ws, "hnd_a"), nothing: null },
  handoffs: { ask: (reads, ws) => reads.handoffs(ws, { limit: 10, text: "ana" }), nothing: NO_PAGE },
  handoffByRef: { ask: (reads, ws) => reads.handoffByRef(ws, "con_a", "77"), nothing: null },
  lastHandoff: { ask: (reads, ws) => reads.lastHandoff(ws, "cnv_a"), nothing: null },
  pendingCount: { ask: (reads, ws) => reads.pendingCount(ws, "bot_a"), nothing: 0 },
  unopenedHandoffs: { ask: (reads, ws) => reads.unopenedHandoffs(ws, "con_a"), nothing: [] },
  openHandoffsAt: { ask: (reads, ws) => reads.openHandoffsAt(ws, "con_a", { limit: 10 }), nothing: NO_PAGE },
  lead: { ask: (reads, ws) => reads.lead(ws, "led_a"), nothing: null },
  leadOfHandoff: { ask: (reads, ws) => reads.leadOfHandoff(ws, "hnd_a"), nothing: null },
  leads: { ask: (reads, ws) => reads.leads(ws, { limit: 10 }), nothing: NO_PAGE },
  delivery: { ask: (reads, ws) => reads.delivery(ws, 1), nothing: null },
  deliveries: { ask: (reads, ws) => reads.deliveries(ws, { limit: 10, handoffId: "hnd_a" }), nothing: NO_PAGE },
  oldestOwed: { ask: (reads, ws) => reads.oldestOwed(ws), nothing: null },
  sessions: { ask: (reads, ws) => reads.sessions(ws, "mem_a"), nothing: [] },
  password: { ask: (reads, ws) => reads.password(ws, "mem_a"), nothing: null },
  memberSigningInAs: { ask: (reads, ws) => reads.memberSigningInAs(ws, "ioana@example.com", "mem_0"), nothing: null },
  secondFactor: { ask: (reads, ws) => reads.secondFactor(ws, "mem_a"), nothing: null },
  recoveryCodesLeft: { ask: (reads, ws) => reads.recoveryCodesLeft(ws, "mem_a"), nothing: 0 },
  contactsOfConversations: { ask: (reads, ws) => reads.contactsOfConversations(ws, "", 99), nothing: NO_STRETCH },
  contactsOfLeads: { ask: (reads, ws) => reads.contactsOfLeads(ws, "", 99), nothing: NO_STRETCH },
  handoffsOfConversation: { ask: (reads, ws) => reads.handoffsOfConversation(ws, "cnv_a"), nothing: [] },
  consentsOfLead: { ask: (reads, ws) => reads.consentsOfLead(ws, "led_a"), nothing: [] },
  deliveriesOfConversations: {
    ask: (reads, ws) => reads.deliveriesOfConversations(ws, ["cnv_a"], "0", 99),
    nothing: NO_STRETCH,
  },
  keptWebhooks: { ask: (reads, ws) => reads.keptWebhooks(ws, "", 99), nothing: NO_STRETCH },
  keptAnswers: { ask: (reads, ws) => reads.keptAnswers(ws, "", 99), nothing: NO_STRETCH },
  erasures: { ask: (reads, ws) => reads.erasures(ws, { limit: 9 }), nothing: NO_PAGE },
  leadCounts: { ask: (reads, ws) => reads.leadCounts(ws, {}), nothing: { open: 0, followed_up: 0 } },
  audit: { ask: (reads, ws) => reads.audit(ws, { limit: 10 }), nothing: NO_PAGE },
  handoffCounts: {
    ask: async (reads, ws) => (await reads.handoffCounts(ws, {})).pending,
    nothing: { count: 0, isCapped: false },
  },
  conversationsByIds: { ask: (reads, ws) => reads.conversationsByIds(ws, ["cnv_a"]), nothing: new Map() },
  handoffFacts: {
    ask: (reads, ws) => reads.handoffFacts(ws, { from: 0, to: at(99).getTime() }, 10),
    nothing: { facts: [], next: null },
  },
  declinedCounts: { ask: (reads, ws) => reads.declinedCounts(ws, { from: 0, to: at(99).getTime() }), nothing: [] },
  // The position is the same for all: what is in it is not.
  news: {
    ask: async (reads, ws) => (await reads.news(ws, { after: 0, kinds: NEWS_KINDS, limit: 10 })).items,
    nothing: [],
  },
  connectionStates: { ask: (reads, ws) => reads.connectionStates(ws, "con_a", at(0)), nothing: [] },
  deliveryCounts: { ask: (reads, ws) => reads.deliveryCounts(ws), nothing: {} },
};

/** These take a whole row, whose own workspace it is, or the clockwork's claim, or no workspace at all. */
type UnscopedWrites =
  | "lock"
  | "createWorkspace"
  | "lockWorkspace"
  | "createBot"
  | "createMember"
  | "createConnection"
  | "createToken"
  | "createSignInLink"
  | "useSignInLink"
  | "touchSession"
  | "createConversation"
  | "createHandoff"
  | "createLead"
  | "addDeliveries"
  | "addAudit"
  | "saveErasure"
  | "claimLane"
  | "renewLane"
  | "saveProgress"
  | "finishDelivery"
  | "postponeDelivery"
  | "releaseHeld"
  | "recordWebhook"
  | "finishWebhook"
  | "postponeWebhook"
  | "storeAnswer"
  | "updateWorkspace"
  | "takeChore"
  | "leaveChore"
  | "pruneConversation"
  | "forgetAnswers"
  | "forgetDeliveries"
  | "forgetWebhooks"
  | "forgetExpired"
  | "forgetNews"
  | "forgetConnectionStates"
  | "forgetDeclined";

/** `hurryConnection` needs something that waits: it is tried among the lanes; `dropSignInLink` with the links it drops. */
type ScopedWrite = Exclude<
  keyof Tx,
  | keyof Reads
  | UnscopedWrites
  | "lockConversation"
  | "lockConversationByKey"
  | "knownExternalIds"
  | "hurryConnection"
  | "dropSignInLink"
>;

const ofA = { botId: "bot_a", key: "c-981", openHandoffId: "hnd_a" };
const destination = { id: "con_a", team: null, priority: null, labels: [] };

const scopedWrites: Record<ScopedWrite, (tx: Tx, workspaceId: string) => Promise<unknown>> = {
  updateBot: (tx, ws) => tx.updateBot(ws, "bot_a", { name: "changed" }),
  updateMember: (tx, ws) => tx.updateMember(ws, "mem_a", { role: "admin" }),
  updateConnection: (tx, ws) => tx.updateConnection(ws, "con_a", { sealedSecrets: null, installed: { inbox: "3" } }),
  deleteConnection: (tx, ws) => tx.deleteConnection(ws, "con_a"),
  revokeToken: (tx, ws) => tx.revokeToken(ws, "tok_a", at(1)),
  saveConversation: (tx, ws) => tx.saveConversation(conversation(ws, "cnv_a", { ...ofA, control: "human" })),
  addMessages: (tx, ws) => tx.addMessages(ws, [message("cnv_a", 3)]),
  addEvents: (tx, ws) => tx.addEvents(ws, [event("cnv_a", 2, { handoffId: "hnd_a" })]),
  saveHandoff: (tx, ws) =>
    tx.saveHandoff(handoff(ws, "cnv_a", "hnd_a", { ...ofA, destination, status: "cancelled" }), "pending"),
  scheduleLook: (tx, ws) => tx.scheduleLook(ws, "hnd_a", at(30)),
  addConsent: (tx, ws) => tx.addConsent(ws, "led_a", consent({ agreedAt: at(99) })),
  eraseLines: (tx, ws) => tx.eraseLines(ws, "cnv_a", 1),
  eraseLeads: (tx, ws) => tx.eraseLeads(ws, "cnv_a"),
  eraseHandoffs: (tx, ws) => tx.eraseHandoffs(ws, "cnv_a"),
  eraseDeliveries: (tx, ws) => tx.eraseDeliveries(ws, [1], at(9)),
  eraseConversation: (tx, ws) => tx.eraseConversation(ws, "cnv_a", at(9)),
  eraseWebhooks: (tx, ws) => tx.eraseWebhooks(ws, ["whk_a"]),
  eraseAnswers: (tx, ws) => tx.eraseAnswers(ws, [{ scope: "bot:ws_a:bot_a", key: "key-a" }]),
  setFollowUp: (tx, ws) => tx.setFollowUp(ws, "led_a", { state: "followed_up", at: at(9), by: null, note: null }),
  dropLane: (tx, ws) => tx.dropLane(ws, "con_a:cnv_a", "gone", at(1)),
  createSession: (tx, ws) => tx.createSession(session(ws, "mem_a", "ses_new")),
  endSession: (tx, ws) => tx.endSession(ws, "mem_a", "ses_a"),
  endSessions: (tx, ws) => tx.endSessions(ws, "mem_a"),
  dropOldSessions: (tx, ws) => tx.dropOldSessions(ws, "mem_a", { now: at(1), unusedSince: at(1) }),
  savePassword: (tx, ws) => tx.savePassword(password(ws, "mem_a", { setAt: at(9) })),
  rehashPassword: (tx, ws) => tx.rehashPassword(password(ws, "mem_a", { sealedHash: "anew" }), "sealed:hash"),
  saveSecondFactor: (tx, ws) => tx.saveSecondFactor(secondFactor(ws, "mem_a", { confirmedAt: at(9) })),
  useTotpStep: (tx, ws) => tx.useTotpStep(ws, "mem_a", 7),
  removeSecondFactor: (tx, ws) => tx.removeSecondFactor(ws, "mem_a"),
  saveRecoveryCodes: (tx, ws) => tx.saveRecoveryCodes(ws, "mem_a", ["one", "two"]),
  useRecoveryCode: (tx, ws) => tx.useRecoveryCode(ws, "mem_a", "a hash", at(1)),
  revokeTokensOf: (tx, ws) => tx.revokeTokensOf(ws, "bot_a", at(1)),
  deleteMember: (tx, ws) => tx.deleteMember(ws, "mem_a"),
  retryDelivery: (tx, ws) => tx.retryDelivery(ws, 3, at(1)),
  countDeclined: (tx, ws) => tx.countDeclined(ws, "bot_a", "disabled", at(0)),
  addNews: (tx, ws) => tx.addNews(ws, [newsItem("hnd_a")]),
  addConnectionState: (tx, ws) => tx.addConnectionState(connectionState(ws, "con_a", { at: at(3) })),
};

/** Everything that can be seen of workspace A. */
async function portrait({ read }: Store): Promise<unknown> {
  const seen: Record<string, unknown> = {
    toLook: await read.handoffsToLook(at(1_000), 10),
    dueLanes: await read.dueLanes(at(1_000), 10, []),
    revoked: await read.revokedTokenIds(at(0)),
  };
  for (const [name, { ask }] of Object.entries(scopedReads)) seen[name] = await ask(read, "ws_a");
  // Rows may be lazy about their parts; JSON is what both sides are compared by.
  return JSON.parse(JSON.stringify(seen));
}

const namesOf = <Table extends object>(table: Table) => Object.keys(table) as (keyof Table)[];

export function storeScoping(store: () => Store): void {
  const seenBy = (ws: string) =>
    store().write(async (tx) => [
      (await tx.lockConversation(ws, "cnv_a"))?.id,
      (await tx.lockConversationByKey(ws, "bot_a", "c-981"))?.id,
      [...(await tx.knownExternalIds(ws, "cnv_a", ["m1", "m9"]))],
    ]);

  describe("workspaces", () => {
    beforeEach(() => store().write((tx) => addShop(tx, "a")));

    test.each(namesOf(scopedReads))("%s answers the owner, and another workspace like an unknown one", async (name) => {
      await store().write((tx) => tx.createWorkspace({ id: "ws_empty", name: "Next door", createdAt: at(0) }));
      const { ask, nothing } = scopedReads[name];
      expect(await ask(store().read, "ws_a")).not.toEqual(nothing);
      expect(await ask(store().read, "ws_empty")).toEqual(nothing);
      expect(await ask(store().read, "ws_unknown")).toEqual(nothing);
    });

    test.each(namesOf(scopedReads))("%s answers the same inside a unit of work", async (name) => {
      const { ask, nothing } = scopedReads[name];
      const [own, foreign] = await store().write(async (tx) => [await ask(tx, "ws_a"), await ask(tx, "ws_b")]);
      expect(own).not.toEqual(nothing);
      expect(foreign).toEqual(nothing);
    });

    test.each(namesOf(scopedWrites))(
      "%s changes nothing for another workspace, and something for the owner",
      async (name) => {
        await store().write((tx) => addShop(tx, "b"));
        const before = await portrait(store());
        const refusal: unknown = await store()
          .write((tx) => scopedWrites[name](tx, "ws_b"))
          .then(
            () => null,
            (error: unknown) => (error as { code?: unknown }).code,
          );
        expect([null, "not_found"]).toContain(refusal);
        expect(await portrait(store())).toEqual(before);
        await store().write((tx) => scopedWrites[name](tx, "ws_a"));
        expect(await portrait(store())).not.toEqual(before);
      },
    );

    test("another workspace locks nothing and recognises no message", async () => {
      expect(await seenBy("ws_a")).toEqual(["cnv_a", "cnv_a", ["m1"]]);
      expect(await seenBy("ws_b")).toEqual([undefined, undefined, []]);
    });

    test("two workspaces with the same names and numbers stay apart", async () => {
      await store().write((tx) => addShop(tx, "b"));
      const { read } = store();
      expect((await read.conversationByKey("ws_b", "bot_b", "c-981"))?.id).toBe("cnv_b");
      expect((await read.handoffByRef("ws_b", "con_b", "77"))?.id).toBe("hnd_b");
      expect((await read.bots("ws_b")).map((one) => one.id)).toEqual(["bot_b"]);
      expect((await read.members("ws_b")).map((one) => one.id)).toEqual(["mem_b"]);
      expect((await read.connections("ws_b")).map((one) => one.id)).toEqual(["con_b"]);
      expect((await read.tokens("ws_b")).map((one) => one.id)).toEqual(["tok_b"]);
      expect((await read.handoffs("ws_b", { limit: 10 })).items.map((one) => one.id)).toEqual(["hnd_b"]);
      expect((await read.leads("ws_b", { limit: 10 })).items.map((one) => one.id)).toEqual(["led_b"]);
      expect((await read.deliveries("ws_b", { limit: 10 })).items.map((one) => one.n)).toEqual([6, 5, 4]);
      expect(await read.deliveryCounts("ws_b")).toEqual({ waiting: 2, held: 1 });
      expect(await read.onlineMembers("ws_b", at(0))).toBe(1);
      expect(await read.pendingCount("ws_b", "bot_b")).toBe(1);
    });
  });
}
