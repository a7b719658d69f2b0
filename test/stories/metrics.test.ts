import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** By node:http, since fetch sends no Host of one's own. */
function get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(world.baton.baseUrl() + path, { headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (some: string) => (text += some));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", text }),
      );
    });
    asked.on("error", reject).end();
  });
}

/** The value of a sample, by its name and labels as they are written; 0 when it is not there. */
function valueIn(text: string, sample: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  return line === undefined ? 0 : Number(line.slice(sample.length + 1));
}
const figures = async () => (await get("/metrics")).text;
const value = async (sample: string) => valueIn(await figures(), sample);

const token = (
  scope: "operator" | "admin" | "bot",
  workspaceId: string | null,
  subject: string,
  jti = `tok_of_${scope}`,
) => world.baton.tokens.issue({ scope, workspaceId, subject, ttlSeconds: 600, jti });
const VIA_PROXY = { "X-Forwarded-For": "203.0.113.7" };

describe("who may read", () => {
  test("a program on this machine, without a token", async () => {
    const { status, type, text } = await get("/metrics");
    expect([status, type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(text).toContain("# TYPE baton_http_requests_total counter");
    expect(text).toContain("# TYPE nodejs_eventloop_lag_seconds gauge");
    expect(text).toContain("# TYPE process_resident_memory_bytes gauge");
  });

  test("an operator from elsewhere, with a token", async () => {
    const bearer = { Authorization: `Bearer ${token("operator", null, "operator")}`, ...VIA_PROXY };
    expect((await get("/metrics", bearer)).status).toBe(200);
  });

  test.each<[string, () => Record<string, string>]>([
    ["a request that a proxy on this machine passes on", () => VIA_PROXY],
    ["one that a proxy passes on in the standard's words", () => ({ Forwarded: "for=203.0.113.7" })],
    ["a page in a browser here that calls this machine by another name", () => ({ Host: "evil.example" })],
    ["an admin", () => ({ ...VIA_PROXY, Authorization: `Bearer ${world.first.adminToken}` })],
    ["a bot", () => ({ ...VIA_PROXY, Authorization: `Bearer ${world.first.botToken}` })],
    ["a token that is none", () => ({ ...VIA_PROXY, Authorization: "Bearer operator" })],
  ])("not %s", async (_who, headers) => {
    const { status, text } = await get("/metrics", headers());
    expect(status).toBe(401);
    expect(JSON.parse(text)).toMatchObject({ code: "unauthenticated" });
    expect(text).not.toContain("baton_http_requests_total");
  });

  test("nobody at a path below it, and nobody by another method", async () => {
    expect((await get("/metrics/x")).status).toBe(404);
    expect((await fetch(`${world.baton.baseUrl()}/metrics`, { method: "POST" })).status).toBe(405);
  });

  test("an operator's token dies with its revocation", async () => {
    const bearer = { Authorization: `Bearer ${token("operator", null, "operator", "tok_gone")}`, ...VIA_PROXY };
    world.baton.tokens.revoke("tok_gone");
    expect((await get("/metrics", bearer)).status).toBe(401);
  });
});

describe("what is counted", () => {
  test("requests by the route's template, whatever the ids are", async () => {
    const sample = 'baton_http_requests_total{method="GET",route="/v1/conversations/{id}",status="404"}';
    const before = await value(sample);
    for (let n = 0; n < 5; n += 1) await world.bot.get(`/v1/conversations/nobody-${n}`);
    expect((await value(sample)) - before).toBe(5);
    for (let n = 0; n < 5; n += 1) await world.bot.get(`/no/such/path-${n}`);
    const text = await figures();
    expect(valueIn(text, 'baton_http_requests_total{method="GET",route="none",status="404"}')).toBe(5);
    expect(text).not.toMatch(/nobody-|path-/);
  });

  test("a handoff on its way: decision, deliveries, attempts, webhooks, end", async () => {
    await world.connectChatwoot();
    const before = await figures();
    world.chatwoot.trouble.failNext(1, { status: 503, match: (method) => method === "POST" });
    const asked = await ask(world, "m-1");
    const { id } = asked.body.handoff;
    await eventually(async () => (await world.bot.get(`/v1/handoffs/${id}`)).body.handoff.opened);
    await ask(world, "m-1");
    const [conversation] = world.chatwoot.conversations();
    const { agentId } = world.chatwoot;
    world.chatwoot.agentReplies(conversation!.id, { agentId, content: "On its way." });
    await eventually(() => world.callbacks.heard.find(({ type }) => type === "message.created"));
    await world.bot.post(`/v1/handoffs/${id}/resolve`, {});
    await eventually(
      async () => (await value('baton_delivery_attempts_total{kind="helpdesk_close",outcome="done"}')) > 0,
    );

    const after = await figures();
    const grown = (sample: string) => valueIn(after, sample) - valueIn(before, sample);
    expect(grown('baton_handoff_decisions_total{outcome="live",because="open"}')).toBe(1);
    expect(grown('baton_handoff_decisions_total{outcome="live",because="already_open"}')).toBe(1);
    expect(grown('baton_handoffs_ended_total{how="resolved",by="bot"}')).toBe(1);
    expect(grown('baton_delivery_attempts_total{kind="helpdesk_open",outcome="transient"}')).toBe(1);
    expect(grown('baton_delivery_attempts_total{kind="helpdesk_open",outcome="done"}')).toBe(1);
    expect(grown('baton_delivery_attempt_duration_seconds_count{kind="helpdesk_open"}')).toBe(2);
    expect(grown('baton_webhooks_received_total{connector="chatwoot",outcome="recorded"}')).toBeGreaterThan(0);
    expect(grown('baton_webhooks_worked_total{outcome="done"}')).toBeGreaterThan(0);
    expect(grown("baton_commit_duration_seconds_count")).toBeGreaterThan(0);
    expect(grown("baton_commit_units_sum")).toBeGreaterThanOrEqual(grown("baton_commit_units_count"));
  });

  test("webhooks that are not genuine, by the connector only where there is one", async () => {
    await fetch(`${world.baton.baseUrl()}/webhooks/evil/con_evil`, { method: "POST", body: "{}" });
    await fetch(`${world.baton.baseUrl()}/webhooks/bots/${world.first.botId}`, { method: "POST", body: "{}" });
    const text = await figures();
    expect(valueIn(text, 'baton_webhooks_received_total{connector="none",outcome="refused"}')).toBe(1);
    expect(valueIn(text, 'baton_webhooks_received_total{connector="bot",outcome="refused"}')).toBe(1);
    expect(text).not.toContain("evil");
  });

  test("nothing that belongs to a workspace", async () => {
    await ask(world, "c-of-ana", { visitor: { id: "v-5", name: "Ana", email: "ana@example.com" } });
    const text = await figures();
    const { workspaceId, botId } = world.first;
    for (const inside of [workspaceId, botId, "c-of-ana", "Ana", "ana@example.com", "con_", "hnd_", "ws_"])
      expect(text).not.toContain(inside);
  });
});

describe("what is read when somebody asks", () => {
  test("what is owed and how old it is", async () => {
    const anHourAgo = new Date(world.clock().getTime() - 3_600_000);
    const lane = "mail:waits";
    const none = { connectionId: null, conversationId: null, handoffId: null, payload: {} };
    const other = await startWorld();
    const mail = { ...none, kind: "email", workspaceId: other.first.workspaceId, lane } as const;
    await other.baton.jobs.stop(0);
    await other.baton.store.write((tx) => tx.addDeliveries([mail, mail, { ...mail, state: "held" }], anHourAgo));
    const response = await fetch(`${other.baton.baseUrl()}/metrics`);
    const text = await response.text();
    await other.stop();
    expect(valueIn(text, 'baton_store_deliveries{kind="email",state="waiting"}')).toBe(2);
    expect(valueIn(text, 'baton_store_deliveries{kind="email",state="held"}')).toBe(1);
    expect(Math.round(valueIn(text, "baton_store_oldest_owed_age_seconds") / 60)).toBe(60);
  });

  test("a second Baton in the same process counts for itself", async () => {
    const other = await startWorld();
    await other.bot.get("/v1/conversations/unknown");
    const sample = 'baton_http_requests_total{method="GET",route="/v1/conversations/{id}",status="404"}';
    const text = await (await fetch(`${other.baton.baseUrl()}/metrics`)).text();
    await other.stop();
    expect(valueIn(text, sample)).toBe(1);
  });

  test("an open event stream, a connection that is down, and the parts that Baton stands on", async () => {
    await ask(world, "streamed");
    const ended = new AbortController();
    const stream = await fetch(`${world.baton.baseUrl()}/v1/conversations/streamed/events`, {
      headers: { Authorization: `Bearer ${world.first.botToken}` },
      signal: ended.signal,
    });
    expect(stream.status).toBe(200);
    const text = await figures();
    ended.abort();
    expect(valueIn(text, "baton_event_streams_open")).toBe(1);
    expect(valueIn(text, "baton_circuits_open")).toBe(0);
    expect(valueIn(text, 'baton_part_up{part="store"}')).toBe(1);
    expect(valueIn(text, 'baton_part_up{part="jobs"}')).toBe(1);
    await world.chatwoot.trouble.down("503");
    for (let n = 0; n < 6; n += 1) await ask(world, `down-${n}`);
    await eventually(async () => (await value("baton_circuits_open")) === 1);
    await world.chatwoot.trouble.up();
  });
});

describe("health", () => {
  test("/readyz names the parts", async () => {
    const { status, body } = await world.bot.get("/readyz");
    expect([status, body]).toEqual([200, { ready: true, parts: { server: "ok", store: "ok", jobs: "ok" } }]);
  });
});
