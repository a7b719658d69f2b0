import { beforeEach, describe, expect, test } from "vitest";
import type { LeadContact } from "../../src/domain/lead-form.ts";
import type { LeadFilter } from "../../src/ports-leads.ts";
import type { Store } from "../../src/ports-store.ts";
import { at, consent, lead } from "./store-samples.ts";

const NOBODY: LeadContact = { name: null, email: null, issue: null, phone: null };

const idsOf = async ({ read }: Store, filter: LeadFilter) =>
  (await read.leads("ws_a", { limit: 20, ...filter })).items.map((one) => one.id);

/** Leads as a team works through them: found, filtered, counted, followed up. */
export function storeLeads(current: () => Store): void {
  const add = (id: string, contact: Partial<LeadContact>, more: { seconds?: number; botId?: string } = {}) =>
    current().write(async (tx) => {
      const of = { conversationId: "cnv_1", handoffId: `hnd_${id}` };
      const { seconds = 0, botId = "bot_a" } = more;
      await tx.createLead(lead("ws_a", of, id, { contact: { ...NOBODY, ...contact }, createdAt: at(seconds), botId }));
    });

  describe("a lead is found by", () => {
    beforeEach(async () => {
      await add("led_1", { name: "Ștefan Ionescu", email: "Stefan@Example.com", phone: "+40722123456" });
      await add("led_2", {
        name: "ΑΛΈΞΑΝΔΡΟΣ Παπάς",
        email: "alex@shop.example",
        issue: "100% of the lamps\nare_broken",
      });
      await add("led_3", { name: "김민준", email: "kim@example.co.kr", issue: "마지막 주문" });
      await add("led_4", { name: "Ольга", email: null, issue: "Где мой заказ?", phone: "+4915112345678" });
      await add("led_5", { name: "आरती शर्मा", issue: "मेरा ऑर्डर नहीं आया" });
      await add("led_6", { name: "محمد", issue: "أين طلبي؟" });
    });

    test.each([
      ["its name without the accents", "stefan", ["led_1"]],
      ["its name with them", "ȘTEFAN", ["led_1"]],
      ["words in any order", "ionescu ștefan", ["led_1"]],
      ["part of its address, whatever the case", "STEFAN@exam", ["led_1"]],
      ["Greek small letters", "αλεξανδρος", ["led_2"]],
      ["Hangul", "민준", ["led_3"]],
      ["Cyrillic capitals", "ЗАКАЗ", ["led_4"]],
      ["Devanagari", "शर्मा", ["led_5"]],
      ["Arabic", "طلبي", ["led_6"]],
      ["full-width letters", "ａｌｅｘ＠shop", ["led_2"]],
      ["its phone number in another spelling", "0722-123 456", ["led_1"]],
      ["its phone number with the country", "+49 (151) 1234 5678", ["led_4"]],
      ["a per cent sign, which stands for itself", "100%", ["led_2"]],
      ["an underscore, which stands for itself", "are_broken", ["led_2"]],
      ["not by an underscore for any letter", "st_fan", []],
      ["not by a backslash", "\\", []],
      ["not across two fields", "ionescustefan", []],
      ["not by words of two leads", "stefan lamps", []],
      ["anything, when nothing is typed", "  ", ["led_6", "led_5", "led_4", "led_3", "led_2", "led_1"]],
    ])("%s", async (_what, search, expected) => {
      expect(await idsOf(current(), { search })).toEqual(expected);
    });
  });

  describe("leads", () => {
    beforeEach(async () => {
      await add("led_3", { name: "A" }, { seconds: 30 });
      await add("led_1", { name: "B" }, { seconds: 10 });
      await add("led_2", { name: "C" }, { seconds: 20, botId: "bot_b" });
      await add("led_4", { name: "D" }, { seconds: 20 });
    });
    const by = { id: "mem_1", name: "Ioana" };
    const follow = (id: string) =>
      current().write((tx) => tx.setFollowUp("ws_a", id, { state: "followed_up", at: at(99), by, note: "Called." }));

    test("come newest first, and page by page also where two came at once", async () => {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await current().read.leads("ws_a", { limit: 1, cursor });
        seen.push(...page.items.map((one) => one.id));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined && seen.length < 9);
      expect(seen).toEqual(["led_3", "led_4", "led_2", "led_1"]);
    });

    test.each([
      ["the bot", { botId: "bot_b" }, ["led_2"]],
      ["from an instant on", { from: at(20) }, ["led_3", "led_4", "led_2"]],
      ["before an instant", { to: at(20) }, ["led_1"]],
      ["whether it was followed up", { state: "followed_up" }, ["led_4"]],
      ["whether it is open still", { state: "open" }, ["led_3", "led_2", "led_1"]],
      ["all of it", { state: "open", from: at(15), to: at(25), search: "c" }, ["led_2"]],
    ] as const)("are filtered by %s", async (_what, filter, expected) => {
      await follow("led_4");
      expect(await idsOf(current(), filter)).toEqual(expected);
    });

    test("are counted by their state, under the same filters", async () => {
      await follow("led_4");
      const { read } = current();
      expect(await read.leadCounts("ws_a", {})).toEqual({ open: 3, followed_up: 1 });
      expect(await read.leadCounts("ws_a", { botId: "bot_b" })).toEqual({ open: 1, followed_up: 0 });
      expect(await read.leadCounts("ws_a", { search: "d", from: at(20) })).toEqual({ open: 0, followed_up: 1 });
    });

    test("know who followed them up, and may be opened again", async () => {
      expect((await current().read.lead("ws_a", "led_4"))?.followUp).toEqual({
        state: "open",
        at: null,
        by: null,
        note: null,
      });
      expect(await follow("led_4")).toBe(true);
      expect((await current().read.lead("ws_a", "led_4"))?.followUp).toEqual({
        state: "followed_up",
        at: at(99),
        by,
        note: "Called.",
      });
      expect(await follow("led_9")).toBe(false);
      await current().write((tx) => tx.setFollowUp("ws_a", "led_4", { state: "open", at: at(100), by, note: null }));
      expect((await current().read.lead("ws_a", "led_4"))?.followUp).toMatchObject({ state: "open", at: at(100) });
    });

    test("carry what was agreed to last, in lists as well", async () => {
      await current().write(async (tx) => {
        await tx.addConsent("ws_a", "led_3", consent({ agreedAt: at(9), version: "2" }));
        await tx.addConsent("ws_a", "led_3", consent({ agreedAt: at(5), version: "1" }));
      });
      const { items } = await current().read.leads("ws_a", { limit: 2 });
      expect(items.map((one) => one.consent?.version)).toEqual(["2", undefined]);
    });
  });
}
