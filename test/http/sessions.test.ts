import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defineRoute } from "../../src/http/route.ts";
import { totpCode, totpStep } from "../../src/secrets/totp.ts";
import { linkFor, openBrowser, person, SAFARI, signedIn } from "./browser.ts";
import type { Browser, Person } from "./browser.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

/** How members sign in to Baton's own pages, stay signed in, and are signed out. */

const PASSWORD = "nine lamps over the harbour";
const NEXT = "a kettle sings in the attic";
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let world: World;
let workspace: { id: string; admin: string };
let ana: Person;
let bo: Person;

beforeEach(async () => {
  world = await startWorld({
    extra: () => [
      // What the console will read its news from: a stream for members.
      defineRoute({
        method: "GET",
        path: "/v1/test-stream",
        summary: "A stream",
        tag: "Test",
        scopes: ["admin", "agent"],
        idempotent: false,
        responses: { 200: { description: "A stream", contentType: "text/event-stream" } },
        handler: () =>
          Promise.resolve({
            stream: {
              afterSeq: 0,
              replay: (after) => Promise.resolve(after === 0 ? [{ seq: 1, type: "hello", data: {} }] : []),
              subscribe: () => () => {},
            },
          }),
      }),
    ],
  });
  workspace = await world.workspace("Lamp Shop");
  ana = await person(world, workspace.admin, "owner", "Ana");
  bo = await person(world, workspace.admin, "agent", "Bo");
});
afterEach(() => world.close());

const byLink = (member: Person, userAgent?: string) => signedIn(world, workspace.admin, member, userAgent);
const byPassword = (browser: Browser, member: Person, password: string, more = {}) =>
  browser.call("POST", "/v1/session", { email: member.email, password, ...more });
const codeOf = ({ status, body }: { status: number; body: { code?: string } }) => [status, body?.code];
const isIn = async (browser: Browser) => (await browser.call("GET", "/v1/session")).status === 200;
const withPassword = async (member: Person, password = PASSWORD) => {
  const browser = await byLink(member);
  expect((await browser.call("PUT", "/v1/members/me/password", { password })).status).toBe(200);
  return browser;
};
const later = (ms: number) => world.setClock(new Date(Date.now() + ms));

describe("signing in", () => {
  test("by a link: the cookie is for no script, no other site and no other path", async () => {
    const browser = openBrowser(world);
    const answer = await browser.call("POST", "/v1/session", { code: await linkFor(world, workspace.admin, ana) });
    expect(answer.headers.get("set-cookie")).toMatch(
      /^baton=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/,
    );
    expect(answer.body).toMatchObject({
      member: { id: ana.id, name: "Ana", email: "ana@lamps.example", role: "owner" },
      workspace: { id: workspace.id, name: "Lamp Shop" },
      hasPassword: false,
      hasSecondFactor: false,
      recoveryCodesLeft: 0,
    });
    expect(answer.text).not.toContain(browser.cookie?.split("=")[1]);
    expect((await browser.call("GET", "/v1/session")).body).toEqual(answer.body);
  });

  test("by password: in whatever letters the address is typed", async () => {
    await withPassword(ana);
    const browser = openBrowser(world);
    const answer = await byPassword(browser, { ...ana, email: "  ANA@Lamps.Example " }, PASSWORD);
    expect([answer.status, answer.body.member.id, answer.body.hasPassword]).toEqual([200, ana.id, true]);
    expect(await isIn(browser)).toBe(true);
  });

  test.each([
    ["a wrong password", "ana@lamps.example", "nine lamps over the harbor"],
    ["an address that nobody has", "nobody@lamps.example", PASSWORD],
    ["a member without a password", "bo@lamps.example", PASSWORD],
    ["no address at all", "x", PASSWORD],
  ])("%s gets one and the same answer", async (_what, email, password) => {
    await withPassword(ana);
    const answer = await openBrowser(world).call("POST", "/v1/session", { email, password });
    expect(codeOf(answer)).toEqual([403, "credentials_refused"]);
    expect(answer.body.detail).toBe("Email address, password or code is not right");
    expect(answer.headers.get("set-cookie")).toBeNull();
  });

  test("whoever is a member of two workspaces by one password says which, once both are shown to be theirs", async () => {
    const other = await world.workspace("Boat Shop");
    const again = await person(world, other.admin, "agent", "Ana", ana.email);
    await withPassword(ana);
    const there = await signedIn(world, other.admin, again);
    await there.call("PUT", "/v1/members/me/password", { password: PASSWORD });
    const browser = openBrowser(world);
    const asked = await byPassword(browser, ana, PASSWORD);
    expect(codeOf(asked)).toEqual([409, "workspace_needed"]);
    const shops = asked.body.faults.map(({ message, code }: { message: string; code: string }) => [message, code]);
    expect(new Map(shops)).toEqual(
      new Map([
        ["Lamp Shop", workspace.id],
        ["Boat Shop", other.id],
      ]),
    );
    expect((await byPassword(browser, ana, PASSWORD, { workspaceId: other.id })).body.member.id).toBe(again.id);
    expect(codeOf(await byPassword(browser, ana, NEXT))).toEqual([403, "credentials_refused"]);

    // With passwords that differ nobody is asked, and nobody learns of the other workspace.
    await there.call("POST", "/v1/session", { code: await linkFor(world, other.admin, again) });
    expect((await there.call("PUT", "/v1/members/me/password", { password: NEXT })).status).toBe(200);
    expect((await byPassword(browser, ana, PASSWORD)).body.workspace.id).toBe(workspace.id);
    expect((await byPassword(browser, ana, NEXT)).body.workspace.id).toBe(other.id);
  });
});

describe("a session", () => {
  test("that is not used for a day is over", async () => {
    const browser = await byLink(ana);
    later(DAY - 60_000);
    expect(await isIn(browser)).toBe(true);
    later(2 * DAY + 60_000);
    const answer = await browser.call("GET", "/v1/session");
    expect(codeOf(answer)).toEqual([401, "unauthenticated"]);
    expect(answer.body.detail).toContain("sign in again");
  });

  test("that is used goes on, for thirty days", async () => {
    const browser = await byLink(ana);
    for (let hours = 20; hours < 30 * 24; hours += 20) {
      later(hours * HOUR);
      expect(await isIn(browser)).toBe(true);
      // Its use is noted beside the answer.
      await expect
        .poll(async () => (await world.store.read.sessions(workspace.id, ana.id))[0]?.lastUsedAt.getTime())
        .toBe(world.clock().getTime());
    }
    later(30 * DAY + 1_000);
    expect(await isIn(browser)).toBe(false);
  });

  test("notes its use once a minute at most", async () => {
    const browser = await byLink(ana);
    const lastUse = async () => (await world.store.read.sessions(workspace.id, ana.id))[0]?.lastUsedAt.getTime();
    const first = await lastUse();
    await browser.call("GET", "/v1/session");
    await browser.call("GET", "/v1/members");
    await world.store.write(() => Promise.resolve());
    expect(await lastUse()).toBe(first);
  });

  test("is one of a list that says where; others can be ended, and all of them", async () => {
    const [laptop, phone, kiosk] = [await byLink(ana), await byLink(ana, SAFARI), await byLink(ana, "odd/1.0")];
    const { body } = await laptop.call("GET", "/v1/sessions");
    expect(body.items.map((one: Record<string, unknown>) => [one["device"], one["method"], one["current"]])).toEqual([
      ["Firefox on Linux", "link", true],
      ["Safari on iPhone", "link", false],
      ["Unknown device", "link", false],
    ]);
    const stranger = await byLink(bo);
    const phoneId = body.items[1].id;
    expect(codeOf(await stranger.call("DELETE", `/v1/sessions/${phoneId}`))).toEqual([404, "not_found"]);
    expect(await isIn(phone)).toBe(true);
    expect((await laptop.call("DELETE", `/v1/sessions/${phoneId}`)).status).toBe(204);
    expect([await isIn(laptop), await isIn(phone), await isIn(kiosk)]).toEqual([true, false, true]);

    const copy = laptop.cookie;
    expect((await laptop.call("DELETE", "/v1/sessions")).status).toBe(204);
    expect(laptop.cookie).toBeNull();
    laptop.cookie = copy;
    expect([await isIn(laptop), await isIn(kiosk), await isIn(stranger)]).toEqual([false, false, true]);
  });

  test("ends when its owner signs out, on the server too", async () => {
    const browser = await byLink(ana);
    const copy = browser.cookie;
    const answer = await browser.call("DELETE", "/v1/session");
    expect([answer.status, answer.headers.get("set-cookie")]).toEqual([
      204,
      "baton=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
    ]);
    browser.cookie = copy;
    expect(await isIn(browser)).toBe(false);
    expect((await browser.call("DELETE", "/v1/session")).status).toBe(204);
  });

  test("with a token beside it counts for nothing: the token decides", async () => {
    const browser = await byLink(ana);
    const cookie = browser.cookie ?? "";
    const asBo = world.token("agent", workspace.id, bo.id);
    const call = (token: string, path: string) => world.call("GET", path, { token, headers: { cookie } });
    expect(codeOf(await call(asBo, "/v1/bots"))).toEqual([403, "forbidden_scope"]);
    expect(codeOf(await call("broken", "/v1/members"))).toEqual([401, "unauthenticated"]);
    expect((await call(workspace.admin, "/v1/bots")).status).toBe(200);
    // A token needs no page of ours.
    const made = await world.call("POST", "/v1/bots", {
      token: workspace.admin,
      body: { name: "b" },
      headers: { cookie },
    });
    expect(made.status).toBe(201);
  });

  test("reads event streams, and they end with it or with its member's role", async () => {
    const browsers = [await byLink(bo), await byLink(bo)];
    const streams = browsers.map((browser) => browser.call("GET", "/v1/test-stream"));
    await expect.poll(() => world.server.streamCount()).toBe(2);
    const [one] = (await browsers[1]!.call("GET", "/v1/sessions")).body.items;
    await browsers[1]!.call("DELETE", `/v1/sessions/${one.id}`);
    expect((await streams[0])?.text).toContain("session ended");
    expect(world.server.streamCount()).toBe(1);
    await world.call("PATCH", `/v1/members/${bo.id}`, { token: workspace.admin, body: { role: "admin" } });
    expect((await streams[1])?.text).toMatch(/event: hello[^]*session ended/);
  });

  test("keeps its Idempotency-Key apart from those of other members and of tokens", async () => {
    const cy = await person(world, workspace.admin, "admin", "Cy");
    const key = { "idempotency-key": "k1" };
    const make = async (browser: Browser) => (await browser.call("POST", "/v1/bots", { name: "b" }, key)).body.id;
    const [own, others] = [await byLink(ana), await byLink(cy)];
    const first = await make(own);
    expect(await make(own)).toBe(first);
    expect(await make(others)).not.toBe(first);
    const byToken = await world.call("POST", "/v1/bots", { token: workspace.admin, body: { name: "b" }, headers: key });
    expect(byToken.body.id).not.toBe(first);
  });
});

describe("a password", () => {
  test("is set after a sign-in by link; then everything else is signed out, and this browser goes on under a new cookie", async () => {
    const [here, elsewhere] = [await byLink(ana), await byLink(ana, SAFARI)];
    const tab = await world.call("POST", "/v1/sign-in", { body: { code: await linkFor(world, workspace.admin, ana) } });
    const program = await world.call("POST", `/v1/members/${ana.id}/tokens`, { token: workspace.admin });
    const before = here.cookie;
    const answer = await here.call("PUT", "/v1/members/me/password", { password: PASSWORD });
    expect([answer.status, answer.body.hasPassword]).toEqual([200, true]);
    expect(here.cookie).not.toBe(before);
    expect([await isIn(here), await isIn(elsewhere)]).toEqual([true, false]);
    here.cookie = before;
    expect(await isIn(here)).toBe(false);
    expect((await world.call("GET", "/v1/members", { token: tab.body.token })).status).toBe(401);
    expect((await world.call("GET", "/v1/members", { token: program.body.token })).status).toBe(200);
  });

  test("is changed with the old one alone, once the link is older than a quarter of an hour", async () => {
    await withPassword(ana);
    const browser = openBrowser(world);
    await byPassword(browser, ana, PASSWORD);
    const change = (body: object) => browser.call("PUT", "/v1/members/me/password", body);
    const missing = await change({ password: NEXT });
    expect([missing.status, missing.body.faults[0].path]).toEqual([422, "current"]);
    expect(codeOf(await change({ password: NEXT, current: NEXT }))).toEqual([403, "credentials_refused"]);
    expect((await change({ password: NEXT, current: PASSWORD })).status).toBe(200);
    expect(codeOf(await byPassword(openBrowser(world), ana, PASSWORD))).toEqual([403, "credentials_refused"]);
    expect((await byPassword(openBrowser(world), ana, NEXT)).status).toBe(200);

    const stale = await byLink(ana);
    later(15 * 60_000 + 1_000);
    expect((await stale.call("PUT", "/v1/members/me/password", { password: PASSWORD })).status).toBe(422);
    const fresh = await byLink(ana);
    expect((await fresh.call("PUT", "/v1/members/me/password", { password: PASSWORD })).status).toBe(200);
  });

  test.each([
    ["too short", "kT3-wale-91"],
    ["her own address", "Lamps.Example-77"],
    ["the workspace's name", "LampShop-2026!"],
    ["one of the commonest", "Password123456"],
  ])("is refused when it is %s, without being repeated", async (_what, password) => {
    const browser = await byLink(ana);
    const answer = await browser.call("PUT", "/v1/members/me/password", { password });
    expect([answer.status, answer.body.faults[0].path]).toEqual([422, "password"]);
    expect(answer.text).not.toContain(password);
    expect((await browser.call("GET", "/v1/session")).body.hasPassword).toBe(false);
  });

  test("needs an address, and in one workspace an address of one's own", async () => {
    const { body: dan } = await world.call("POST", "/v1/members", { token: workspace.admin, body: { name: "Dan" } });
    const browser = await byLink({ ...dan, email: "" });
    expect(codeOf(await browser.call("PUT", "/v1/members/me/password", { password: PASSWORD }))).toEqual([
      409,
      "conflict",
    ]);
    await withPassword(ana);
    expect((await browser.call("PATCH", "/v1/members/me", { email: "ANA@lamps.example" })).status).toBe(200);
    expect(codeOf(await browser.call("PUT", "/v1/members/me/password", { password: PASSWORD }))).toEqual([
      409,
      "conflict",
    ]);
    expect((await browser.call("PATCH", "/v1/members/me", { email: "dan@lamps.example" })).status).toBe(200);
    expect((await browser.call("PUT", "/v1/members/me/password", { password: PASSWORD })).status).toBe(200);
    // From now on the address is what Dan signs in with.
    const move = (body: object) => browser.call("PATCH", "/v1/members/me", body);
    expect((await move({ email: "d@lamps.example" })).status).toBe(422);
    expect(codeOf(await move({ email: ana.email, current: PASSWORD }))).toEqual([409, "conflict"]);
    expect(codeOf(await move({ email: null, current: PASSWORD }))).toEqual([409, "conflict"]);
    expect((await move({ email: "d@lamps.example", current: PASSWORD })).status).toBe(200);
    expect((await byPassword(openBrowser(world), { ...ana, email: "d@lamps.example" }, PASSWORD)).status).toBe(200);
    const byAdmin = { token: workspace.admin, body: { email: ana.email } };
    expect(codeOf(await world.call("PATCH", `/v1/members/${dan.id}`, byAdmin))).toEqual([409, "conflict"]);
  });

  test("stands nowhere as it is: not in the file, not hashed without being sealed, not in the log", async () => {
    await withPassword(ana, "canary of the harbour wall");
    await byPassword(openBrowser(world), ana, "canary of another wall");
    const kept = await world.store.read.password(workspace.id, ana.id);
    expect(kept?.sealedHash).toMatch(/^v1\./);
    expect(kept?.sealedHash).not.toContain("argon2");
    expect(JSON.stringify(world.logged)).not.toMatch(/canary|ana@|baton=/);
  });
});

const enrol = async (browser: Browser, current?: string) => {
  const begun = await browser.call("POST", "/v1/members/me/totp", current === undefined ? {} : { current });
  expect(begun.status).toBe(201);
  const { secret } = begun.body;
  expect(begun.body.uri).toContain(`secret=${secret}`);
  const now = totpStep(world.clock());
  const confirmed = await browser.call("POST", "/v1/members/me/totp/confirm", { totp: totpCode(secret, now) });
  expect(confirmed.status).toBe(200);
  return {
    codeAt: (steps: number) => totpCode(secret, now + steps),
    codes: confirmed.body.recoveryCodes as string[],
  };
};
/** A clock that stands still, in the middle of a step. */
const stop = () => {
  const step = Math.floor(Date.now() / 30_000) * 30_000 + 15_000;
  world.setClock(new Date(step));
  return (steps: number) => world.setClock(new Date(step + steps * 30_000));
};

describe("an authenticator app", () => {
  test("is asked for at each sign-in, by password and by link, and each code is taken once", async () => {
    const go = stop();
    const first = await withPassword(ana);
    const { codeAt } = await enrol(first, PASSWORD);
    go(1);
    const browser = openBrowser(world);
    expect(codeOf(await byPassword(browser, ana, PASSWORD))).toEqual([403, "second_factor_needed"]);
    expect(codeOf(await byPassword(browser, ana, NEXT))).toEqual([403, "credentials_refused"]);
    expect(codeOf(await byPassword(browser, ana, PASSWORD, { totp: codeAt(0) }))).toEqual([403, "credentials_refused"]);
    expect((await byPassword(browser, ana, PASSWORD, { totp: codeAt(1) })).status).toBe(200);
    expect(codeOf(await byPassword(openBrowser(world), ana, PASSWORD, { totp: codeAt(1) }))).toEqual([
      403,
      "credentials_refused",
    ]);
    expect((await byPassword(openBrowser(world), ana, PASSWORD, { totp: codeAt(2) })).status).toBe(200);

    go(4);
    // A link alone does not get past it, and is not used up by trying.
    const code = await linkFor(world, workspace.admin, ana);
    const other = openBrowser(world);
    expect(codeOf(await other.call("POST", "/v1/session", { code }))).toEqual([403, "second_factor_needed"]);
    expect(codeOf(await world.call("POST", "/v1/sign-in", { body: { code } }))).toEqual([403, "second_factor_needed"]);
    expect(codeOf(await other.call("POST", "/v1/session", { code, totp: "000000" }))).toEqual([
      403,
      "credentials_refused",
    ]);
    expect((await other.call("POST", "/v1/session", { code, totp: codeAt(4) })).status).toBe(200);
  });

  test("of ten requests with one code at the same moment one is let in", async () => {
    const go = stop();
    const { codeAt } = await enrol(await withPassword(ana), PASSWORD);
    go(1);
    // Fewer than lock the account.
    const all = await Promise.all(
      Array.from({ length: 4 }, () => byPassword(openBrowser(world), ana, PASSWORD, { totp: codeAt(1) })),
    );
    expect(all.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 403, 403, 403]);
  });

  test("that is lost: each of ten recovery codes works once, however typed", async () => {
    stop();
    const browser = await withPassword(ana);
    const { codes, codeAt } = await enrol(browser, PASSWORD);
    expect(codes).toHaveLength(10);
    const [one = "", two = ""] = codes;
    const enter = (recoveryCode: string) => byPassword(openBrowser(world), ana, PASSWORD, { recoveryCode });
    expect((await enter(one.toUpperCase().replaceAll("-", " "))).body.recoveryCodesLeft).toBe(9);
    expect(codeOf(await enter(one))).toEqual([403, "credentials_refused"]);
    // New ones end those before.
    const renewed = await browser.call("POST", "/v1/members/me/recovery-codes", { totp: codeAt(1) });
    expect(renewed.body.recoveryCodes).toHaveLength(10);
    expect(codeOf(await enter(two))).toEqual([403, "credentials_refused"]);
    expect((await enter(renewed.body.recoveryCodes[0])).status).toBe(200);
  });

  test("counts only once it has shown a code", async () => {
    stop();
    const browser = await byLink(ana);
    await browser.call("POST", "/v1/members/me/totp");
    expect((await browser.call("GET", "/v1/session")).body.hasSecondFactor).toBe(false);
    expect(await isIn(await byLink(ana))).toBe(true);
    expect(codeOf(await browser.call("POST", "/v1/members/me/totp/confirm", { totp: "000000" }))).toEqual([
      403,
      "credentials_refused",
    ]);
    await enrol(browser);
    expect((await browser.call("GET", "/v1/session")).body).toMatchObject({
      hasSecondFactor: true,
      recoveryCodesLeft: 10,
    });
    expect(codeOf(await browser.call("POST", "/v1/members/me/totp"))).toEqual([409, "conflict"]);
  });

  test("is removed with a code and the password, or by an admin", async () => {
    const go = stop();
    const browser = await withPassword(bo);
    const { codeAt } = await enrol(browser, PASSWORD);
    const remove = (body: object) => browser.call("DELETE", "/v1/members/me/totp", body);
    go(1);
    expect((await remove({ totp: codeAt(1) })).status).toBe(422);
    expect(codeOf(await remove({ current: PASSWORD }))).toEqual([403, "second_factor_needed"]);
    expect(codeOf(await remove({ current: PASSWORD, totp: codeAt(-5) }))).toEqual([403, "credentials_refused"]);
    expect((await remove({ current: PASSWORD, totp: codeAt(1) })).status).toBe(204);
    expect((await byPassword(openBrowser(world), bo, PASSWORD)).status).toBe(200);

    await enrol(browser, PASSWORD);
    const boss = await byLink(ana);
    expect((await boss.call("DELETE", `/v1/members/${bo.id}/totp`)).status).toBe(204);
    expect((await byPassword(openBrowser(world), bo, PASSWORD)).status).toBe(200);
    const { items } = (await boss.call("GET", "/v1/audit")).body;
    const reset = items.find(({ action }: { action: string }) => action === "member.second_factor_reset");
    expect(reset).toMatchObject({ actor: { kind: "member", id: ana.id, name: "Ana" }, object: { id: bo.id } });
  });

  test("has its secret sealed, and told this once", async () => {
    stop();
    const browser = await byLink(ana);
    const { body } = await browser.call("POST", "/v1/members/me/totp");
    const kept = await world.store.read.secondFactor(workspace.id, ana.id);
    expect(kept?.sealedSecret).toMatch(/^v1\./);
    expect(JSON.stringify([kept, world.logged])).not.toContain(body.secret);
  });
});
