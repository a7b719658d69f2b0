import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBrowser, linkFor, person, signedIn } from "./browser.ts";
import type { Browser, Person } from "./browser.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

/** What somebody tries who is not signed in, or not as what they would like to be. */

const PASSWORD = "nine lamps over the harbour";
let world: World;
let workspace: { id: string; admin: string };
let ana: Person;
let cy: Person;
let bo: Person;

beforeEach(async () => {
  world = await startWorld();
  workspace = await world.workspace("Lamp Shop");
  ana = await person(world, workspace.admin, "owner", "Ana");
  cy = await person(world, workspace.admin, "admin", "Cy");
  bo = await person(world, workspace.admin, "agent", "Bo");
});
afterEach(() => world.close());

const byLink = (member: { id: string }) => signedIn(world, workspace.admin, member);
const codeOf = ({ status, body }: { status: number; body: { code?: string } }) => [status, body?.code];
const setPassword = async (member: Person) => {
  const browser = await byLink(member);
  expect((await browser.call("PUT", "/v1/members/me/password", { password: PASSWORD })).status).toBe(200);
  return browser;
};

describe("fixation", () => {
  test("a cookie that was planted is not what its victim is signed in by", async () => {
    const victim = openBrowser(world);
    const planted = `baton=${"A".repeat(43)}`;
    victim.cookie = planted;
    await victim.call("POST", "/v1/session", { code: await linkFor(world, workspace.admin, ana) });
    expect(victim.cookie).not.toBe(planted);
    expect(codeOf(await world.call("GET", "/v1/session", { headers: { cookie: planted } }))).toEqual([
      401,
      "unauthenticated",
    ]);
  });

  test("signing in anew ends what the browser had, whoever it was", async () => {
    const browser = await byLink(bo);
    const before = browser.cookie ?? "";
    await browser.call("POST", "/v1/session", { code: await linkFor(world, workspace.admin, ana) });
    expect((await browser.call("GET", "/v1/session")).body.member.id).toBe(ana.id);
    expect(codeOf(await world.call("GET", "/v1/session", { headers: { cookie: before } }))).toEqual([
      401,
      "unauthenticated",
    ]);
    expect(await world.store.read.sessions(workspace.id, bo.id)).toEqual([]);
  });
});

describe("a link", () => {
  test("opens one session, of however many that try at once", async () => {
    const code = await linkFor(world, workspace.admin, ana);
    const all = await Promise.all(
      Array.from({ length: 8 }, () => openBrowser(world).call("POST", "/v1/session", { code })),
    );
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(all.filter(({ body }) => body.code === "sign_in_refused")).toHaveLength(7);
    expect(codeOf(await world.call("POST", "/v1/sign-in", { body: { code } }))).toEqual([403, "sign_in_refused"]);
  });

  test("is not used up by a page that is not ours", async () => {
    const code = await linkFor(world, workspace.admin, ana);
    const foreign = await world.call("POST", "/v1/session", {
      body: { code },
      headers: { origin: "https://evil.example", "x-baton": "1" },
    });
    expect(codeOf(foreign)).toEqual([403, "foreign_page"]);
    expect((await openBrowser(world).call("POST", "/v1/session", { code })).status).toBe(200);
  });
});

describe("another site's page", () => {
  const attempts: [string, Record<string, string>][] = [
    ["a form", { origin: "https://evil.example", "content-type": "application/x-www-form-urlencoded" }],
    ["a form that pretends to be JSON", { origin: "https://evil.example", "content-type": "text/plain" }],
    ["a form in a sandboxed frame", { origin: "null", "content-type": "text/plain" }],
    ["a fetch without our header", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
    ["a fetch from our own origin without our header", { "sec-fetch-site": "same-origin" }],
    [
      "a fetch from another port of this machine",
      { origin: "http://127.0.0.1:1", "x-baton": "1", "sec-fetch-site": "same-site" },
    ],
    ["a client that hides where it comes from", { "x-baton": "1" }],
  ];
  test.each(attempts)("%s changes nothing", async (_what, headers) => {
    const { cookie } = await byLink(ana);
    const order: [string, string, unknown][] = [
      ["PATCH", `/v1/members/${bo.id}`, { role: "owner" }],
      ["DELETE", `/v1/members/${bo.id}`, undefined],
      ["PUT", "/v1/members/me/password", { password: PASSWORD }],
      ["POST", "/v1/members", { name: "Eve", role: "owner" }],
      ["DELETE", "/v1/session", undefined],
      ["DELETE", "/v1/sessions", undefined],
      ["POST", "/v1/session", { code: await linkFor(world, workspace.admin, bo) }],
    ];
    for (const [method, path, body] of order) {
      const answer = await world.call(method, path, { body, headers: { ...headers, cookie: cookie ?? "" } });
      expect([path, ...codeOf(answer)]).toEqual([path, 403, "foreign_page"]);
      expect(answer.headers.get("set-cookie")).toBeNull();
    }
    const { items } = (await world.call("GET", "/v1/members", { token: workspace.admin })).body;
    expect(items.map(({ name, role }: Record<string, string>) => [name, role])).toEqual([
      ["Ana", "owner"],
      ["Cy", "admin"],
      ["Bo", "agent"],
    ]);
    expect((await world.call("GET", "/v1/session", { headers: { cookie: cookie ?? "" } })).body.hasPassword).toBe(
      false,
    );
  });

  test("is never told that it may ask", async () => {
    const asked = await world.call("OPTIONS", "/v1/session", {
      headers: {
        origin: "https://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-baton",
      },
    });
    expect([...asked.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

const guess = (email: string) => openBrowser(world).call("POST", "/v1/session", { email, password: "x" });

describe("guessing", () => {
  test("five wrong passwords for an account lock it, with the right one too, from wherever", async () => {
    await setPassword(ana);
    const attempt = (password: string) =>
      openBrowser(world).call("POST", "/v1/session", { email: ana.email, password });
    for (let n = 0; n < 5; n += 1) expect((await attempt(`wrong one number ${n}`)).status).toBe(403);
    const locked = await attempt(PASSWORD);
    expect(codeOf(locked)).toEqual([429, "too_many_requests"]);
    expect(Number(locked.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(locked.body.detail).toContain("for this account");
    // Others are not locked out by it, and a link still opens.
    expect(
      codeOf(await openBrowser(world).call("POST", "/v1/session", { email: bo.email, password: PASSWORD })),
    ).toEqual([403, "credentials_refused"]);
    expect((await (await byLink(ana)).call("GET", "/v1/session")).status).toBe(200);
  });

  test("of many guesses at the same moment no more are tried than one after the other", async () => {
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        openBrowser(world).call("POST", "/v1/session", { email: ana.email, password: `guess number ${n}` }),
      ),
    );
    expect(all.filter(({ status }) => status === 403)).toHaveLength(5);
    expect(all.filter(({ status }) => status === 429)).toHaveLength(7);
  });

  test("an address that nobody has is locked like any other", async () => {
    for (let n = 0; n < 5; n += 1) expect((await guess("no@body.example")).status).toBe(403);
    expect((await guess("no@body.example")).status).toBe(429);
  });

  test("one network that tries many accounts is locked out", async () => {
    for (let n = 0; n < 20; n += 1) expect((await guess(`a${n}@lamps.example`)).status).toBe(403);
    expect((await guess("a99@lamps.example")).body.detail).toContain("from your network");
  });

  test("whoever found an open browser does not guess the password in it", async () => {
    const browser = await setPassword(ana);
    const change = (current: string) => browser.call("PUT", "/v1/members/me/password", { password: PASSWORD, current });
    for (let n = 0; n < 5; n += 1) expect((await change(`wrong one number ${n}`)).status).toBe(403);
    expect((await change(PASSWORD)).status).toBe(429);
  });

  test("codes of an app cannot be tried through", async () => {
    const browser = await byLink(ana);
    await browser.call("POST", "/v1/members/me/totp");
    const confirm = () => browser.call("POST", "/v1/members/me/totp/confirm", { totp: "000000" });
    for (let n = 0; n < 5; n += 1) expect((await confirm()).status).toBe(403);
    expect((await confirm()).status).toBe(429);
  });
});

const change = (browser: Browser, id: string, body: object) => browser.call("PATCH", `/v1/members/${id}`, body);

describe("roles", () => {
  test("an admin decides over admins and agents, and not over owners, nor who becomes one", async () => {
    const admin = await byLink(cy);
    expect((await change(admin, bo.id, { role: "admin" })).status).toBe(200);
    expect((await change(admin, bo.id, { role: "agent" })).status).toBe(200);
    const refused: [string, string, unknown][] = [
      ["PATCH", `/v1/members/${bo.id}`, { role: "owner" }],
      ["PATCH", `/v1/members/${cy.id}`, { role: "owner" }],
      ["POST", "/v1/members", { name: "Eve", role: "owner" }],
      ["PATCH", `/v1/members/${ana.id}`, { role: "agent" }],
      ["PATCH", `/v1/members/${ana.id}`, { email: "cy@lamps.example" }],
      ["DELETE", `/v1/members/${ana.id}`, undefined],
      ["POST", `/v1/members/${ana.id}/sign-in-links`, undefined],
      ["DELETE", `/v1/members/${ana.id}/sign-in-links`, undefined],
      ["POST", `/v1/members/${ana.id}/tokens`, {}],
      ["DELETE", `/v1/members/${ana.id}/sessions`, undefined],
      ["DELETE", `/v1/members/${ana.id}/totp`, undefined],
    ];
    for (const [method, path, body] of refused)
      expect([method, path, ...codeOf(await admin.call(method, path, body))]).toEqual([
        method,
        path,
        403,
        "forbidden_role",
      ]);
    expect((await world.store.read.member(workspace.id, ana.id))?.role).toBe("owner");
    expect((await world.store.read.members(workspace.id)).filter(({ role }) => role === "owner")).toHaveLength(1);
  });

  test("the last owner stays, by whichever way and whoever asks", async () => {
    const owner = await byLink(ana);
    expect(codeOf(await change(owner, ana.id, { role: "admin" }))).toEqual([409, "conflict"]);
    expect(codeOf(await owner.call("DELETE", `/v1/members/${ana.id}`))).toEqual([409, "conflict"]);
    expect(codeOf(await world.call("DELETE", `/v1/members/${ana.id}`, { token: workspace.admin }))).toEqual([
      409,
      "conflict",
    ]);
    await change(owner, cy.id, { role: "owner" });
    const other = await byLink(cy);
    const both = await Promise.all([change(owner, cy.id, { role: "agent" }), change(other, ana.id, { role: "agent" })]);
    expect(both.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
    expect((await world.store.read.members(workspace.id)).filter(({ role }) => role === "owner")).toHaveLength(1);
  });

  test("a new role counts with the next request", async () => {
    const browser = await byLink(bo);
    expect(codeOf(await browser.call("GET", "/v1/bots"))).toEqual([403, "forbidden_role"]);
    await world.call("PATCH", `/v1/members/${bo.id}`, { token: workspace.admin, body: { role: "admin" } });
    expect((await browser.call("GET", "/v1/bots")).status).toBe(200);
    expect((await browser.call("GET", "/v1/session")).body.member.role).toBe("admin");
    await world.call("PATCH", `/v1/members/${bo.id}`, { token: workspace.admin, body: { role: "agent" } });
    expect(codeOf(await browser.call("GET", "/v1/bots"))).toEqual([403, "forbidden_role"]);
  });

  test("an owner is there as themselves, and can say so for others", async () => {
    const owner = await byLink(ana);
    const there = await owner.call("PUT", "/v1/members/me/presence", { status: "online" });
    expect([there.status, there.body.id]).toEqual([200, ana.id]);
    expect((await owner.call("PUT", `/v1/members/${bo.id}/presence`, { status: "online" })).status).toBe(200);
    const agent = await byLink(bo);
    expect(codeOf(await agent.call("PUT", `/v1/members/${ana.id}/presence`, { status: "away" }))).toEqual([
      404,
      "not_found",
    ]);
  });
});

describe("somebody who is removed", () => {
  test("is nobody from then on: session, tokens, link, password", async () => {
    const browser = await setPassword(bo);
    const { body: issued } = await world.call("POST", `/v1/members/${bo.id}/tokens`, { token: workspace.admin });
    const link = await linkFor(world, workspace.admin, bo);
    const boss = await byLink(ana);
    const gone = await boss.call("DELETE", `/v1/members/${bo.id}`);
    expect([gone.status, gone.body]).toEqual([200, { handoffsReleased: 0, handoffsInHelpdesks: 0 }]);
    expect(codeOf(await browser.call("GET", "/v1/members"))).toEqual([401, "unauthenticated"]);
    expect(codeOf(await world.call("GET", "/v1/members", { token: issued.token }))).toEqual([401, "unauthenticated"]);
    expect(await world.store.read.revokedTokenIds(new Date())).toContain(issued.id);
    const fresh = openBrowser(world);
    expect(codeOf(await fresh.call("POST", "/v1/session", { code: link }))).toEqual([403, "sign_in_refused"]);
    expect(codeOf(await fresh.call("POST", "/v1/session", { email: bo.email, password: PASSWORD }))).toEqual([
      403,
      "credentials_refused",
    ]);
    expect(codeOf(await boss.call("DELETE", `/v1/members/${bo.id}`))).toEqual([404, "not_found"]);
  });

  test("whom an admin signs out is out, and may come back", async () => {
    const browser = await byLink(bo);
    const boss = await byLink(ana);
    expect((await boss.call("DELETE", `/v1/members/${bo.id}/sessions`)).status).toBe(204);
    expect(codeOf(await browser.call("GET", "/v1/session"))).toEqual([401, "unauthenticated"]);
    expect((await (await byLink(bo)).call("GET", "/v1/session")).status).toBe(200);
  });
});

test("the log and the errors hold nothing that opens anything", async () => {
  const code = await linkFor(world, workspace.admin, ana);
  const browser = openBrowser(world);
  const told = [await browser.call("POST", "/v1/session", { code })];
  const secret = browser.cookie?.split("=")[1] ?? "";
  told.push(
    await browser.call("POST", "/v1/session", { code }),
    await browser.call("POST", "/v1/session", { email: ana.email, password: "canary-password-1" }),
    await browser.call("PUT", "/v1/members/me/password", { password: "canary" }),
    await browser.call("POST", "/v1/session", { email: ana.email, password: "canary-password-1", extra: "canary" }),
    await browser.call("POST", "/v1/session", { code: "canary", totp: "canary" }),
  );
  const words = JSON.stringify([world.logged, told.map(({ text }) => text)]);
  expect(secret).toHaveLength(43);
  for (const canary of [secret, code, "canary"]) expect(words).not.toContain(canary);
  expect(JSON.stringify(world.logged)).not.toContain(ana.email);
});
