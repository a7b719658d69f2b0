import { beforeEach, describe, expect, test } from "vitest";
import type { FactFilter, HandoffFact } from "../../src/ports-insights.ts";
import type { Store } from "../../src/ports-store.ts";
import { at, conversation, handoff, lead, workspace } from "./store-samples.ts";

const ms = (seconds: number): number => at(seconds).getTime();

/** All facts, page by page. */
async function factsOf({ read }: Store, filter: Partial<FactFilter> = {}, about = 2): Promise<HandoffFact[]> {
  const facts: HandoffFact[] = [];
  let from: number | null = filter.from ?? 0;
  while (from !== null) {
    const page = await read.handoffFacts("ws_a", { to: ms(1_000), ...filter, from }, about);
    facts.push(...page.facts);
    from = page.next;
  }
  return facts.toSorted((one, other) => one.at - other.at);
}

/** What is counted of handoffs. */
export function storeInsights(current: () => Store): void {
  describe("facts of handoffs", () => {
    beforeEach(() =>
      current().write(async (tx) => {
        await tx.createWorkspace(workspace("ws_a"));
        for (let n = 0; n < 6; n += 1) await tx.createConversation(conversation("ws_a", `cnv_${n}`));
        const inbox = { id: "inbox", team: null, priority: null, labels: [] };
        await tx.createHandoff(
          handoff("ws_a", "cnv_0", "hnd_0", {
            createdAt: at(0),
            status: "resolved",
            acceptedAt: at(5),
            endedAt: at(9),
            agent: { id: "mem_1", name: "Ioana" },
          }),
        );
        // Asked for at one instant, more of them than a page is about.
        for (const n of [1, 2, 3]) {
          const more = { createdAt: at(20), destination: inbox, because: "outside_schedule", mode: "lead" } as const;
          await tx.createHandoff(handoff("ws_a", `cnv_${n}`, `hnd_${n}`, more));
        }
        const other = { createdAt: at(30), botId: "bot_b", destination: null, status: "cancelled" } as const;
        await tx.createHandoff(handoff("ws_a", "cnv_4", "hnd_4", other));
        await tx.createLead(lead("ws_a", { conversationId: "cnv_2", handoffId: "hnd_2" }, "led_2"));
        // Somebody who is being helped has left details beforehand: nobody asked for them because nobody was there.
        await tx.createLead(lead("ws_a", { conversationId: "cnv_0", handoffId: "hnd_0" }, "led_0"));
      }),
    );

    test("are what became of each handoff", async () => {
      const facts = await factsOf(current());
      expect(facts).toHaveLength(5);
      expect(facts[0]).toEqual({
        at: ms(0),
        botId: "bot_a",
        destinationId: "con_a",
        mode: "live",
        status: "resolved",
        because: "open",
        acceptedAt: ms(5),
        endedAt: ms(9),
        agentId: "mem_1",
        agentName: "Ioana",
        hasLeft: false,
      });
      expect(facts[4]).toMatchObject({ botId: "bot_b", destinationId: null, acceptedAt: null, agentId: null });
      expect(facts.slice(1, 4).filter(({ hasLeft }) => hasLeft)).toHaveLength(1);
    });

    test.each([
      ["the period, its beginning included and its end not", { from: ms(0), to: ms(20) }, 1],
      ["from an instant on", { from: ms(20) }, 4],
      ["the bot", { botId: "bot_b" }, 1],
      ["the destination", { destination: "inbox" }, 3],
    ])("are filtered by %s", async (_what, filter, count) => {
      expect(await factsOf(current(), filter)).toHaveLength(count);
      expect(await factsOf(current(), filter, 1_000)).toHaveLength(count);
    });

    test("a page is about as long as was asked for, and none is for ever", async () => {
      const { read } = current();
      const first = await read.handoffFacts("ws_a", { from: 0, to: ms(1_000) }, 1);
      expect([first.facts.length, first.next]).toEqual([1, ms(20)]);
      const second = await read.handoffFacts("ws_a", { from: ms(20), to: ms(1_000) }, 1);
      expect([second.facts.length, second.next]).toEqual([3, ms(20) + 1]);
      const third = await read.handoffFacts("ws_a", { from: ms(20) + 1, to: ms(1_000) }, 1);
      expect([third.facts.length, third.next]).toEqual([1, null]);
    });

    test("requests that were declined are counted by the quarter of an hour", async () => {
      await current().write(async (tx) => {
        await tx.countDeclined("ws_a", "bot_a", "disabled", at(0));
        await tx.countDeclined("ws_a", "bot_a", "disabled", at(899));
        await tx.countDeclined("ws_a", "bot_a", "trigger_off", at(899));
        await tx.countDeclined("ws_a", "bot_b", "disabled", at(900));
      });
      const all = { from: ms(0), to: ms(2_000) };
      const counts = await current().read.declinedCounts("ws_a", all);
      expect(counts.map((one) => [one.at, one.botId, one.because, one.count].join(" ")).toSorted()).toEqual(
        [
          [ms(0), "bot_a", "disabled", 2].join(" "),
          [ms(0), "bot_a", "trigger_off", 1].join(" "),
          [ms(900), "bot_b", "disabled", 1].join(" "),
        ].toSorted(),
      );
      expect(await current().read.declinedCounts("ws_a", { ...all, botId: "bot_b" })).toHaveLength(1);
      expect(await current().read.declinedCounts("ws_a", { ...all, to: ms(900) })).toHaveLength(2);
      expect(await current().write((tx) => tx.forgetDeclined(at(900), 10))).toBe(true);
      expect(await current().read.declinedCounts("ws_a", all)).toHaveLength(1);
    });

    test("declined at once, none is lost", async () => {
      const units = Array.from({ length: 8 }, () =>
        current().write((tx) => tx.countDeclined("ws_a", "bot_a", "disabled", at(0))),
      );
      await Promise.all(units);
      const [one] = await current().read.declinedCounts("ws_a", { from: ms(0), to: ms(1) });
      expect(one?.count).toBe(8);
    });
  });
}
