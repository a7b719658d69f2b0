import { beforeEach, describe, expect, test } from "vitest";
import type { Stretch } from "../../src/ports-people.ts";
import type { Store } from "../../src/ports-store.ts";
import {
  addShop,
  at,
  conversation,
  delivery,
  erasure,
  event,
  message,
  NOTHING_ERASED,
  webhook,
} from "./store-samples.ts";

/** Everything of a walk, a row or two at a time. */
async function walk<Row>(ask: (after: string) => Promise<Stretch<Row>>, start = ""): Promise<Row[]> {
  const seen: Row[] = [];
  let after: string | null = start;
  for (let steps = 0; after !== null && steps < 99; steps += 1) {
    const stretch: Stretch<Row> = await ask(after);
    seen.push(...stretch.items);
    after = stretch.next;
  }
  return seen;
}

/** A person's data: where it stands, and that it goes. */
export function storePeople(current: () => Store): void {
  describe("people", () => {
    beforeEach(() =>
      current().write(async (tx) => {
        await addShop(tx, "a");
        await addShop(tx, "b");
      }),
    );

    test("are found by walking over conversations and leads, past those of others", async () => {
      await current().write((tx) => tx.createConversation(conversation("ws_a", "cnv_c", { botId: "bot_a" })));
      const { read } = current();
      const found = { botId: "bot_a", visitorId: "v-5", email: "ana@example.com", phone: null, createdAt: at(0) };
      expect(await walk((after) => read.contactsOfConversations("ws_a", after, 1))).toEqual([
        { ...found, conversationId: "cnv_a" },
        { ...found, conversationId: "cnv_c" },
      ]);
      expect(await walk((after) => read.contactsOfLeads("ws_a", after, 1))).toEqual([
        { ...found, visitorId: null, conversationId: "cnv_a" },
      ]);
    });

    test("have webhooks, answers and deliveries that are found in the same way", async () => {
      const { read } = current();
      expect((await walk((after) => read.keptWebhooks("ws_b", after, 1))).map(({ id }) => id)).toEqual(["whk_b"]);
      expect((await walk((after) => read.keptAnswers("ws_b", after, 1))).map(({ key }) => key)).toEqual(["key-b"]);
      const of = await walk((after) => read.deliveriesOfConversations("ws_b", ["cnv_a", "cnv_b"], after, 2), "0");
      expect(of.map(({ n }) => n)).toEqual([4, 5, 6]);
      expect(await read.deliveriesOfConversations("ws_b", [], "0", 100)).toEqual({ items: [], next: null });
    });
  });

  describe("erasing", () => {
    beforeEach(() => current().write((tx) => addShop(tx, "a")));

    test("takes lines and events a few at a time", async () => {
      await current().write(async (tx) => {
        await tx.addMessages(
          "ws_a",
          [3, 4, 5].map((seq) => message("cnv_a", seq)),
        );
        await tx.addEvents("ws_a", [event("cnv_a", 2)]);
      });
      const some = () => current().write((tx) => tx.eraseLines("ws_a", "cnv_a", 2));
      expect(await some()).toEqual({ messages: 2, events: 2, isMore: true });
      expect(await some()).toEqual({ messages: 2, events: 0, isMore: true });
      expect(await some()).toEqual({ messages: 1, events: 0, isMore: false });
      expect(await some()).toEqual({ messages: 0, events: 0, isMore: false });
      expect(await current().read.messages("ws_a", "cnv_a", { afterSeq: 0, limit: 9 })).toEqual([]);
    });

    test("takes leads with all that was agreed to", async () => {
      expect(await current().write((tx) => tx.eraseLeads("ws_a", "cnv_a"))).toEqual({ leads: 1, consents: 1 });
      expect(await current().read.lead("ws_a", "led_a")).toBeNull();
      expect(await current().read.consentsOfLead("ws_a", "led_a")).toEqual([]);
      expect(await current().write((tx) => tx.eraseLeads("ws_a", "cnv_a"))).toEqual({ leads: 0, consents: 0 });
    });

    test("leaves of a conversation that it was, of which bot and when; the bot's id of it is free", async () => {
      await current().write((tx) => tx.eraseConversation("ws_a", "cnv_a", at(50)));
      const { read } = current();
      expect(await read.conversation("ws_a", "cnv_a")).toMatchObject({
        id: "cnv_a",
        botId: "bot_a",
        key: "erased:cnv_a",
        visitor: { id: null, name: null, email: null, phone: null, attributes: {} },
        locale: null,
        channel: null,
        pageUrl: null,
        products: [],
        summary: null,
        callbackUrl: null,
        host: null,
        dialog: null,
        createdAt: at(0),
      });
      expect(await read.conversationByKey("ws_a", "bot_a", "c-981")).toBeNull();
      await current().write((tx) =>
        tx.createConversation(conversation("ws_a", "cnv_again", { botId: "bot_a", key: "c-981" })),
      );
    });

    test("leaves of a handoff what happened when, and nothing that leads to the person", async () => {
      expect(await current().write((tx) => tx.eraseHandoffs("ws_a", "cnv_a"))).toBe(1);
      expect(await current().read.handoff("ws_a", "hnd_a")).toMatchObject({
        reason: null,
        ref: null,
        status: "pending",
      });
      expect(await current().read.handoffByRef("ws_a", "con_a", "77")).toBeNull();
    });

    test("drops what is owed and empties what was sent; only the ending in a helpdesk goes out, by number alone", async () => {
      const place = { connectionId: "con_a", conversationId: "cnv_a", handoffId: "hnd_a" };
      const payload = { note: "Ended.", ref: null };
      const close = delivery("ws_a", "con_a:cnv_a", { ...place, kind: "helpdesk_close", payload });
      await current().write((tx) => tx.addDeliveries([close], at(1)));
      const claim = await current().write((tx) => tx.claimLane("con_a:cnv_a", at(2), 1_000));
      const gone = await current().write((tx) => tx.eraseDeliveries("ws_a", [1, 2, 3, 4], at(50)));
      expect([claim?.delivery.n, gone]).toEqual([1, 3]);
      const { read } = current();
      expect(await read.delivery("ws_a", 1)).toMatchObject({ state: "sending", payload: { text: "hello" } });
      for (const n of [2, 3])
        expect(await read.delivery("ws_a", n)).toMatchObject({ state: "dropped", payload: {}, doneAt: at(50) });
      expect(await read.delivery("ws_a", 4)).toMatchObject({
        state: "waiting",
        payload: { note: "Ended.", ref: { conversationId: "77", contactId: null, url: null, otherId: null } },
      });
    });

    test("takes webhooks' bodies and kept answers", async () => {
      await current().write(async (tx) => {
        await tx.recordWebhook(webhook("whk_waits", "dk2"));
        expect(await tx.eraseWebhooks("ws_a", ["whk_a", "whk_waits"])).toBe(2);
        expect(await tx.eraseAnswers("ws_a", [{ scope: "bot:ws_a:bot_a", key: "key-a" }])).toBe(1);
      });
      const { read } = current();
      expect(await read.waitingWebhooks(at(99), 9)).toEqual([]);
      expect(await read.keptWebhooks("ws_a", "", 9)).toEqual({ items: [], next: null });
      expect(await read.storedAnswer("bot:ws_a:bot_a", "key-a")).toBeNull();
      // The event is still known: coming again, it does nothing.
      const again = { id: "whk_2", workspaceId: "ws_a", connectionId: "con_a", body: "{}", receivedAt: at(9) };
      expect(await current().write((tx) => tx.recordWebhook({ ...again, attempts: 0, dedupeKey: "dk" }))).toBe(false);
    });

    test("is on record, and the record grows while it is under way", async () => {
      const finished = erasure("ws_a", "era_a", {
        finishedAt: at(60),
        counts: { ...NOTHING_ERASED, messages: 7 },
        copies: [{ connectionId: "con_a", conversationId: "77", url: null }],
        mails: [{ to: "team@shop.example", sentAt: at(3) }],
      });
      await current().write((tx) => tx.saveErasure(finished));
      await current().write((tx) => tx.saveErasure(erasure("ws_a", "era_2", { startedAt: at(70) })));
      const first = await current().read.erasures("ws_a", { limit: 1 });
      expect(first.items.map(({ id }) => id)).toEqual(["era_2"]);
      const second = await current().read.erasures("ws_a", { limit: 1, cursor: first.nextCursor ?? "" });
      expect(second).toEqual({ items: [finished], nextCursor: null });
    });

    test("is for the database to finish: what stays behind is told in words", async () => {
      const left = await current().scrub();
      expect(left.every((words) => words.length > 20)).toBe(true);
    });
  });
}
