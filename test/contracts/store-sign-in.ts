import { beforeEach, describe, expect, test } from "vitest";
import type { SignInLink, Store } from "../../src/ports-store.ts";
import { at, member, workspace } from "./store-samples.ts";

/** One-time links: each is taken once, in time, and only while it is the member's latest. */

const MINUTE = 60;
const link = (hash: string, more: Partial<SignInLink> = {}): SignInLink => ({
  hash,
  workspaceId: "ws_a",
  memberId: "mem_1",
  createdAt: at(0),
  expiresAt: at(15 * MINUTE),
  ...more,
});

export function storeSignIn(current: () => Store): void {
  const create = (one: SignInLink) => current().write((tx) => tx.createSignInLink(one));
  const use = (hash: string, seconds: number) => current().write((tx) => tx.useSignInLink(hash, at(seconds)));
  const drop = (ws: string, memberId: string, seconds: number) =>
    current().write((tx) => tx.dropSignInLink(ws, memberId, at(seconds)));
  const taken = { outcome: "taken", workspaceId: "ws_a", memberId: "mem_1" };

  describe("sign-in links", () => {
    beforeEach(() =>
      current().write(async (tx) => {
        await tx.createWorkspace(workspace("ws_a"));
        await tx.createWorkspace(workspace("ws_b"));
        await tx.createMember(member("ws_a", "mem_1"));
        await tx.createMember(member("ws_a", "mem_2"));
      }),
    );

    test("one is taken once", async () => {
      await create(link("h1"));
      expect(await use("h1", 1)).toEqual(taken);
      expect(await use("h1", 2)).toEqual({ outcome: "used" });
    });

    test("of many at the same moment, one gets it", async () => {
      await create(link("h1"));
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => use("h1", 1)));
      expect(outcomes.filter(({ outcome }) => outcome === "taken")).toEqual([taken]);
      expect(outcomes.filter(({ outcome }) => outcome === "used")).toHaveLength(19);
    });

    test("a unit that fails gives it back", async () => {
      await create(link("h1"));
      const failing = current().write(async (tx) => {
        await tx.useSignInLink("h1", at(1));
        throw new Error("no token could be stored");
      });
      await expect(failing).rejects.toThrow("no token could be stored");
      expect(await use("h1", 2)).toEqual(taken);
    });

    test.each([
      ["a moment before its end", 15 * MINUTE - 1, "taken"],
      ["at its end", 15 * MINUTE, "expired"],
      ["later", 3_600, "expired"],
    ])("%s", async (_when, seconds, outcome) => {
      await create(link("h1"));
      expect((await use("h1", seconds)).outcome).toBe(outcome);
    });

    test("what nobody was given is unknown", async () => {
      await create(link("h1"));
      for (const guess of ["h2", "", "H1", "h%"]) expect(await use(guess, 1)).toEqual({ outcome: "unknown" });
      expect(await use("h1", 1)).toEqual(taken);
    });

    test("a new one takes the place of the member's one before, and of nobody else's", async () => {
      await create(link("h1"));
      await create(link("other", { memberId: "mem_2" }));
      await create(link("h2", { createdAt: at(5) }));
      expect(await use("h1", 6)).toEqual({ outcome: "unknown" });
      expect(await use("h2", 6)).toEqual(taken);
      expect(await use("other", 6)).toEqual({ outcome: "taken", workspaceId: "ws_a", memberId: "mem_2" });
      await create(link("h3"));
      expect(await use("h3", 7)).toEqual(taken);
    });

    test("one that was taken back is unknown; what is over cannot be taken back", async () => {
      await create(link("h1"));
      expect(await drop("ws_a", "mem_2", 1)).toBe(false);
      expect(await drop("ws_a", "mem_1", 1)).toBe(true);
      expect(await use("h1", 2)).toEqual({ outcome: "unknown" });
      await create(link("h2"));
      await use("h2", 3);
      expect(await drop("ws_a", "mem_1", 4)).toBe(false);
      expect(await use("h2", 5)).toEqual({ outcome: "used" });
    });

    test("another workspace neither makes one for the member nor takes one back", async () => {
      await create(link("h1"));
      await expect(create(link("h2", { workspaceId: "ws_b" }))).rejects.toMatchObject({ code: "not_found" });
      expect(await drop("ws_b", "mem_1", 1)).toBe(false);
      expect(await use("h1", 1)).toEqual(taken);
    });
  });
}
