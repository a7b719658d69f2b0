import { describe, expect, test } from "vitest";
import { createPasswords } from "../../src/secrets/passwords.ts";

/** Cheap, so that the tests are quick. */
const CHEAP = { memory: 64, passes: 1, parallelism: 1 };
const passwords = createPasswords(CHEAP);

/**
 * Made by the reference implementation's command line (`argon2 somesalt -id -t 2 -k 65536 -p 1`), as its own test vectors have it:
 * github.com/P-H-C/phc-winner-argon2, src/test.c.
 */
const REFERENCE = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

describe("a password", () => {
  test("is known again, and no other is", async () => {
    const kept = await passwords.hash("nine lamps over the harbour");
    expect(kept).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(await passwords.check("nine lamps over the harbour", kept)).toBe(true);
    for (const other of ["nine lamps over the harbour ", "Nine lamps over the harbour", "", "x"])
      expect(await passwords.check(other, kept)).toBe(false);
  });

  test("has another hash each time, and nothing of itself in it", async () => {
    const [one, two] = await Promise.all(["canary-canary", "canary-canary"].map((text) => passwords.hash(text)));
    expect(one).not.toBe(two);
    expect(one).not.toContain("canary");
  });

  test("is what the reference implementation says", async () => {
    expect(await passwords.check("password", REFERENCE)).toBe(true);
    expect(await passwords.check("Password", REFERENCE)).toBe(false);
  });

  test("is the same however a keyboard composes its letters", async () => {
    const kept = await passwords.hash("Cafe\u0301 am Fluß, Zimmer ①");
    expect(await passwords.check("Caf\u00e9 am Fluß, Zimmer 1", kept)).toBe(true);
  });

  test("that nobody has is none, whatever is given", async () => {
    expect(await passwords.check("nine lamps over the harbour", null)).toBe(false);
    expect(await passwords.check("", null)).toBe(false);
  });

  test("hashed cheaper than now is to be hashed anew, and still good", async () => {
    const kept = await passwords.hash("nine lamps over the harbour");
    const dearer = createPasswords({ memory: 128, passes: 1, parallelism: 1 });
    expect([passwords.isOutdated(kept), dearer.isOutdated(kept)]).toEqual([false, true]);
    expect(dearer.isOutdated(REFERENCE)).toBe(false);
    expect(await dearer.check("nine lamps over the harbour", kept)).toBe(true);
  });

  test("costs what OWASP asks for", async () => {
    expect(await createPasswords().hash("nine lamps over the harbour")).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  test.each(["", "plain", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"])(
    "what was not written by us opens for nothing: %s",
    async (kept) => {
      await expect(passwords.check("", kept)).rejects.toThrow("not in the form");
    },
  );

  test("when too many come at once, those beyond the line are told to come again", async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 120 }, () => passwords.check("x", null)));
    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(18);
    expect(refused[0]).toMatchObject({ reason: { code: "overloaded", retryAfterSeconds: 5 } });
    expect(await passwords.check("x", null)).toBe(false);
  });
});
