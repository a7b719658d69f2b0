import { beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/ports-store.ts";
import { addShop, at, handoff, member, password, secondFactor, session, token, workspace } from "./store-samples.ts";

/** Sessions, passwords and second factors: each is taken once, ends when it is ended, and belongs to one member of one workspace. */

const of = (id: string, more = {}) => token("ws_a", id, { scope: "agent", subject: "mem_1", ...more });

const openOf = async ({ read }: Store, ws: string, limit = 9) =>
  (await read.openHandoffsOf(ws, "mem_1", limit)).map(({ id }) => id);

export function storeSessions(current: () => Store): void {
  const write: Store["write"] = (work) => current().write(work);
  const found = (id: string) => current().read.sessionByHash(`hash of ${id}`);

  describe("members who sign in", () => {
    beforeEach(() =>
      write(async (tx) => {
        await tx.createWorkspace(workspace("ws_a"));
        await tx.createWorkspace(workspace("ws_b"));
        await tx.createMember(member("ws_a", "mem_1", { email: "Ana@Example.com", role: "owner" }));
        await tx.createMember(member("ws_a", "mem_2", { email: "bo@example.com" }));
        await tx.createMember(member("ws_b", "mem_3", { email: "ana@example.COM", role: "admin" }));
      }),
    );

    test("a session is found by its hash alone, with its member's role of this moment", async () => {
      const one = session("ws_a", "mem_1", "ses_1");
      await write((tx) => tx.createSession(one));
      expect(await found("ses_1")).toEqual({ ...one, role: "owner" });
      for (const guess of ["ses_1", "", "HASH OF SES_1", "hash of ses_%"])
        expect(await current().read.sessionByHash(guess)).toBeNull();
      await write((tx) => tx.updateMember("ws_a", "mem_1", { role: "agent" }));
      expect((await found("ses_1"))?.role).toBe("agent");
      expect(await current().read.sessionRoles(["ses_1", "ses_0"])).toEqual(new Map([["ses_1", "agent"]]));
      expect(await current().read.sessionRoles([])).toEqual(new Map());
    });

    test("nobody is signed in who is no member there", async () => {
      for (const one of [session("ws_b", "mem_1", "ses_1"), session("ws_a", "mem_9", "ses_1")])
        await expect(write((tx) => tx.createSession(one))).rejects.toMatchObject({ code: "not_found" });
      expect(await found("ses_1")).toBeNull();
    });

    test("its use is noted at most so often, and never after its end", async () => {
      await write((tx) => tx.createSession(session("ws_a", "mem_1", "ses_1")));
      await write((tx) => tx.touchSession("hash of ses_1", at(30), at(-30)));
      expect((await found("ses_1"))?.lastUsedAt).toEqual(at(0));
      await write((tx) => tx.touchSession("hash of ses_1", at(60), at(0)));
      expect((await found("ses_1"))?.lastUsedAt).toEqual(at(60));
      await write((tx) => tx.endSession("ws_a", "mem_1", "ses_1"));
      await write((tx) => tx.touchSession("hash of ses_1", at(200), at(140)));
      expect(await found("ses_1")).toBeNull();
    });

    test("one is ended, or all of a member's, and nobody else's", async () => {
      await write(async (tx) => {
        for (const id of ["ses_1", "ses_2", "ses_3"]) await tx.createSession(session("ws_a", "mem_1", id));
        await tx.createSession(session("ws_a", "mem_2", "ses_4"));
      });
      const end = (ws: string, memberId: string, id: string) => write((tx) => tx.endSession(ws, memberId, id));
      expect(await end("ws_b", "mem_1", "ses_1")).toBe(false);
      expect(await end("ws_a", "mem_2", "ses_1")).toBe(false);
      expect(await end("ws_a", "mem_1", "ses_1")).toBe(true);
      expect(await end("ws_a", "mem_1", "ses_1")).toBe(false);
      expect((await current().read.sessions("ws_a", "mem_1")).map(({ id }) => id)).toEqual(["ses_3", "ses_2"]);
      expect(await write((tx) => tx.endSessions("ws_b", "mem_1"))).toBe(0);
      expect(await write((tx) => tx.endSessions("ws_a", "mem_1"))).toBe(2);
      expect(await found("ses_2")).toBeNull();
      expect((await found("ses_4"))?.id).toBe("ses_4");
    });

    test("those that nobody can use any more are dropped", async () => {
      await write(async (tx) => {
        await tx.createSession(session("ws_a", "mem_1", "ses_old", { expiresAt: at(10) }));
        await tx.createSession(session("ws_a", "mem_1", "ses_idle", { lastUsedAt: at(5) }));
        await tx.createSession(session("ws_a", "mem_1", "ses_good", { lastUsedAt: at(6) }));
        await tx.createSession(session("ws_a", "mem_2", "ses_other", { expiresAt: at(10) }));
        await tx.dropOldSessions("ws_a", "mem_1", { now: at(10), unusedSince: at(5) });
      });
      expect((await current().read.sessions("ws_a", "mem_1")).map(({ id }) => id)).toEqual(["ses_good"]);
      expect(await found("ses_other")).not.toBeNull();
    });

    test("a password is found by its member's address, however it is typed, in every workspace", async () => {
      await write(async (tx) => {
        for (const one of [password("ws_a", "mem_1"), password("ws_a", "mem_2"), password("ws_b", "mem_3")])
          await tx.savePassword(one);
      });
      const { read } = current();
      const owners = async (email: string, limit = 9) =>
        (await read.passwordsByEmail(email, limit)).map(({ memberId }) => memberId);
      expect(await owners("ANA@example.com")).toEqual(["mem_1", "mem_3"]);
      expect(await owners("ana@example.com", 1)).toEqual(["mem_1"]);
      expect(await owners("nobody@example.com")).toEqual([]);
      expect(await owners("%@example.com")).toEqual([]);
      expect(await read.memberSigningInAs("ws_a", "Ana@example.com", "mem_2")).toBe("mem_1");
      expect(await read.memberSigningInAs("ws_a", "Ana@example.com", "mem_1")).toBeNull();
      expect(await read.memberSigningInAs("ws_b", "bo@example.com", "mem_3")).toBeNull();
      await write((tx) => tx.updateMember("ws_a", "mem_1", { email: "new@example.com" }));
      expect(await owners("ana@example.com")).toEqual(["mem_3"]);
      expect(await owners("NEW@example.com")).toEqual(["mem_1"]);
    });

    test("a new password takes the place of the one before; one hashed anew only of the one it was hashed from", async () => {
      const kept = async () => (await current().read.password("ws_a", "mem_1"))?.sealedHash;
      await write((tx) => tx.savePassword(password("ws_a", "mem_1", { sealedHash: "one" })));
      expect(
        await write((tx) => tx.rehashPassword(password("ws_a", "mem_1", { sealedHash: "one, better" }), "one")),
      ).toBe(true);
      expect(await kept()).toBe("one, better");
      await write((tx) => tx.savePassword(password("ws_a", "mem_1", { sealedHash: "two", setAt: at(9) })));
      expect(await write((tx) => tx.rehashPassword(password("ws_a", "mem_1", { sealedHash: "late" }), "one"))).toBe(
        false,
      );
      expect(await current().read.password("ws_a", "mem_1")).toEqual(
        password("ws_a", "mem_1", { sealedHash: "two", setAt: at(9) }),
      );
      await expect(write((tx) => tx.savePassword(password("ws_b", "mem_1")))).rejects.toMatchObject({
        code: "not_found",
      });
      expect(await kept()).toBe("two");
    });

    test("of a step one code is taken, and none of a step before, whoever comes at the same moment", async () => {
      await write((tx) => tx.saveSecondFactor(secondFactor("ws_a", "mem_1", { confirmedAt: at(0), lastStep: 100 })));
      const use = (step: number, ws = "ws_a") => write((tx) => tx.useTotpStep(ws, "mem_1", step));
      expect(await use(100)).toBe(false);
      expect(await use(99)).toBe(false);
      expect(await use(102, "ws_b")).toBe(false);
      const taken = await Promise.all(Array.from({ length: 10 }, () => use(101)));
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect((await current().read.secondFactor("ws_a", "mem_1"))?.lastStep).toBe(101);
    });

    test("a recovery code is taken once, by its own member", async () => {
      await write(async (tx) => {
        await tx.saveRecoveryCodes("ws_a", "mem_1", ["c1", "c2"]);
        await tx.saveRecoveryCodes("ws_a", "mem_2", ["c3"]);
      });
      const use = (memberId: string, hash: string) => write((tx) => tx.useRecoveryCode("ws_a", memberId, hash, at(1)));
      expect(await use("mem_2", "c1")).toBe(false);
      const taken = await Promise.all(Array.from({ length: 10 }, () => use("mem_1", "c1")));
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await current().read.recoveryCodesLeft("ws_a", "mem_1")).toBe(1);
      await write((tx) => tx.saveRecoveryCodes("ws_a", "mem_1", ["c4"]));
      expect(await use("mem_1", "c2")).toBe(false);
      expect(await use("mem_1", "c4")).toBe(true);
    });

    test("a second factor goes with its recovery codes", async () => {
      await write(async (tx) => {
        await tx.saveSecondFactor(secondFactor("ws_a", "mem_1"));
        await tx.saveRecoveryCodes("ws_a", "mem_1", ["c1"]);
      });
      expect(await write((tx) => tx.removeSecondFactor("ws_b", "mem_1"))).toBe(false);
      expect(await current().read.recoveryCodesLeft("ws_a", "mem_1")).toBe(1);
      expect(await write((tx) => tx.removeSecondFactor("ws_a", "mem_1"))).toBe(true);
      expect(await current().read.recoveryCodesLeft("ws_a", "mem_1")).toBe(0);
      expect(await current().read.secondFactor("ws_a", "mem_1")).toBeNull();
      expect(await write((tx) => tx.removeSecondFactor("ws_a", "mem_1"))).toBe(false);
    });

    test("a member's tokens are revoked: those still good, of that name when one is given", async () => {
      await write(async (tx) => {
        await tx.createToken(of("tok_1", { name: "tab" }));
        await tx.createToken(of("tok_2", { name: "script" }));
        await tx.createToken(of("tok_3", { name: "tab", expiresAt: at(5) }));
        await tx.createToken(token("ws_a", "tok_4", { scope: "agent", subject: "mem_2", name: "tab" }));
      });
      const revoke = (name?: string) => write((tx) => tx.revokeTokensOf("ws_a", "mem_1", at(5), name));
      expect(await write((tx) => tx.revokeTokensOf("ws_b", "mem_1", at(5)))).toEqual([]);
      expect(await revoke("tab")).toEqual(["tok_1"]);
      expect(await revoke()).toEqual(["tok_2"]);
      expect([...(await current().read.revokedTokenIds(at(5)))].toSorted()).toEqual(["tok_1", "tok_2"]);
    });

    test("with a member goes everything by which they sign in", async () => {
      await write(async (tx) => {
        await tx.createSession(session("ws_a", "mem_1", "ses_1"));
        await tx.savePassword(password("ws_a", "mem_1"));
        await tx.saveSecondFactor(secondFactor("ws_a", "mem_1"));
        await tx.saveRecoveryCodes("ws_a", "mem_1", ["c1"]);
        await tx.createSignInLink({
          hash: "l1",
          workspaceId: "ws_a",
          memberId: "mem_1",
          createdAt: at(0),
          expiresAt: at(60),
        });
      });
      expect(await write((tx) => tx.deleteMember("ws_b", "mem_1"))).toBe(false);
      expect(await found("ses_1")).not.toBeNull();
      expect(await write((tx) => tx.deleteMember("ws_a", "mem_1"))).toBe(true);
      const { read } = current();
      expect(await found("ses_1")).toBeNull();
      expect(await read.member("ws_a", "mem_1")).toBeNull();
      expect(await read.password("ws_a", "mem_1")).toBeNull();
      expect(await read.secondFactor("ws_a", "mem_1")).toBeNull();
      expect(await write((tx) => tx.useSignInLink("l1", at(1)))).toEqual({ outcome: "unknown" });
      expect((await read.members("ws_a")).map(({ id }) => id)).toEqual(["mem_2"]);
      expect(await write((tx) => tx.deleteMember("ws_a", "mem_1"))).toBe(false);
    });

    test("open handoffs of a member are those that they accepted and that have not ended", async () => {
      await write(async (tx) => {
        await addShop(tx, "c");
        for (const [id, status, agentId] of [
          ["hnd_1", "acknowledged", "mem_1"],
          ["hnd_2", "acknowledged", "mem_2"],
          ["hnd_3", "resolved", "mem_1"],
          ["hnd_4", "acknowledged", "mem_1"],
        ] as const) {
          const agent = { id: agentId, name: "A" };
          await tx.createHandoff(handoff("ws_c", `cnv_of_${id}`, id, { status, agent }));
        }
      });
      expect(await openOf(current(), "ws_c")).toEqual(["hnd_1", "hnd_4"]);
      expect(await openOf(current(), "ws_c", 1)).toEqual(["hnd_1"]);
      expect(await openOf(current(), "ws_b")).toEqual([]);
    });
  });
}
