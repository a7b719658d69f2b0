import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Handoff } from "../../src/domain/handoff.ts";
import type { Committed, Page, Store } from "../../src/ports-store.ts";
import { storeLanes } from "./store-lanes.ts";
import { storeFigures } from "./store-figures.ts";
import { storeRetention } from "./store-retention.ts";
import { storeSessions } from "./store-sessions.ts";
import { storeSignIn } from "./store-sign-in.ts";
import { storeAudit } from "./store-audit.ts";
import { storeHandoffList } from "./store-handoff-list.ts";
import { storeInsights } from "./store-insights.ts";
import { storeLeads } from "./store-leads.ts";
import { storeNews } from "./store-news.ts";
import { storePeople } from "./store-people.ts";
import { storeScoping } from "./store-scoping.ts";
import type { Opened } from "./store-samples.ts";
import {
  addShop,
  at,
  bot,
  connection,
  consent,
  conversation,
  delivery,
  event,
  handoff,
  lead,
  member,
  message,
  token,
  webhook,
  workspace,
} from "./store-samples.ts";

/** What every store must do, whatever it is made of. `open` gives an empty one. */
export function storeContract(name: string, open: () => Promise<Opened>): void {
  describe(`${name} as a store`, () => {
    let opened: Opened;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(() => opened.dispose());
    const current = () => store;

    tenants(current);
    conversations(current);
    handoffs(current);
    leads(current);
    pages(current);
    webhooksAndAnswers(current);
    units(current);
    storeScoping(current);
    storeAudit(current);
    storeLeads(current);
    storePeople(current);
    storeHandoffList(current);
    storeInsights(current);
    storeNews(current);
    storeSignIn(current);
    storeSessions(current);
    storeRetention(current);
    storeFigures(current);
    storeLanes(current);

    test("what was stored is there after closing and opening again", async () => {
      await store.write((tx) => addShop(tx, "a"));
      const claimed = await store.write((tx) => tx.claimLane("con_a:cnv_a", at(1), 30_000));
      store = await opened.reopen();
      expect((await store.read.bot("ws_a", "bot_a"))?.name).toBe("Lamp bot");
      expect((await store.read.messages("ws_a", "cnv_a", { afterSeq: 0, limit: 9 })).map((one) => one.text)).toEqual([
        "line 1",
        "line 2",
      ]);
      expect(await store.write((tx) => tx.claimLane("con_a:cnv_a", at(30), 30_000))).toBeNull();
      const heir = await store.write((tx) => tx.claimLane("con_a:cnv_a", at(31), 30_000));
      expect(heir?.delivery).toMatchObject({ n: 1, mayHaveHappened: true });
      expect(heir?.lease).toBeGreaterThan(claimed!.lease);
    });
  });
}

const idsOf = (rows: readonly { readonly id: string }[]) => rows.map((one) => one.id);

function tenants(current: () => Store): void {
  describe("workspaces, bots, members, connections, tokens", () => {
    beforeEach(() => current().write((tx) => tx.createWorkspace(workspace("ws_a"))));

    test("are given back as they were stored", async () => {
      const rows = {
        bot: bot("ws_a", "bot_1", { settings: { messages: { ro: { offline: "Revenim la {{opensAt}} – „mâine”" } } } }),
        member: member("ws_a", "mem_1", { onlineUntil: at(60), role: "admin" }),
        connection: connection("ws_a", "con_1", { problem: "The token is refused.", problemSince: at(4) }),
        token: token("ws_a", "tok_1"),
      };
      await current().write(async (tx) => {
        await tx.createBot(rows.bot);
        await tx.createMember(rows.member);
        await tx.createConnection(rows.connection);
        await tx.createToken(rows.token);
      });
      const { read } = current();
      expect(await read.workspace("ws_a")).toEqual(workspace("ws_a"));
      expect(await read.workspace("ws_x")).toBeNull();
      expect({ ...(await read.bot("ws_a", "bot_1")) }).toEqual(rows.bot);
      expect({ ...(await read.botById("bot_1")) }).toEqual(rows.bot);
      expect(await read.botById("bot_x")).toBeNull();
      expect(await read.member("ws_a", "mem_1")).toEqual(rows.member);
      expect(await read.connection("ws_a", "con_1")).toEqual(rows.connection);
      expect(await read.connectionById("con_1")).toEqual(rows.connection);
      expect(await read.connectionById("con_x")).toBeNull();
      expect(await read.token("ws_a", "tok_1")).toEqual(rows.token);
    });

    test("lists come in the order of the ids", async () => {
      await current().write(async (tx) => {
        await tx.createWorkspace(workspace("ws_0"));
        for (const id of ["2", "1", "3"]) {
          await tx.createBot(bot("ws_a", `bot_${id}`));
          await tx.createMember(member("ws_a", `mem_${id}`));
          await tx.createConnection(connection("ws_a", `con_${id}`));
          await tx.createToken(token("ws_a", `tok_${id}`));
        }
      });
      const { read } = current();
      expect(idsOf(await read.workspaces())).toEqual(["ws_0", "ws_a"]);
      expect(idsOf(await read.bots("ws_a"))).toEqual(["bot_1", "bot_2", "bot_3"]);
      expect(idsOf(await read.members("ws_a"))).toEqual(["mem_1", "mem_2", "mem_3"]);
      expect(idsOf(await read.connections("ws_a"))).toEqual(["con_1", "con_2", "con_3"]);
      expect(idsOf(await read.tokens("ws_a"))).toEqual(["tok_1", "tok_2", "tok_3"]);
    });

    test("a change touches what it names and nothing else", async () => {
      await current().write(async (tx) => {
        await tx.createBot(bot("ws_a", "bot_1"));
        await tx.createMember(member("ws_a", "mem_1", { onlineUntil: at(60) }));
        await tx.createConnection(connection("ws_a", "con_1"));
      });
      await current().write(async (tx) => {
        await tx.updateBot("ws_a", "bot_1", { callbackUrl: null, settings: {}, settingsVersion: 2 });
        await tx.updateMember("ws_a", "mem_1", { onlineUntil: null });
        await tx.updateConnection("ws_a", "con_1", { problem: "down", problemSince: at(9), sealedSecrets: null });
        await tx.updateBot("ws_a", "bot_1", {});
      });
      const { read } = current();
      const changedBot = bot("ws_a", "bot_1", { callbackUrl: null, settings: {}, settingsVersion: 2 });
      expect({ ...(await read.bot("ws_a", "bot_1")) }).toEqual(changedBot);
      expect(await read.member("ws_a", "mem_1")).toEqual(member("ws_a", "mem_1"));
      const changed = connection("ws_a", "con_1", { problem: "down", problemSince: at(9), sealedSecrets: null });
      expect(await read.connection("ws_a", "con_1")).toEqual(changed);
    });

    test("what an install made is kept with what it found out, and taken away again", async () => {
      const made = { inbox: "3", labels: "lead,baton" };
      const before = connection("ws_a", "con_1", { installed: {} });
      await current().write((tx) => tx.createConnection(before));
      const { read } = current();
      expect((await read.connection("ws_a", "con_1"))?.installed).toEqual({});
      const patch = { installed: made, config: { inboxId: 3 }, sealedSecrets: "sealed:more", version: 2 };
      await current().write((tx) => tx.updateConnection("ws_a", "con_1", patch));
      expect(await read.connection("ws_a", "con_1")).toEqual({ ...before, ...patch });
      await current().write((tx) => tx.updateConnection("ws_a", "con_1", { problem: "down" }));
      expect((await read.connections("ws_a"))[0]?.installed).toEqual(made);
      await current().write((tx) => tx.updateConnection("ws_a", "con_1", { installed: null }));
      expect((await read.connectionById("con_1"))?.installed).toBeNull();
    });

    test("the operator's tokens are listed by themselves", async () => {
      await current().write(async (tx) => {
        await tx.createToken(token("ws_a", "tok_1"));
        await tx.createToken(token(null, "tok_2", { scope: "operator" }));
      });
      expect(idsOf(await current().read.tokens(null))).toEqual(["tok_2"]);
      expect(idsOf(await current().read.tokens("ws_a"))).toEqual(["tok_1"]);
    });

    test("of two that lock the workspace, look for a connection and make it, one makes it", async () => {
      const ensure = (id: string) =>
        current().write(async (tx) => {
          expect((await tx.lockWorkspace("ws_a"))?.id).toBe("ws_a");
          if ((await tx.connections("ws_a")).length > 0) return;
          await new Promise((resolve) => setImmediate(resolve));
          await tx.createConnection(connection("ws_a", id));
        });
      await Promise.all([ensure("con_1"), ensure("con_2"), ensure("con_3")]);
      expect(await current().read.connections("ws_a")).toHaveLength(1);
      expect(await current().write((tx) => tx.lockWorkspace("ws_nobody"))).toBeNull();
    });

    test("a deleted connection is gone", async () => {
      await current().write((tx) => tx.createConnection(connection("ws_a", "con_1")));
      await current().write((tx) => tx.deleteConnection("ws_a", "con_1"));
      expect(await current().read.connectionById("con_1")).toBeNull();
    });

    test("a member is online until the instant, not at it", async () => {
      await current().write(async (tx) => {
        await tx.createMember(member("ws_a", "mem_1", { onlineUntil: at(60) }));
        await tx.createMember(member("ws_a", "mem_2", { onlineUntil: at(30) }));
        await tx.createMember(member("ws_a", "mem_3"));
      });
      const counts = [29, 30, 59, 60].map((seconds) => current().read.onlineMembers("ws_a", at(seconds)));
      expect(await Promise.all(counts)).toEqual([2, 1, 1, 0]);
    });

    test("a token is revoked once, and remembered until it would have expired", async () => {
      await current().write(async (tx) => {
        await tx.createToken(token("ws_a", "tok_1"));
        await tx.createToken(token("ws_a", "tok_2"));
        await tx.createToken(token(null, "tok_operator", { scope: "operator" }));
      });
      const revoke = (id: string) => current().write((tx) => tx.revokeToken("ws_a", id, at(5)));
      expect([await revoke("tok_1"), await revoke("tok_1"), await revoke("tok_x")]).toEqual([true, false, false]);
      const { read } = current();
      expect((await read.token("ws_a", "tok_1"))?.revokedAt).toEqual(at(5));
      expect(await read.revokedTokenIds(at(3_599))).toEqual(["tok_1"]);
      expect(await read.revokedTokenIds(at(3_600))).toEqual([]);
      expect((await read.token(null, "tok_operator"))?.scope).toBe("operator");
      expect(await read.token("ws_a", "tok_operator")).toBeNull();
      expect(await read.token(null, "tok_1")).toBeNull();
    });
  });
}

function conversations(current: () => Store): void {
  describe("conversations", () => {
    beforeEach(() => current().write((tx) => tx.createConversation(conversation("ws_a", "cnv_1", { key: "c-981" }))));

    test("are known by the bot's own id, one each, and given back as stored", async () => {
      const { read } = current();
      const stored = conversation("ws_a", "cnv_1", { key: "c-981" });
      expect(await read.conversationByKey("ws_a", "bot_a", "c-981")).toEqual(stored);
      expect(await read.conversation("ws_a", "cnv_1")).toEqual(stored);
      expect(await read.conversationByKey("ws_a", "bot_other", "c-981")).toBeNull();
      expect(await read.conversationByKey("ws_a", "bot_a", "C-981")).toBeNull();
      const again = current().write((tx) => tx.createConversation(conversation("ws_a", "cnv_2", { key: "c-981" })));
      await expect(again).rejects.toThrow(/unique/i);
      await current().write((tx) => tx.createConversation(conversation("ws_b", "cnv_3", { key: "c-981" })));
      expect((await read.conversationByKey("ws_b", "bot_a", "c-981"))?.id).toBe("cnv_3");
    });

    test("what a bot leaves out stays out", async () => {
      const bare = conversation("ws_a", "cnv_2", {
        locale: null,
        channel: null,
        pageUrl: null,
        visitor: { id: null, name: null, email: null, phone: null, attributes: {} },
        products: [],
        summary: null,
      });
      await current().write((tx) => tx.createConversation(bare));
      expect(await current().read.conversation("ws_a", "cnv_2")).toEqual(bare);
    });

    test("a locked one is saved as a whole", async () => {
      const changed = conversation("ws_a", "cnv_1", {
        key: "c-981",
        locale: "en",
        visitor: { id: null, name: "Ana M", email: null, phone: "+40712345678", attributes: {} },
        control: "human",
        epoch: 3,
        openHandoffId: "hnd_1",
        callbackUrl: "https://bot.example/other",
        lastEventSeq: 4,
        lastMessageSeq: 9,
        summary: null,
      });
      await current().write(async (tx) => {
        expect((await tx.lockConversation("ws_a", "cnv_1"))?.epoch).toBe(0);
        await tx.saveConversation(changed);
        expect((await tx.lockConversationByKey("ws_a", "bot_a", "c-981"))?.epoch).toBe(3);
      });
      expect(await current().read.conversation("ws_a", "cnv_1")).toEqual(changed);
    });

    test("messages keep every code point, their files and their author", async () => {
      const given = message("cnv_1", 1, {
        role: "agent",
        text: "Bună ziua 👩‍👧 \u202eok\n\t'; drop table messages; --",
        authorName: "Ioana",
        handoffId: "hnd_1",
        externalId: "con_a:77",
        attachments: [{ url: "https://desk.example/f.png", name: "f.png", contentType: "image/png", size: 12 }],
      });
      await current().write((tx) => tx.addMessages("ws_a", [given]));
      expect(await current().read.messages("ws_a", "cnv_1", { afterSeq: 0, limit: 1 })).toEqual([given]);
      expect(await current().read.messageByExternalId("ws_a", "cnv_1", "con_a:77")).toEqual(given);
      expect(await current().read.messageByExternalId("ws_a", "cnv_1", "con_b:77")).toBeNull();
    });

    test.each([
      ["from the start", { afterSeq: 0, limit: 3 }, [1, 2, 3]],
      ["after a number", { afterSeq: 3, limit: 10 }, [4, 5, 6]],
      ["up to and including a number", { afterSeq: 1, upToSeq: 4, limit: 10 }, [2, 3, 4]],
      ["up to a number, the limit first", { afterSeq: 1, upToSeq: 4, limit: 2 }, [2, 3]],
      ["after the end", { afterSeq: 6, limit: 10 }, []],
      ["up to before the start", { afterSeq: 4, upToSeq: 4, limit: 10 }, []],
    ])("messages %s", async (_what, range, seqs) => {
      await current().write(async (tx) => {
        await tx.addMessages(
          "ws_a",
          [4, 2, 6].map((seq) => message("cnv_1", seq)),
        );
        await tx.addMessages(
          "ws_a",
          [1, 3, 5].map((seq) => message("cnv_1", seq)),
        );
        await tx.createConversation(conversation("ws_a", "cnv_2"));
        await tx.addMessages("ws_a", [message("cnv_2", 1)]);
      });
      expect((await current().read.messages("ws_a", "cnv_1", range)).map((one) => one.seq)).toEqual(seqs);
    });

    test("a number or an external id of the conversation is given once", async () => {
      await current().write((tx) => tx.addMessages("ws_a", [message("cnv_1", 1, { externalId: "m1" })]));
      const refused = [message("cnv_1", 1, { id: "msg_x" }), message("cnv_1", 2, { externalId: "m1" })];
      for (const one of refused) {
        await expect(current().write((tx) => tx.addMessages("ws_a", [one]))).rejects.toThrow(/unique/i);
      }
      await current().write(async (tx) => {
        await tx.createConversation(conversation("ws_a", "cnv_2"));
        await tx.addMessages("ws_a", [message("cnv_2", 1, { externalId: "m1" })]);
        await tx.addMessages("ws_a", [message("cnv_1", 2), message("cnv_1", 3)]);
      });
      expect(await current().read.messages("ws_a", "cnv_1", { afterSeq: 0, limit: 9 })).toHaveLength(3);
    });

    test("known external ids are found among thousands", async () => {
      const many = Array.from({ length: 2_500 }, (_, index) => `m${index}`);
      await current().write((tx) =>
        tx.addMessages(
          "ws_a",
          [0, 999, 1_000, 2_499].map((n) => message("cnv_1", n + 1, { externalId: `m${n}` })),
        ),
      );
      const known = await current().write((tx) => tx.knownExternalIds("ws_a", "cnv_1", many));
      expect([...known].toSorted()).toEqual(["m0", "m1000", "m2499", "m999"]);
      expect(await current().write((tx) => tx.knownExternalIds("ws_a", "cnv_1", []))).toEqual(new Set());
    });

    test("events are read after a number, and by handoff", async () => {
      await current().write((tx) =>
        tx.addEvents("ws_a", [
          event("cnv_1", 1, {
            type: "handoff.requested",
            handoffId: "hnd_1",
            actor: { kind: "bot", id: null, name: null },
          }),
          event("cnv_1", 2),
          event("cnv_1", 3, {
            type: "handoff.resolved",
            handoffId: "hnd_1",
            data: { because: "done", deep: { a: [1] } },
          }),
        ]),
      );
      await current().write((tx) => tx.createHandoff(handoff("ws_a", "cnv_1", "hnd_1")));
      const { read } = current();
      const seqs = async (range: { afterSeq: number; limit: number }) =>
        (await read.events("ws_a", "cnv_1", range)).map((one) => one.seq);
      expect(await seqs({ afterSeq: 0, limit: 2 })).toEqual([1, 2]);
      expect(await seqs({ afterSeq: 2, limit: 2 })).toEqual([3]);
      expect(await seqs({ afterSeq: 3, limit: 2 })).toEqual([]);
      expect(await read.handoffEvents("ws_a", "hnd_1")).toEqual([
        event("cnv_1", 1, {
          type: "handoff.requested",
          handoffId: "hnd_1",
          actor: { kind: "bot", id: null, name: null },
        }),
        event("cnv_1", 3, {
          type: "handoff.resolved",
          handoffId: "hnd_1",
          data: { because: "done", deep: { a: [1] } },
        }),
      ]);
      await expect(current().write((tx) => tx.addEvents("ws_a", [event("cnv_1", 3)]))).rejects.toThrow(/unique/i);
    });
  });
}

function handoffs(current: () => Store): void {
  const add = (conversationId: string, id: string, more: Partial<Handoff> = {}) =>
    current().write(async (tx) => {
      if ((await tx.conversation("ws_a", conversationId)) === null)
        await tx.createConversation(conversation("ws_a", conversationId));
      await tx.createHandoff(handoff("ws_a", conversationId, id, more));
    });

  const unopened = async (connectionId: string) => idsOf(await current().read.unopenedHandoffs("ws_a", connectionId));
  const overdue = async (seconds: number, limit = 10) =>
    idsOf(await current().read.overdueHandoffs(at(seconds), limit)).toSorted();
  const look = (id: string, when: Date | null) => current().write((tx) => tx.scheduleLook("ws_a", id, when));
  const toLook = async (seconds: number, limit = 10) => idsOf(await current().read.handoffsToLook(at(seconds), limit));

  describe("handoffs", () => {
    test("are given back as they were stored", async () => {
      const full: Partial<Handoff> = {
        status: "acknowledged",
        opened: true,
        ref: { conversationId: "77", contactId: "5", url: "https://desk.example/app/77" },
        cursor: "1203",
        agent: { id: "9", name: "Ioana" },
        assigneeId: "9",
        transcriptSeq: 12,
        acceptBy: at(300),
        openBy: at(30),
        idleAt: at(900),
        acceptedAt: at(20),
        endedAt: at(1_000),
      };
      const bare: Partial<Handoff> = { reason: null, priority: null, chain: [], destination: null };
      await add("cnv_1", "hnd_1", full);
      await add("cnv_2", "hnd_2", bare);
      expect(await current().read.handoff("ws_a", "hnd_1")).toEqual(handoff("ws_a", "cnv_1", "hnd_1", full));
      expect(await current().read.handoff("ws_a", "hnd_2")).toEqual(handoff("ws_a", "cnv_2", "hnd_2", bare));
    });

    test.each([
      ["pending", "pending", false],
      ["pending", "acknowledged", false],
      ["acknowledged", "pending", false],
      ["resolved", "pending", true],
      ["cancelled", "pending", true],
      ["pending", "resolved", true],
    ] as const)("beside a %s one, a %s one in the same conversation: %s", async (first, second, fits) => {
      await add("cnv_1", "hnd_1", { status: first });
      const [added] = await Promise.allSettled([add("cnv_1", "hnd_2", { status: second })]);
      expect(added.status).toBe(fits ? "fulfilled" : "rejected");
      expect((await current().read.handoff("ws_a", "hnd_2")) !== null).toBe(fits);
      await add("cnv_2", "hnd_3");
    });

    test("move only from the state that the decision saw", async () => {
      await add("cnv_1", "hnd_1");
      const taken = handoff("ws_a", "cnv_1", "hnd_1", { status: "acknowledged", agent: { id: "9", name: "Ioana" } });
      const save = (to: Handoff, from: Handoff["status"]) => current().write((tx) => tx.saveHandoff(to, from));
      expect(await save(taken, "acknowledged")).toBe(false);
      expect((await current().read.handoff("ws_a", "hnd_1"))?.agent).toBeNull();
      expect(await save(taken, "pending")).toBe(true);
      expect(await save({ ...taken, agent: { id: "10", name: "Late" } }, "pending")).toBe(false);
      expect(await current().read.handoff("ws_a", "hnd_1")).toEqual(taken);
    });

    test("the last of a conversation, and the last of a helpdesk's conversation", async () => {
      const ref = { conversationId: "77", contactId: null, url: null };
      await add("cnv_1", "hnd_1", { status: "resolved", ref });
      await add("cnv_1", "hnd_2", { status: "cancelled" });
      await add("cnv_2", "hnd_3", { ref, destination: { id: "con_b", team: null, priority: null, labels: [] } });
      const { read } = current();
      expect((await read.lastHandoff("ws_a", "cnv_1"))?.id).toBe("hnd_2");
      expect((await read.handoffByRef("ws_a", "con_a", "77"))?.id).toBe("hnd_1");
      await add("cnv_1", "hnd_4", { ref });
      expect((await read.handoffByRef("ws_a", "con_a", "77"))?.id).toBe("hnd_4");
      expect((await read.handoffByRef("ws_a", "con_b", "77"))?.id).toBe("hnd_3");
      expect(await read.handoffByRef("ws_a", "con_a", "78")).toBeNull();
    });

    test("waiting for an agent: pending and live, of that bot", async () => {
      await add("cnv_1", "hnd_1");
      await add("cnv_2", "hnd_2", { mode: "lead" });
      await add("cnv_3", "hnd_3", { status: "acknowledged" });
      await add("cnv_4", "hnd_4", { botId: "bot_b" });
      await add("cnv_5", "hnd_5");
      expect(await current().read.pendingCount("ws_a", "bot_a")).toBe(2);
      expect(await current().read.pendingCount("ws_a", "bot_c")).toBe(0);
    });

    test("not opened yet at a connection, oldest first", async () => {
      await add("cnv_2", "hnd_2");
      await add("cnv_1", "hnd_1");
      await add("cnv_3", "hnd_3", { opened: true });
      await add("cnv_4", "hnd_4", { mode: "lead" });
      await add("cnv_5", "hnd_5", { status: "cancelled" });
      await add("cnv_6", "hnd_6", { destination: { id: "con_b", team: null, priority: null, labels: [] } });
      expect(await unopened("con_a")).toEqual(["hnd_1", "hnd_2"]);
      expect(await unopened("con_b")).toEqual(["hnd_6"]);
    });

    test("open at a connection: live ones and leads, opened or not, in pages", async () => {
      await add("cnv_2", "hnd_2", { mode: "lead" });
      await add("cnv_1", "hnd_1");
      await add("cnv_3", "hnd_3", { status: "acknowledged", opened: true });
      await add("cnv_4", "hnd_4", { status: "resolved" });
      await add("cnv_5", "hnd_5", { status: "cancelled" });
      await add("cnv_6", "hnd_6", { destination: { id: "con_b", team: null, priority: null, labels: [] } });
      await add("cnv_7", "hnd_7", { destination: { id: "inbox", team: null, priority: null, labels: [] } });
      await add("cnv_8", "hnd_8", { destination: null });
      const page = async (connectionId: string, limit: number, cursor?: string) => {
        const { items, nextCursor } = await current().read.openHandoffsAt("ws_a", connectionId, { limit, cursor });
        return [...items.map((one) => one.id), nextCursor];
      };
      expect(await page("con_a", 3)).toEqual(["hnd_1", "hnd_2", "hnd_3", null]);
      expect(await page("con_a", 2)).toEqual(["hnd_1", "hnd_2", "hnd_2"]);
      expect(await page("con_a", 2, "hnd_2")).toEqual(["hnd_3", null]);
      expect(await page("con_b", 10)).toEqual(["hnd_6", null]);
      expect(await page("inbox", 10)).toEqual([null]);
      await current().write(async (tx) => {
        const ended = { status: "resolved" as const, endedAt: at(9) };
        await tx.saveHandoff(handoff("ws_a", "cnv_1", "hnd_1", ended), "pending");
        expect((await tx.openHandoffsAt("ws_a", "con_a", { limit: 1 })).items.map((one) => one.id)).toEqual(["hnd_2"]);
      });
    });

    test("overdue: open, live, and past the limit to accept, to open or to be silent", async () => {
      await add("cnv_1", "hnd_accept", { acceptBy: at(10) });
      await add("cnv_2", "hnd_open", { openBy: at(20) });
      await add("cnv_3", "hnd_idle", { status: "acknowledged", idleAt: at(30) });
      await add("cnv_4", "hnd_two", { acceptBy: at(10), openBy: at(10) });
      await add("cnv_5", "hnd_none");
      await add("cnv_6", "hnd_ended", { status: "resolved", acceptBy: at(10) });
      await add("cnv_7", "hnd_lead", { mode: "lead", acceptBy: at(10) });
      expect(await overdue(9)).toEqual([]);
      expect(await overdue(10)).toEqual(["hnd_accept", "hnd_two"]);
      expect(await overdue(20)).toEqual(["hnd_accept", "hnd_open", "hnd_two"]);
      expect(await overdue(30)).toEqual(["hnd_accept", "hnd_idle", "hnd_open", "hnd_two"]);
      expect(await overdue(30, 1)).toHaveLength(1);
    });

    test("due for a look: earliest first, until no look is wanted", async () => {
      for (const n of [1, 2, 3]) await add(`cnv_${n}`, `hnd_${n}`);
      expect(await toLook(10_000)).toEqual([]);
      await look("hnd_1", at(20));
      await look("hnd_2", at(10));
      expect([await toLook(9), await toLook(10), await toLook(20), await toLook(20, 1)]).toEqual([
        [],
        ["hnd_2"],
        ["hnd_2", "hnd_1"],
        ["hnd_2"],
      ]);
      await current().write((tx) =>
        tx.saveHandoff(handoff("ws_a", "cnv_1", "hnd_1", { status: "acknowledged" }), "pending"),
      );
      await look("hnd_2", null);
      expect(await toLook(20)).toEqual(["hnd_1"]);
    });

    describe("listed", () => {
      beforeEach(async () => {
        const people = [
          ["hnd_1", { name: "Ștefan Țuțea", email: "stefan@example.com", phone: "+40712345678" }],
          ["hnd_2", { name: "Ana", email: null, phone: null }],
          ["hnd_3", { name: null, email: null, phone: null }],
        ] as const;
        for (const [id, person] of people) {
          const visitor = { id: null, attributes: { secret: "zzz" }, ...person };
          const own = conversation("ws_a", `cnv_${id}`, { visitor, key: `100%_${id}` });
          await current().write((tx) => tx.createConversation(own));
        }
        await add("cnv_hnd_1", "hnd_1", { reason: "Wants a REFUND" });
        await add("cnv_hnd_2", "hnd_2", { status: "resolved", mode: "lead", reason: null });
        await add("cnv_hnd_3", "hnd_3", { botId: "bot_b", status: "acknowledged", reason: null });
      });

      test.each([
        ["all, newest first", {}, ["hnd_3", "hnd_2", "hnd_1"]],
        ["by status", { status: "resolved" }, ["hnd_2"]],
        ["by mode", { mode: "live" }, ["hnd_3", "hnd_1"]],
        ["by bot", { botId: "bot_a" }, ["hnd_2", "hnd_1"]],
        ["by several", { botId: "bot_a", mode: "live", status: "pending" }, ["hnd_1"]],
        ["by the visitor's name, whatever the case and the script", { text: "ȘTEFAN ț" }, ["hnd_1"]],
        ["by email", { text: "Stefan@EXAMPLE" }, ["hnd_1"]],
        ["by phone", { text: "0712345" }, ["hnd_1"]],
        ["by the bot's own id", { text: "_HND_3" }, ["hnd_3"]],
        ["by the reason", { text: "refund" }, ["hnd_1"]],
        ["by a percent sign that is one", { text: "0%_h" }, ["hnd_3", "hnd_2", "hnd_1"]],
        ["a wildcard is not one", { text: "h%1" }, []],
        ["names of fields are not text", { text: "email" }, []],
        ["nor is what is not there", { text: "null" }, []],
        ["nor are attributes", { text: "zzz" }, []],
        ["a quote", { text: `"` }, []],
      ] as const)("%s", async (_what, filter, ids) => {
        const { items } = await current().read.handoffs("ws_a", { ...filter, limit: 10 });
        expect(items.map((one) => one.id)).toEqual(ids);
      });
    });
  });
}

function leads(current: () => Store): void {
  const of = { conversationId: "cnv_1", handoffId: "hnd_1" };
  describe("leads", () => {
    test("hold the contact, and the consent that was given last", async () => {
      const { read } = current();
      await current().write((tx) => tx.createLead(lead("ws_a", of, "led_1")));
      expect(await read.lead("ws_a", "led_1")).toMatchObject(lead("ws_a", of, "led_1"));
      await current().write((tx) => tx.addConsent("ws_a", "led_1", consent({ agreedAt: at(5), version: "1" })));
      await current().write((tx) => tx.addConsent("ws_a", "led_1", consent({ agreedAt: at(9), version: "2" })));
      const shown = lead("ws_a", of, "led_1", { consent: consent({ agreedAt: at(9), version: "2" }) });
      expect(await read.lead("ws_a", "led_1")).toMatchObject(shown);
      expect(await read.leadOfHandoff("ws_a", "hnd_1")).toEqual(shown);
      expect((await read.leads("ws_a", { limit: 5 })).items).toMatchObject([shown]);
    });

    test("one per handoff", async () => {
      await current().write((tx) => tx.createLead(lead("ws_a", of, "led_1")));
      await expect(current().write((tx) => tx.createLead(lead("ws_a", of, "led_2")))).rejects.toThrow(/unique/i);
      expect(await current().read.leadOfHandoff("ws_a", "hnd_2")).toBeNull();
    });
  });
}

/** Reads to the end, and adds a row of its own after the first page: news must not move what follows. */
async function readAll<Row>(
  page: (cursor: string | undefined) => Promise<Page<Row>>,
  addOne: () => Promise<void>,
): Promise<Row[][]> {
  const all: Row[][] = [];
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await page(cursor);
    all.push([...items]);
    if (all.length === 1) await addOne();
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined && all.length < 20);
  return all;
}

const twoDigits = (n: number) => String(n).padStart(2, "0");

function pages(current: () => Store): void {
  const addHandoff = (n: number) =>
    current().write((tx) => tx.createHandoff(handoff("ws_a", `cnv_${n}`, `hnd_${twoDigits(n)}`)));
  const addLead = (n: number) =>
    current().write((tx) =>
      tx.createLead(lead("ws_a", { conversationId: "cnv_1", handoffId: `hnd_${n}` }, `led_${twoDigits(n)}`)),
    );
  const addDelivery = () => current().write((tx) => tx.addDeliveries([delivery("ws_a", "lane")], at(0)));

  describe("pages: no row twice, none skipped, also while rows are added", () => {
    const lists = {
      handoffs: {
        add: addHandoff,
        page: async (limit: number, cursor?: string) => {
          const { items, nextCursor } = await current().read.handoffs("ws_a", { limit, cursor });
          return { items: items.map((one) => Number(one.id.slice(4))), nextCursor };
        },
      },
      leads: {
        add: addLead,
        page: async (limit: number, cursor?: string) => {
          const { items, nextCursor } = await current().read.leads("ws_a", { limit, cursor, botId: "bot_a" });
          return { items: items.map((one) => Number(one.id.slice(4))), nextCursor };
        },
      },
      deliveries: {
        add: addDelivery,
        page: async (limit: number, cursor?: string) => {
          const { items, nextCursor } = await current().read.deliveries("ws_a", { limit, cursor });
          return { items: items.map((one) => one.n), nextCursor };
        },
      },
    };
    const cases = (["handoffs", "leads", "deliveries"] as const).flatMap((list) => [
      { list, limit: 3, expected: [[7, 6, 5], [4, 3, 2], [1]] },
      { list, limit: 7, expected: [[7, 6, 5, 4, 3, 2, 1]] },
      { list, limit: 1, expected: [[7], [6], [5], [4], [3], [2], [1]] },
    ]);
    test.each(cases)("$list by $limit", async ({ list, limit, expected }) => {
      const { add, page } = lists[list];
      for (let n = 1; n <= 7; n += 1) await add(n);
      expect(
        await readAll(
          (cursor) => page(limit, cursor),
          () => add(8),
        ),
      ).toEqual(expected);
    });

    test("deliveries by state, connection and handoff", async () => {
      await current().write(async (tx) => {
        await tx.addDeliveries([delivery("ws_a", "l1", { handoffId: "hnd_1" }), delivery("ws_a", "l2")], at(0));
        await tx.addDeliveries([delivery("ws_a", "l3", { connectionId: "con_b", state: "held" })], at(0));
      });
      const ns = async (filter: object) =>
        (await current().read.deliveries("ws_a", { limit: 9, ...filter })).items.map((one) => one.n);
      expect(await ns({ state: "held" })).toEqual([3]);
      expect(await ns({ state: "waiting" })).toEqual([2, 1]);
      expect(await ns({ connectionId: "con_b" })).toEqual([3]);
      expect(await ns({ handoffId: "hnd_1" })).toEqual([1]);
      expect(await current().read.deliveryCounts("ws_a")).toEqual({ waiting: 2, held: 1 });
    });

    test("the delivery that is owed longest, and none that nobody waits for", async () => {
      const oldest = async () => (await current().read.oldestOwed("ws_a"))?.n ?? null;
      expect(await oldest()).toBeNull();
      await current().write(async (tx) => {
        await tx.addDeliveries([delivery("ws_a", "l0", { state: "held" }), delivery("ws_a", "l1")], at(0));
        await tx.addDeliveries([delivery("ws_a", "l2")], at(0));
      });
      expect(await oldest()).toBe(2);
      const claim = await current().write((tx) => tx.claimLane("l1", at(1), 1_000));
      expect(await oldest()).toBe(2);
      const end = { state: "dead", error: "refused" } as const;
      await current().write(async (tx) => claim && (await tx.finishDelivery(claim, end, at(2), 1_000)));
      expect(await oldest()).toBe(3);
    });
  });
}

function webhooksAndAnswers(current: () => Store): void {
  const record = (row: ReturnType<typeof webhook>) => current().write((tx) => tx.recordWebhook(row));
  const waiting = async (seconds: number, limit = 10) =>
    (await current().read.waitingWebhooks(at(seconds), limit)).map((one) => one.id);

  describe("webhooks", () => {
    test("are recorded once per connection and key, in parallel too", async () => {
      const answers = await Promise.all([1, 2, 3, 4].map((n) => record(webhook(`whk_${n}`, "event-9"))));
      expect(answers.filter((isNew) => isNew)).toEqual([true]);
      expect(await record(webhook("whk_5", "event-9", { connectionId: "con_b" }))).toBe(true);
      const first = `whk_${answers.indexOf(true) + 1}`;
      expect(await waiting(0)).toEqual([first, "whk_5"]);
      expect(await current().read.waitingWebhooks(at(0), 1)).toEqual([
        {
          id: first,
          workspaceId: "ws_a",
          connectionId: "con_a",
          body: '{"event":"message_created"}',
          receivedAt: at(0),
          attempts: 0,
          requestId: null,
        },
      ]);
    });

    test("wait until they are worked on, and are known for ever", async () => {
      await record(webhook("whk_1", "a"));
      await record(webhook("whk_2", "b", { receivedAt: at(5) }));
      expect([await waiting(4), await waiting(5), await waiting(5, 1)]).toEqual([
        ["whk_1"],
        ["whk_1", "whk_2"],
        ["whk_1"],
      ]);
      await current().write((tx) => tx.finishWebhook("whk_1", "done", null, at(6)));
      await current().write((tx) => tx.finishWebhook("whk_2", "failed", "cannot be read", at(6)));
      expect(await waiting(10_000)).toEqual([]);
      expect(await record(webhook("whk_3", "a"))).toBe(false);
      expect(await record(webhook("whk_4", "b"))).toBe(false);
    });

    test("postponed, they come again at their time, counted", async () => {
      await record(webhook("whk_1", "a"));
      await current().write((tx) => tx.postponeWebhook("whk_1", at(60), "helpdesk down"));
      await current().write((tx) => tx.postponeWebhook("whk_1", at(90), "helpdesk down"));
      expect([await waiting(89), await waiting(90)]).toEqual([[], ["whk_1"]]);
      expect((await current().read.waitingWebhooks(at(90), 1))[0]?.attempts).toBe(2);
    });
  });

  describe("answers for repeated requests", () => {
    const answer = { requestHash: "abc", status: 201, body: '{"id":"hnd_1"}' };
    test("are kept by scope and key, and never replaced", async () => {
      const keep = (scope: string, key: string, given = answer) =>
        current().write((tx) => tx.storeAnswer(scope, key, given, at(0)));
      await keep("bot_a", "k1");
      const { read } = current();
      expect(await read.storedAnswer("bot_a", "k1")).toEqual(answer);
      expect(await read.storedAnswer("bot_b", "k1")).toBeNull();
      expect(await read.storedAnswer("bot_a", "k2")).toBeNull();
      await expect(keep("bot_a", "k1", { ...answer, status: 200 })).rejects.toThrow(/unique/i);
      expect((await read.storedAnswer("bot_a", "k1"))?.status).toBe(201);
    });

    test("are kept together with their effect, or not at all", async () => {
      const effect = current().write(async (tx) => {
        await tx.createWorkspace(workspace("ws_a"));
        await tx.storeAnswer("s", "k", answer, at(0));
        throw new Error("after all");
      });
      await expect(effect).rejects.toThrow("after all");
      expect(await current().read.storedAnswer("s", "k")).toBeNull();
      expect(await current().read.workspace("ws_a")).toBeNull();
    });
  });
}

function units(current: () => Store): void {
  const make = (id: string) => current().write((tx) => tx.createWorkspace(workspace(id)));

  describe("units of work", () => {
    test("give back what the work gives", async () => {
      expect(await current().write(async () => ({ any: ["thing"] }))).toEqual({ any: ["thing"] });
    });

    test("one that throws leaves nothing behind, and takes none of its neighbours with it", async () => {
      const fails = (id: string) =>
        current().write(async (tx) => {
          await tx.createWorkspace(workspace(id));
          await tx.addDeliveries([delivery("ws_a", "lane")], at(0));
          throw new RangeError(`not ${id}`);
        });
      const results = await Promise.allSettled([
        make("ws_1"),
        fails("ws_2"),
        make("ws_3"),
        fails("ws_4"),
        make("ws_5"),
      ]);
      expect(results.map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"]);
      expect(results.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []))).toEqual([
        "RangeError: not ws_2",
        "RangeError: not ws_4",
      ]);
      expect((await current().read.workspaces()).map((one) => one.id)).toEqual(["ws_1", "ws_3", "ws_5"]);
      expect(await current().read.dueLanes(at(10), 10, [])).toEqual([]);
    });

    test("one whose statement is refused is undone as a whole, also what came before the refusal", async () => {
      await make("ws_1");
      const refused = current().write(async (tx) => {
        await tx.createWorkspace(workspace("ws_2"));
        await tx.createWorkspace(workspace("ws_1"));
      });
      await expect(refused).rejects.toThrow(/unique/i);
      expect((await current().read.workspaces()).map((one) => one.id)).toEqual(["ws_1"]);
    });

    test("a read sees only what is committed, the unit itself sees what it wrote", async () => {
      await current().write(async (tx) => {
        await tx.createWorkspace(workspace("ws_1"));
        expect((await tx.workspace("ws_1"))?.id).toBe("ws_1");
        expect(await current().read.workspace("ws_1")).toBeNull();
      });
      expect((await current().read.workspace("ws_1"))?.id).toBe("ws_1");
    });

    test("a unit sees what the one before it wrote", async () => {
      await make("ws_1");
      expect((await current().write((tx) => tx.workspace("ws_1")))?.id).toBe("ws_1");
    });

    test("of those that lock one name, each begins when the one before it is stored", async () => {
      const takeLastPlace = (n: number) =>
        current().write(async (tx) => {
          await tx.lock("places of the shop");
          const taken = (await tx.workspaces()).length;
          await new Promise((resolve) => setImmediate(resolve));
          if (taken < 3) await tx.createWorkspace(workspace(`ws_${n}`));
        });
      await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(takeLastPlace));
      expect(await current().read.workspaces()).toHaveLength(3);
    });

    test("two that read, wait and write do not overwrite each other", async () => {
      await current().write((tx) => tx.createConversation(conversation("ws_a", "cnv_1")));
      const count = () =>
        current().write(async (tx) => {
          const one = await tx.lockConversation("ws_a", "cnv_1");
          await new Promise((resolve) => setImmediate(resolve));
          await tx.saveConversation({ ...one!, lastMessageSeq: one!.lastMessageSeq + 1 });
        });
      await Promise.all(Array.from({ length: 20 }, count));
      expect((await current().read.conversation("ws_a", "cnv_1"))?.lastMessageSeq).toBe(20);
    });

    test("each commit tells which lanes and conversations have news, to those who still listen", async () => {
      const heard: Committed[] = [];
      const stop = current().onCommitted((what) => heard.push(what));
      await current().write(async (tx) => {
        await tx.createConversation(conversation("ws_a", "cnv_1"));
        await tx.createConversation(conversation("ws_a", "cnv_2"));
      });
      heard.length = 0;
      await current().write(async (tx) => {
        await tx.addEvents("ws_a", [event("cnv_1", 1), event("cnv_1", 2), event("cnv_2", 1)]);
        await tx.addDeliveries([delivery("ws_a", "one"), delivery("ws_a", "one"), delivery("ws_a", "two")], at(0));
        await tx.addDeliveries([delivery("ws_a", "mail", { state: "held" })], at(0));
      });
      expect(heard).toEqual([{ lanes: ["one", "two"], conversations: ["cnv_1", "cnv_2"], news: [] }]);
      await current().write((tx) => tx.releaseHeld(at(1)));
      expect(heard[1]).toEqual({ lanes: ["mail"], conversations: [], news: [] });
      stop();
      await current().write((tx) => tx.addDeliveries([delivery("ws_a", "three")], at(0)));
      expect(heard).toHaveLength(2);
    });

    test("news is on disk when it is told", async () => {
      const found: Promise<unknown>[] = [];
      const stop = current().onCommitted(({ lanes }) => {
        if (lanes.length > 0) found.push(current().read.dueLanes(at(1), 10, []));
      });
      await current().write((tx) => tx.addDeliveries([delivery("ws_a", "one")], at(0)));
      expect(await Promise.all(found)).toEqual([[{ lane: "one", connectionId: "con_a" }]]);
      stop();
    });

    test("a listener that throws keeps nobody from an answer, nor the other listeners from the news", async () => {
      const heard: Committed[] = [];
      const failing = current().onCommitted(() => {
        throw new Error("listener");
      });
      const stop = current().onCommitted((what) => heard.push(what));
      await make("ws_1");
      await make("ws_2");
      expect(heard).toHaveLength(2);
      failing();
      stop();
    });
  });
}
