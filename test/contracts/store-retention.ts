import { beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/ports-store.ts";
import { addShop, at, conversation, delivery, event, handoff, message, webhook, workspace } from "./store-samples.ts";

/** What is not kept for ever: which words go, which rows stay, and what is never touched. */

const DAY = 86_400;
const LATER = 100 * DAY;

/** Walks to the end, a few rows at a time. */
async function walk(step: (after: string) => Promise<string | null>): Promise<void> {
  for (let after: string | null = ""; after !== null;) after = await step(after);
}

export function storeRetention(current: () => Store): void {
  const prune = (id = "cnv_old", more: { since?: number; most?: number; workspaceId?: string } = {}) =>
    current().write((tx) =>
      tx.pruneConversation(more.workspaceId ?? "ws_a", id, {
        untouchedSince: at(more.since ?? 50 * DAY),
        now: at(LATER),
        most: more.most ?? 100,
      }),
    );
  const texts = async (id = "cnv_old") =>
    (await current().read.messages("ws_a", id, { afterSeq: 0, limit: 100 })).map((one) => one.text);
  const owe = (handoffId: string, state: "waiting" | "held" = "waiting", lane = `lane of ${handoffId}`) =>
    current().write((tx) =>
      tx.addDeliveries([delivery("ws_a", lane, { handoffId, conversationId: "cnv_old", state })], at(1)),
    );

  const take = (seconds: number, until: number) =>
    current().write((tx) => tx.takeChore("sweep", at(seconds), at(until)));
  const isThere = async (scope: string, key: string) => (await current().read.storedAnswer(scope, key)) !== null;
  const record = (id: string, seconds: number) =>
    current().write((tx) => tx.recordWebhook(webhook(id, `event of ${id}`, { receivedAt: at(seconds) })));
  const endWebhook = (id: string, state: "done" | "failed") =>
    current().write((tx) => tx.finishWebhook(id, state, null, at(1)));
  const forget = (rows: number, bodies: ReadonlyMap<string, Date>) =>
    walk((after) => current().write((tx) => tx.forgetWebhooks(after, 2, { rows: at(rows), bodies })));
  const repeat = async (id: string) =>
    !(await current().write((tx) => tx.recordWebhook({ ...webhook(`${id} again`, `event of ${id}`) })));
  const storeAnswer = (scope: string, key: string, day: number) =>
    current().write((tx) => tx.storeAnswer(scope, key, { requestHash: "h", status: 200, body: "{}" }, at(day * DAY)));
  const done = async (lane: string, seconds: number, more = {}) => {
    await current().write((tx) => tx.addDeliveries([delivery("ws_a", lane, more)], at(seconds)));
    const claim = await current().write((tx) => tx.claimLane(lane, at(seconds), 1));
    await current().write((tx) => tx.finishDelivery(claim!, { state: "done", error: null }, at(seconds), 1));
  };

  describe("a workspace's retention", () => {
    const ended = { status: "resolved", endedAt: at(9), reason: "my order has not come", ref: null } as const;

    /** An ended conversation with a lead, three lines and two events. */
    beforeEach(() =>
      current().write(async (tx) => {
        await addShop(tx, "a");
        const seqs = { lastMessageSeq: 3, lastEventSeq: 2 };
        await tx.createConversation(conversation("ws_a", "cnv_old", seqs));
        await tx.addMessages("ws_a", [
          message("cnv_old", 1, { externalId: "bot:m1", authorName: "Ana" }),
          message("cnv_old", 2, {
            role: "agent",
            attachments: [{ url: "https://files.example/1", name: "passport.png", contentType: null, size: 5 }],
          }),
          message("cnv_old", 3),
        ]);
        await tx.addEvents("ws_a", [
          event("cnv_old", 1, { handoffId: "hnd_old", data: { control: "human", epoch: 2, messageSeq: 1 } }),
          event("cnv_old", 2, {
            handoffId: "hnd_old",
            type: "handoff.resolved",
            actor: { kind: "agent", id: "7", name: "Alex" },
            data: { because: "resolved", reply: [{ text: "Goodbye, Ana" }], agent: "Alex", epoch: 3 },
          }),
        ]);
        await tx.createHandoff(handoff("ws_a", "cnv_old", "hnd_old", ended));
      }),
    );

    test("is kept with the workspace, and taken back", async () => {
      const change = (retentionDays: number | null) =>
        current().write((tx) => tx.updateWorkspace("ws_a", { retentionDays }));
      expect((await current().read.workspace("ws_a"))?.retentionDays).toBeUndefined();
      expect(await change(30)).toBe(true);
      expect(await current().read.workspace("ws_a")).toMatchObject({ name: "Shop ws_a", retentionDays: 30 });
      expect((await current().read.workspaces()).map((one) => one.retentionDays)).toEqual([30]);
      expect(await change(null)).toBe(true);
      expect((await current().read.workspace("ws_a"))?.retentionDays).toBeUndefined();
      expect(await current().write((tx) => tx.updateWorkspace("ws_none", { retentionDays: 3 }))).toBe(false);
      expect(await current().write((tx) => tx.updateWorkspace("ws_a", { name: "Lamps" }))).toBe(true);
      expect((await current().read.workspace("ws_a"))?.name).toBe("Lamps");
    });

    test("takes the words and the person out, and leaves the rows", async () => {
      expect(await prune()).toBe("pruned");
      const lines = await current().read.messages("ws_a", "cnv_old", { afterSeq: 0, limit: 100 });
      expect(
        lines.map(({ seq, role, text, authorName, attachments, externalId, pruned }) => [
          seq,
          role,
          text,
          authorName,
          attachments,
          externalId,
          pruned,
        ]),
      ).toEqual([
        [1, "visitor", "", null, [], "bot:m1", true],
        [2, "agent", "", null, [], null, true],
        [3, "visitor", "", null, [], null, true],
      ]);
      expect(await current().read.conversation("ws_a", "cnv_old")).toMatchObject({
        key: "key-of-cnv_old",
        locale: "ro",
        channel: { type: "widget", id: null },
        visitor: { id: null, name: null, email: null, phone: null, attributes: {} },
        products: [],
        pageUrl: null,
        summary: null,
        prunedAt: at(LATER),
      });
      const events = await current().read.events("ws_a", "cnv_old", { afterSeq: 0, limit: 10 });
      expect(events.map(({ type, actor, data }) => [type, actor, data])).toEqual([
        [
          "message.created",
          { kind: "visitor", id: null, name: null },
          { control: "human", epoch: 2, messageSeq: 1, pruned: true },
        ],
        ["handoff.resolved", { kind: "agent", id: "7", name: null }, { because: "resolved", epoch: 3, pruned: true }],
      ]);
      expect(await current().read.handoff("ws_a", "hnd_old")).toMatchObject({
        status: "resolved",
        reason: null,
        endedAt: at(9),
      });
    });

    test("never touches what is open, nor leads and consents", async () => {
      expect(await prune("cnv_a")).toBe("kept");
      expect(await texts("cnv_a")).toEqual(["line 1", "line 2"]);
      await current().write(async (tx) => {
        const open = (await tx.handoff("ws_a", "hnd_a"))!;
        await tx.saveHandoff({ ...open, status: "resolved", endedAt: at(9) }, "pending");
        await tx.saveConversation({ ...(await tx.lockConversation("ws_a", "cnv_a"))!, openHandoffId: null });
        for (let claim = await tx.claimLane("con_a:cnv_a", at(10), 1); claim;)
          claim = (await tx.finishDelivery(claim, { state: "done", error: null }, at(10), 1)) ?? null;
      });
      const before = await current().read.lead("ws_a", "led_a");
      expect(await prune("cnv_a")).toBe("pruned");
      expect(await texts("cnv_a")).toEqual(["", ""]);
      expect(await current().read.lead("ws_a", "led_a")).toEqual(before);
      expect(before?.consent).not.toBeNull();
    });

    test("waits until nobody has touched it for long enough", async () => {
      expect(await prune("cnv_old", { since: -1 })).toBe("kept");
      await current().write(async (tx) => {
        await tx.saveConversation((await tx.lockConversation("ws_a", "cnv_old"))!, at(60 * DAY));
      });
      expect(await prune("cnv_old", { since: 60 * DAY - 1 })).toBe("kept");
      expect(await texts()).toEqual(["line 1", "line 2", "line 3"]);
      expect(await prune("cnv_old", { since: 60 * DAY })).toBe("pruned");
    });

    test("keeps what is still owed to the outside, by the handoff or by the conversation", async () => {
      await owe("hnd_old");
      expect(await prune()).toBe("kept");
      const claim = await current().write((tx) => tx.claimLane("lane of hnd_old", at(2), 1));
      expect(await prune()).toBe("kept");
      await current().write((tx) => tx.finishDelivery(claim!, { state: "done", error: null }, at(3), 1));
      await current().write((tx) =>
        tx.addDeliveries([delivery("ws_a", "callback:cnv_old", { kind: "callback", connectionId: null })], at(4)),
      );
      expect(await prune()).toBe("kept");
      expect(await texts()).toEqual(["line 1", "line 2", "line 3"]);
    });

    test("what was handed on is emptied, and what was given up cannot be sent empty", async () => {
      await owe("hnd_old");
      const claim = await current().write((tx) => tx.claimLane("lane of hnd_old", at(2), 1));
      await current().write((tx) => tx.saveProgress(claim!, { contactId: "5" }));
      await current().write((tx) => tx.finishDelivery(claim!, { state: "dead", error: "no" }, at(3), 1));
      await owe("hnd_old", "held", "email:1");
      await owe("hnd_old", "waiting", "another");
      const other = await current().write((tx) => tx.claimLane("another", at(4), 1));
      await current().write((tx) => tx.finishDelivery(other!, { state: "done", error: null }, at(5), 1));
      expect(await prune()).toBe("pruned");
      const { items } = await current().read.deliveries("ws_a", { handoffId: "hnd_old", limit: 9 });
      expect(items.map(({ state, payload, progress }) => [state, payload, progress])).toEqual([
        ["done", {}, {}],
        ["dropped", {}, {}],
        ["dropped", {}, {}],
      ]);
      expect(await current().write((tx) => tx.retryDelivery("ws_a", items[2]!.n, at(LATER)))).toBe(false);
    });

    test("goes a few lines at a time, and what comes after it is kept until it is old", async () => {
      expect(await prune("cnv_old", { most: 2 })).toBe("more");
      expect(await texts()).toEqual(["", "", "line 3"]);
      expect((await current().read.conversation("ws_a", "cnv_old"))?.prunedAt).toBeUndefined();
      expect(await prune("cnv_old", { most: 2 })).toBe("pruned");
      expect(await texts()).toEqual(["", "", ""]);
      await current().write(async (tx) => {
        const one = (await tx.lockConversation("ws_a", "cnv_old"))!;
        await tx.saveConversation({ ...one, lastMessageSeq: 4, summary: "They are back." }, at(LATER + 5));
        await tx.addMessages("ws_a", [message("cnv_old", 4)]);
      });
      expect(await prune("cnv_old", { since: LATER })).toBe("kept");
      expect(await texts()).toEqual(["", "", "", "line 4"]);
      expect((await current().read.conversation("ws_a", "cnv_old"))?.summary).toBe("They are back.");
      expect(await prune("cnv_old", { since: LATER + 5 })).toBe("pruned");
      expect(await texts()).toEqual(["", "", "", ""]);
    });

    test("a line that never had words or files is not said to have lost them", async () => {
      await current().write((tx) => tx.addMessages("ws_a", [message("cnv_a", 3, { text: "" })]));
      const [, , last] = await current().read.messages("ws_a", "cnv_a", { afterSeq: 0, limit: 9 });
      expect(last?.pruned).toBeUndefined();
    });

    test("another workspace takes nothing out", async () => {
      await current().write((tx) => tx.createWorkspace(workspace("ws_b")));
      expect(await prune("cnv_old", { workspaceId: "ws_b" })).toBe("kept");
      expect(await texts()).toEqual(["line 1", "line 2", "line 3"]);
    });

    test("the clockwork sees ages in the order of the ids, a page at a time", async () => {
      const first = await current().read.conversationAges("", 1);
      expect(first).toEqual([
        { id: "cnv_a", workspaceId: "ws_a", createdAt: at(0), touchedAt: at(0), isOpen: true, prunedAt: null },
      ]);
      await prune();
      expect(await current().read.conversationAges("cnv_a", 9)).toEqual([
        { id: "cnv_old", workspaceId: "ws_a", createdAt: at(0), touchedAt: at(0), isOpen: false, prunedAt: at(LATER) },
      ]);
    });
  });

  describe("chores", () => {
    test("one is taken by one process at a time, and gone on with where it was left", async () => {
      const taken = await Promise.all(Array.from({ length: 8 }, () => take(0, 60)));
      expect(taken.filter((state) => state !== null)).toEqual([""]);
      await current().write((tx) => tx.leaveChore("sweep", at(30), "half"));
      expect(await take(29, 90)).toBeNull();
      expect(await take(30, 90)).toBe("half");
    });

    test("one whose process died is taken by another", async () => {
      await take(0, 60);
      expect(await take(59, 120)).toBeNull();
      expect(await take(60, 120)).toBe("");
    });
  });

  describe("what has served its purpose", () => {
    test("answers, and for longer the ids of bots' webhooks", async () => {
      for (const key of ["a", "b", "c"]) await storeAnswer("bot:ws_a:bot_a", key, 1);
      await storeAnswer("bot:ws_a:bot_a", "young", 95);
      await storeAnswer("admin:ws_a:ws_a", "a", 1);
      await storeAnswer("webhook:bot_a", "weeks old", 70);
      await storeAnswer("webhook:bot_a", "months old", 1);
      const before = { answers: at(92 * DAY), webhooks: at(40 * DAY) };
      await walk((after) => current().write((tx) => tx.forgetAnswers(after, 2, before)));
      const bot = "bot:ws_a:bot_a";
      expect(await Promise.all(["a", "b", "c", "young"].map((key) => isThere(bot, key)))).toEqual([
        false,
        false,
        false,
        true,
      ]);
      expect(await isThere("admin:ws_a:ws_a", "a")).toBe(false);
      expect(await isThere("webhook:bot_a", "weeks old")).toBe(true);
      expect(await isThere("webhook:bot_a", "months old")).toBe(false);
    });

    test("deliveries that are over, but none of an open handoff, and none that is owed or given up", async () => {
      await current().write((tx) => addShop(tx, "a"));
      await done("old 1", 1);
      await done("old 2", 1);
      await done("of an open one", 1, { handoffId: "hnd_a" });
      await done("young", 60 * DAY);
      await walk((after) => current().write((tx) => tx.forgetDeliveries(after, 2, at(50 * DAY))));
      const { items } = await current().read.deliveries("ws_a", { limit: 50 });
      expect(items.map(({ lane, state }) => [lane, state])).toEqual([
        ["young", "done"],
        ["of an open one", "done"],
        ["mail:a", "held"],
        ["con_a:cnv_a", "waiting"],
        ["con_a:cnv_a", "waiting"],
      ]);
    });

    test("webhooks: the body of a failed one, later the row, and only then one that comes again is new", async () => {
      for (const id of ["whk_1", "whk_2", "whk_3"]) await record(id, 1);
      await record("whk_4", 60 * DAY);
      await endWebhook("whk_1", "done");
      await endWebhook("whk_2", "failed");
      await endWebhook("whk_4", "failed");
      await forget(0, new Map([["ws_a", at(50 * DAY)]]));
      expect([await repeat("whk_1"), await repeat("whk_2"), await repeat("whk_3"), await repeat("whk_4")]).toEqual([
        true,
        true,
        true,
        true,
      ]);
      await forget(50 * DAY, new Map());
      // Still waiting, however old; and the young one.
      expect([await repeat("whk_3"), await repeat("whk_4")]).toEqual([true, true]);
      expect([await repeat("whk_1"), await repeat("whk_2")]).toEqual([false, false]);
    });

    test("tokens and links that have expired", async () => {
      await current().write((tx) => addShop(tx, "a"));
      await current().write((tx) => tx.forgetExpired(at(0), 10));
      expect(await current().read.token("ws_a", "tok_a")).not.toBeNull();
      await current().write((tx) => tx.forgetExpired(at(1_000 * 365 * DAY), 10));
      expect(await current().read.token("ws_a", "tok_a")).toBeNull();
    });
  });
}
