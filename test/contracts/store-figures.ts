import { describe, expect, test } from "vitest";
import type { Store } from "../../src/ports-store.ts";
import { addShop, at, delivery, webhook } from "./store-samples.ts";

/** What operators watch: over all workspaces, and only what is not done. */
export function storeFigures(current: () => Store): void {
  describe("figures", () => {
    test("an empty store owes nothing", async () => {
      expect(await current().read.figures()).toEqual({ deliveries: [], oldestOwed: null, webhooksWaiting: 0 });
    });

    test("what is owed, over all workspaces, by kind and state, and since when", async () => {
      await current().write(async (tx) => {
        await addShop(tx, "a");
        await addShop(tx, "b");
        await tx.addDeliveries([delivery("ws_b", "callback:1", { kind: "callback", connectionId: null })], at(50));
        await tx.recordWebhook(webhook("whk_1", "one"));
        await tx.recordWebhook(webhook("whk_2", "two"));
        await tx.finishWebhook("whk_2", "done", null, at(1));
      });
      const lanes = ["con_a:cnv_a", "con_b:cnv_b"];
      for (const lane of lanes)
        for (let n = 0; n < 2; n += 1) {
          const claim = await current().write((tx) => tx.claimLane(lane, at(60), 1));
          const state = lane === "con_a:cnv_a" ? "done" : "dead";
          if (n === 0) await current().write((tx) => tx.finishDelivery(claim!, { state, error: null }, at(60), 60_000));
        }
      const { deliveries, oldestOwed, webhooksWaiting } = await current().read.figures();
      expect(deliveries.map(({ kind, state, count }) => `${kind} ${state} ${count}`).toSorted()).toEqual([
        "callback waiting 1",
        "helpdesk_message dead 1",
        "helpdesk_message held 2",
        "helpdesk_message sending 2",
      ]);
      expect(oldestOwed).toEqual(at(0));
      expect(webhooksWaiting).toBe(1);
    });

    test("the oldest one is the one that is still owed", async () => {
      await current().write(async (tx) => {
        await addShop(tx, "a");
        await tx.addDeliveries([delivery("ws_a", "later")], at(30));
        await tx.dropLane("ws_a", "con_a:cnv_a", "gone", at(40));
      });
      expect((await current().read.figures()).oldestOwed).toEqual(at(30));
    });
  });
}
