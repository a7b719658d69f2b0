import { beforeEach, describe, expect, test } from "vitest";
import type { AuditFilter } from "../../src/ports-audit.ts";
import type { Store } from "../../src/ports-store.ts";
import { at, auditEntry } from "./store-samples.ts";

const idsOf = async ({ read }: Store, filter: Partial<AuditFilter>) =>
  (await read.audit("ws_a", { limit: 10, ...filter })).items.map((one) => one.id);

/** Who changed what when. */
export function storeAudit(current: () => Store): void {
  describe("the audit log", () => {
    const entries = [
      auditEntry("ws_a", "aud_1", { at: at(10), actor: { kind: "member", id: "mem_1", name: "Ioana" } }),
      auditEntry("ws_a", "aud_2", { at: at(20), action: "bot.created" }),
      auditEntry("ws_a", "aud_3", { at: at(20), object: { type: "token", id: "tok_1", name: null }, changes: [] }),
      auditEntry("ws_a", "aud_4", {
        at: at(15),
        changes: [{ path: "config.apiAccessToken", secret: true }],
        requestId: null,
      }),
      auditEntry("ws_b", "aud_5", { at: at(30) }),
    ];
    beforeEach(() =>
      current().write(async (tx) => {
        for (const one of entries) await tx.addAudit(one);
      }),
    );

    test("gives entries back as they were told, newest first", async () => {
      const { items } = await current().read.audit("ws_a", { limit: 10 });
      expect(items).toEqual([entries[2], entries[1], entries[3], entries[0]]);
    });

    test.each([
      ["the actor", { actorId: "mem_1" }, ["aud_1"]],
      ["the kind of object", { objectType: "token" }, ["aud_3"]],
      ["the object", { objectId: "bot_a" }, ["aud_2", "aud_4", "aud_1"]],
      ["the action", { action: "bot.created" }, ["aud_2"]],
      ["from an instant on", { from: at(15) }, ["aud_3", "aud_2", "aud_4"]],
      ["before an instant", { to: at(15) }, ["aud_1"]],
      ["all of these", { objectId: "bot_a", from: at(11), to: at(16) }, ["aud_4"]],
    ] as const)("is filtered by %s", async (_what, filter, expected) => {
      expect(await idsOf(current(), filter)).toEqual(expected);
    });

    test("is read page by page, also where times are the same", async () => {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await current().read.audit("ws_a", { limit: 1, cursor });
        seen.push(...page.items.map((one) => one.id));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined && seen.length < 9);
      expect(seen).toEqual(["aud_3", "aud_2", "aud_4", "aud_1"]);
    });

    test.each(["nonsense", "20", ".aud_2", "x.aud_2"])(
      "gives nothing for a cursor that is none: %s",
      async (cursor) => {
        expect(await idsOf(current(), { cursor })).toEqual([]);
      },
    );
  });
}
