import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { askedAndOpened, becomes, heard, historyOf, reply, stateOf } from "./steps.ts";
import { client, eventually, startWorld } from "./world.ts";
import type { Client, World } from "./world.ts";

/** Baton's app beside a conversation in the helpdesk: its page, who may sign in, what they see there and can do. */

let world: World;
let desk: World["chatwoot"];
let connectionId: string;
let member: { id: string };
/** Somebody without a token. */
let stranger: Client;
const MINUTE = 60_000;

beforeEach(async () => {
  world = await startWorld();
  desk = world.chatwoot;
  connectionId = await world.connectChatwoot();
  member = (await world.admin.post("/v1/members", { name: "Irina Pop", email: "irina@example.com" })).body;
  stranger = client(world.baton.baseUrl(), null);
});
afterEach(async () => {
  desk.assertNoViolations();
  await world.stop();
});

const link = (id = member.id, headers = {}) => world.admin.post(`/v1/members/${id}/sign-in-links`, undefined, headers);
const codeOf = (url: string) => url.slice(url.indexOf("#") + 1);
const newCode = async (id = member.id) => codeOf((await link(id)).body.url);
const redeem = (code: string) => stranger.post("/v1/sign-in", { code });
const signedIn = async () => {
  const { body } = await redeem(await newCode());
  return { ...body, client: world.as(body.token) };
};
/** Connections that were kept open end with the program: the first calls after it may still be made on one of them. */
const restart = async () => {
  await world.restart();
  await eventually(() =>
    stranger.get("/healthz").then(
      () => true,
      () => false,
    ),
  );
};
const only = () => desk.conversations()[0]!;
const at = (conversation: number | string = only().id, connection = connectionId) =>
  `/v1/connections/${connection}/conversations/${conversation}`;

const page = (path: string, method = "GET") => fetch(`${world.baton.baseUrl()}/apps/${path}`, { method });
const policyOf = (response: Response) =>
  Object.fromEntries(
    (response.headers.get("content-security-policy") ?? "").split("; ").map((one) => {
      const [name = "", ...values] = one.split(" ");
      return [name, values.join(" ")];
    }),
  );

describe("a sign-in link", () => {
  test("signs its member in, once, for twelve hours", async () => {
    const made = await link();
    expect(made.status).toBe(201);
    expect(made.body.url).toMatch(new RegExp(`^${world.baton.baseUrl()}/apps/sign-in#[\\w-]{22}$`));
    expect(new Date(made.body.expiresAt).getTime() - Date.now()).toBeGreaterThan(14.9 * MINUTE);
    expect(new Date(made.body.expiresAt).getTime() - Date.now()).toBeLessThanOrEqual(15 * MINUTE);

    const first = await redeem(codeOf(made.body.url));
    expect([first.status, first.body.member]).toEqual([200, { id: member.id, name: "Irina Pop" }]);
    const me = await world.as(first.body.token).put("/v1/members/me/presence", { status: "online" });
    expect([me.status, me.body.id]).toEqual([200, member.id]);
    expect((await world.as(first.body.token).get("/v1/bots")).body.code).toBe("forbidden_scope");

    const second = await redeem(codeOf(made.body.url));
    expect([second.status, second.body.code]).toEqual([403, "sign_in_refused"]);
    expect(second.body.detail).toContain("used already");

    world.advance(12 * 60 * MINUTE + 1_000);
    const late = await world.as(first.body.token).get("/v1/members");
    expect([late.status, late.body.code]).toEqual([401, "token_expired"]);
  });

  test("its token stands among the others, and the admin can revoke it", async () => {
    const { id, token } = await signedIn();
    const listed = (await world.admin.get("/v1/tokens")).body.items.find((one: { id: string }) => one.id === id);
    expect(listed).toMatchObject({ scope: "agent", subject: member.id, name: "Signed in by a link", revokedAt: null });
    expect((await world.admin.delete(`/v1/tokens/${id}`)).status).toBe(204);
    expect((await world.as(token).get("/v1/members")).status).toBe(401);
  });

  test("to look at it, as a browser, a scanner or a preview does, uses nothing up", async () => {
    const code = await newCode();
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      for (const path of ["/apps/sign-in", `/apps/sign-in?code=${code}`, `/v1/sign-in?code=${code}`, "/v1/sign-in"])
        await fetch(world.baton.baseUrl() + path, { method, headers: { purpose: "prefetch" } });
    }
    expect((await stranger.get("/v1/sign-in")).status).toBe(405);
    expect((await redeem(code)).status).toBe(200);
  });

  test("a form of another site uses nothing up", async () => {
    const code = await newCode();
    const form = { "Content-Type": "text/plain" };
    expect((await stranger.post("/v1/sign-in", JSON.stringify({ code }), form)).status).toBe(415);
    expect((await redeem(code)).status).toBe(200);
  });

  test("after fifteen minutes it is over", async () => {
    const [early, late] = [await newCode(), (await world.admin.post("/v1/members", { name: "Late" })).body.id];
    const lateCode = await newCode(late);
    world.advance(14.9 * MINUTE);
    expect((await redeem(early)).status).toBe(200);
    world.advance(0.2 * MINUTE);
    const over = await redeem(lateCode);
    expect([over.status, over.body.detail]).toEqual([403, expect.stringContaining("too old")]);
  });

  test("a newer one ends it, and so does the admin who takes it back", async () => {
    const [older, newer] = [await newCode(), await newCode()];
    expect((await redeem(older)).body.code).toBe("sign_in_refused");
    expect((await redeem(newer)).status).toBe(200);
    const takenBack = await newCode();
    for (const status of [204, 204])
      expect((await world.admin.delete(`/v1/members/${member.id}/sign-in-links`)).status).toBe(status);
    expect((await redeem(takenBack)).body.code).toBe("sign_in_refused");
  });

  test("asked for twice with one Idempotency-Key, it is the same link, and the store holds no code in the clear", async () => {
    const headers = { "Idempotency-Key": "invite-1" };
    const [first, again] = [await link(member.id, headers), await link(member.id, headers)];
    expect(again.body).toEqual(first.body);
    const code = codeOf(first.body.url);
    expect(await world.stored()).not.toContain(code);
    expect((await redeem(code)).status).toBe(200);
  });

  test("it outlives a restart", async () => {
    const code = await newCode();
    await restart();
    expect((await redeem(code)).status).toBe(200);
    expect((await redeem(code)).status).toBe(403);
  });

  test("of many who use it at once, one is signed in", async () => {
    const code = await newCode();
    const statuses = (await Promise.all(Array.from({ length: 15 }, () => redeem(code)))).map(({ status }) => status);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([200, ...Array.from({ length: 14 }, () => 403)]);
  });

  test("who guesses is locked out, right codes included, and is told for how long", async () => {
    const code = await newCode();
    const guesses = await Promise.all(
      Array.from({ length: 40 }, (_, n) => redeem(`${code.slice(0, -2)}${String(n).padStart(2, "0")}`)),
    );
    const refused = guesses.filter(({ status }) => status === 403);
    const locked = guesses.filter(({ status }) => status === 429);
    expect([refused.length, locked.length]).toEqual([20, 20]);
    expect(new Set(refused.map(({ body }) => body.detail)).size).toBe(1);
    const right = await redeem(code);
    expect([right.status, right.body.code]).toEqual([429, "too_many_requests"]);
    expect(right.body.detail).toMatch(/wrong sign-in codes .* Try again in 1\d minutes\.$/);
    expect(Number(right.headers.get("retry-after"))).toBeGreaterThan(14 * 60);
  });

  test("right codes lock nobody out", async () => {
    for (let n = 0; n < 25; n += 1) expect((await redeem(await newCode())).status).toBe(200);
  });

  test("agents, bots and other workspaces make none", async () => {
    const { client: agent } = await signedIn();
    for (const one of [agent, world.bot, stranger])
      expect([401, 403]).toContain((await one.post(`/v1/members/${member.id}/sign-in-links`)).status);
    expect((await link("mem_unknown")).status).toBe(404);
  });

  test("signing out ends the token, and that one only", async () => {
    const [one, other] = [await signedIn(), await signedIn()];
    expect((await one.client.post("/v1/sign-out")).status).toBe(204);
    expect((await one.client.get("/v1/members")).status).toBe(401);
    expect((await other.client.get("/v1/members")).status).toBe(200);
    await restart();
    expect((await one.client.get("/v1/members")).status).toBe(401);
  });
});

describe("beside a conversation", () => {
  const about = {
    summary: "Order 1042 has not arrived.",
    pageUrl: "https://shop.example/orders/1042",
    products: [{ id: "p7", name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" }],
  };

  test("a member sees what the bot knew, who has control, and what happened", async () => {
    const handoffId = await askedAndOpened(world, "c-1", about);
    const { client: agent } = await signedIn();
    const { status, body } = await agent.get(at());
    expect(status).toBe(200);
    expect(body).toMatchObject({
      handoff: { id: handoffId, status: "pending", mode: "live" },
      control: "human",
      visitor: { name: "Ana", email: "ana@example.com" },
      summary: about.summary,
      pageUrl: about.pageUrl,
      products: [{ name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" }],
      lead: null,
      agent: null,
      canAccept: true,
      canReturn: true,
    });
    expect(body.timeline.map((one: { type: string }) => one.type)).toEqual(["handoff.requested", "handoff.opened"]);
    expect(JSON.stringify(body.timeline)).not.toContain("I want a person");
    expect((await world.admin.get(at())).body).toEqual(body);
    const lines = (await agent.get(`/v1/handoffs/${handoffId}/messages`)).body.items;
    expect(lines.slice(0, 3).map((one: { role: string }) => one.role)).toEqual(["visitor", "bot", "visitor"]);
  });

  test("a lead shows with its consent", async () => {
    await world.settings({ neverAvailable: true });
    const asked = await world.bot.post("/v1/handoffs", { conversation: { id: "c-2" }, trigger: "visitor" });
    const submitted = await world.bot.post(`/v1/handoffs/${asked.body.handoff.id}/lead`, {
      fields: { name: "Ana", email: "ana@example.com", issue: "Where is it?" },
      terms: { accepted: true },
    });
    expect(submitted.status).toBe(201);
    await eventually(() => desk.conversations()[0]);
    const { client: agent } = await signedIn();
    const body = await eventually(async () => {
      const answer = await agent.get(at());
      return answer.status === 200 && answer.body;
    });
    expect(body).toMatchObject({
      handoff: { mode: "lead", status: "pending" },
      control: "bot",
      lead: { contact: { name: "Ana", email: "ana@example.com", issue: "Where is it?" } },
      canReturn: false,
    });
    expect(body.lead.consent.text).not.toBe("");
    expect(body.timeline.map((one: { type: string }) => one.type)).toContain("lead.captured");
    const done = await agent.post(`${at()}/accept`);
    expect([done.status, done.body.status, done.body.control]).toEqual([200, "acknowledged", "bot"]);
    // The visitor was told nothing, and nobody says otherwise.
    expect(done.body.note).toMatch(/^Baton knows that you have it\. Assign/);
    expect((await historyOf(world, "c-2")).filter(([, text]) => text.includes("joined"))).toEqual([]);
  });

  test("accepting tells the visitor who has it, and says what is left to do in the helpdesk", async () => {
    await askedAndOpened(world, "c-1");
    const { client: agent } = await signedIn();
    const done = await agent.post(`${at()}/accept`);
    expect([done.status, done.body.status, done.body.control]).toEqual([200, "acknowledged", "human"]);
    expect(done.body.note).toMatch(
      /^Baton and the visitor know .* Assign the conversation to yourself in the helpdesk/,
    );
    expect((await heard(world, "handoff.acknowledged")).data).toMatchObject({ agent: "Irina Pop" });
    expect(await historyOf(world, "c-1")).toContainEqual(["system", "Irina Pop has joined the chat."]);
    expect((await agent.get(at())).body).toMatchObject({ agent: "Irina Pop", canAccept: false, canReturn: true });
    // Again, by the same member: nothing more happens.
    expect((await agent.post(`${at()}/accept`)).status).toBe(200);
    expect(world.callbacks.heard.filter(({ type }) => type === "handoff.acknowledged")).toHaveLength(1);
    // News from Chatwoot, where nobody is assigned, takes it from nobody.
    reply(desk, only().id, "Hello, let me look.");
    await eventually(async () => (await historyOf(world, "c-1")).some(([role]) => role === "agent"));
    await becomes(world, "c-1", { status: "acknowledged", control: "human" });
  });

  test("what somebody else has is not taken from them", async () => {
    await askedAndOpened(world, "c-1");
    desk.assign(only().id, desk.agentId);
    await becomes(world, "c-1", { status: "acknowledged" });
    const { client: agent } = await signedIn();
    const refused = await agent.post(`${at()}/accept`);
    expect([refused.status, refused.body.code]).toEqual([409, "wrong_state"]);
    expect(refused.body.detail).toBe("Alex has this conversation already.");
  });

  test("giving back ends the handoff as the member's, and resolves the conversation in the helpdesk", async () => {
    const handoffId = await askedAndOpened(world, "c-1");
    const { client: agent } = await signedIn();
    const key = { "Idempotency-Key": "back-1" };
    for (const _press of [1, 2]) {
      const done = await agent.post(`${at()}/return`, undefined, key);
      expect([done.status, done.body]).toEqual([200, { control: "bot", status: "resolved", note: null }]);
    }
    const { events } = (await world.bot.get(`/v1/handoffs/${handoffId}`)).body;
    const end = events.find((one: { type: string }) => one.type === "handoff.resolved");
    expect(end.data).toMatchObject({
      because: "returned_to_bot",
      actor: { kind: "agent", name: "Irina Pop" },
    });
    await eventually(() => only().status === "resolved");
    expect(await stateOf(world, "c-1")).toMatchObject({ control: "bot" });
    const again = await agent.post(`${at()}/return`);
    expect([again.status, again.body.code]).toEqual([409, "wrong_state"]);
    expect((await agent.post(`${at()}/accept`)).status).toBe(409);
    expect((await agent.get(at())).body).toMatchObject({ canAccept: false, canReturn: false, control: "bot" });
  });

  test("what is not ours, or not theirs, is not there", async () => {
    await askedAndOpened(world, "c-1");
    const { client: agent } = await signedIn();
    const unknown = { connection: at(only().id, "con_unknown"), conversation: at(only().id + 1), odd: at("..%2f1") };
    for (const path of Object.values(unknown)) {
      expect((await agent.get(path)).body.code).toBe("not_found");
      expect((await agent.post(`${path}/return`)).body.code).toBe("not_found");
      expect((await agent.post(`${path}/accept`)).body.code).toBe("not_found");
    }
    const operator = world.baton.tokens.issue({
      scope: "operator",
      workspaceId: null,
      subject: "operator",
      ttlSeconds: 60,
      jti: "tok_op",
    });
    const neighbour = (await world.as(operator).post("/v1/workspaces", { name: "Next door" })).body;
    const theirs = world.as(neighbour.adminToken);
    const { id } = (await theirs.post("/v1/members", { name: "Neighbour" })).body;
    const made = (await theirs.post(`/v1/members/${id}/sign-in-links`)).body;
    const spy = world.as((await redeem(codeOf(made.url))).body.token);
    for (const one of [theirs, spy]) {
      expect((await one.get(at())).status).toBe(404);
      expect((await one.post(`${at()}/return`)).status).toBe(404);
    }
    expect((await spy.post(`${at()}/accept`)).status).toBe(404);
    expect(await stateOf(world, "c-1")).toMatchObject({ control: "human", handoff: { status: "pending" } });
    for (const one of [world.bot, stranger]) expect([401, 403]).toContain((await one.get(at())).status);
  });
});

describe("the page", () => {
  const strict = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
  };

  test("may be framed by its connection's Chatwoot and nothing else, and loads nothing from elsewhere", async () => {
    const response = await page(`chatwoot/${connectionId}`);
    const html = await response.text();
    expect(response.status).toBe(200);
    expect(policyOf(response)).toEqual({ ...strict, "frame-ancestors": desk.url });
    expect(response.headers.get("x-frame-options")).toBeNull();
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(response.headers.get("set-cookie")).toBeNull();
    expect(html).toContain(`data-helpdesk="${desk.url}"`);
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|https?:\/\/(?!127\.0\.0\.1)/);
    // No data of anybody's: it is the same for whoever asks.
    expect(html).not.toContain("Support");
  });

  test.each([
    ["https://desk.example", "https://desk.example"],
    ["https://desk.example:8443/support/", "https://desk.example:8443"],
    ["https://DESK.example/", "https://desk.example"],
    ["http://[::1]:3000", "http://[::1]:3000"],
  ])("a Chatwoot at %s frames it as %s", async (baseUrl, origin) => {
    await world.baton.store.write((tx) =>
      tx.updateConnection(world.first.workspaceId, connectionId, { config: { baseUrl } }),
    );
    expect(policyOf(await page(`chatwoot/${connectionId}`))["frame-ancestors"]).toBe(origin);
  });

  test.each(["https://desk;script-src.example", "javascript:alert(1)", "null", "", "https://a,b.example", 7])(
    "an address like %j frames nothing",
    async (baseUrl) => {
      await world.baton.store.write((tx) =>
        tx.updateConnection(world.first.workspaceId, connectionId, { config: { baseUrl } }),
      );
      const response = await page(`chatwoot/${connectionId}`);
      expect([response.status, policyOf(response)]).toEqual([404, { ...strict, "frame-ancestors": "'none'" }]);
    },
  );

  test("of an unknown connection, or one to something else, it is empty and framed by nobody", async () => {
    const other = await world.admin.post("/v1/connections", {
      type: "freshchat",
      name: "Other",
      config: { baseUrl: "https://acme.freshchat.com", apiToken: "t" },
    });
    expect(other.status).toBe(201);
    for (const id of ["con_unknown", other.body.id, "%00", "a".repeat(300), "..%2f..%2fetc"]) {
      const response = await page(`chatwoot/${id}`);
      expect([response.status, policyOf(response)]).toEqual([404, { ...strict, "frame-ancestors": "'none'" }]);
      expect(response.headers.get("x-frame-options")).toBe("DENY");
      expect(await response.text()).toContain('data-helpdesk=""');
    }
    await world.settings({ destinations: [{ id: "inbox" }] });
    expect((await world.admin.delete(`/v1/connections/${connectionId}`)).status).toBeLessThan(300);
    expect((await page(`chatwoot/${connectionId}`, "HEAD")).status).toBe(404);
  });

  test("the sign-in page is framed by nobody, and keeps the window that opened it", async () => {
    const response = await page("sign-in");
    expect([response.status, policyOf(response)]).toEqual([200, { ...strict, "frame-ancestors": "'none'" }]);
    expect(response.headers.get("x-frame-options")).toBe("DENY");
    expect(response.headers.get("cross-origin-opener-policy")).toBeNull();
  });

  test("its files are served, and nothing beside them", async () => {
    for (const [file, type] of Object.entries({ "chatwoot.js": "text/javascript", "style.css": "text/css" })) {
      const response = await page(`assets/${file}`);
      expect([response.status, response.headers.get("content-type")]).toEqual([200, expect.stringContaining(type)]);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    }
    for (const path of ["assets/", "assets/../index.ts", "assets/%2e%2e/index.ts", "assets/index.ts", "index.ts", ""])
      expect((await page(path)).status).toBe(404);
  });
});
