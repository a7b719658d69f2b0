import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask, asking, becomes, historyOf, stateOf } from "./steps.ts";
import { startWorld } from "./world.ts";
import type { World } from "./world.ts";

/** A bot platform that sends webhooks instead of calling the routes. Mia is at the inbox. */
let world: World;
let mia: World["bot"];
let round = 0;
beforeAll(async () => {
  world = await startWorld();
  mia = (await world.agent("Mia")).client;
});
afterAll(() => world.stop());
beforeEach(() => {
  round += 1;
});

interface How {
  readonly id?: string;
  readonly at?: Date;
  readonly secret?: string;
  /** What is signed, when it is not what is sent. */
  readonly signed?: string;
  readonly headers?: Record<string, string | undefined>;
  readonly bot?: string;
}

let ids = 0;
async function send(body: unknown, how: How = {}): Promise<{ status: number; code: string | undefined }> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const id = how.id ?? `msg_${(ids += 1)}`;
  const at = how.at ?? new Date();
  const signature = new Webhook(how.secret ?? world.first.botSigningSecret).sign(id, at, how.signed ?? text);
  const headers = Object.entries({
    "Content-Type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": signature,
    ...how.headers,
  }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const response = await fetch(`${world.baton.baseUrl()}/webhooks/bots/${how.bot ?? world.first.botId}`, {
    method: "POST",
    headers,
    body: text,
  });
  return { status: response.status, code: ((await response.json()) as { code?: string }).code };
}

const key = () => `b-${round}`;
const escalated = (id = key()) => ({
  type: "conversation.escalated",
  timestamp: "2026-11-20T09:00:00Z",
  data: asking(id),
});
const created = (message: Record<string, unknown>, id = key()) => ({
  type: "message.created",
  data: { conversationId: id, message },
});
const closed = (id = key()) => ({ type: "conversation.closed", data: { conversationId: id } });

test("a conversation is escalated, goes on and is closed by webhooks alone", async () => {
  expect((await send(escalated())).status).toBe(200);
  expect(await stateOf(world, key())).toMatchObject({ control: "human", handoff: { mode: "live", status: "pending" } });
  expect((await send(created({ id: "m4", text: "Hello?" }))).status).toBe(200);
  expect((await historyOf(world, key())).at(-1)).toEqual(["visitor", "Hello?"]);
  expect(await send(created({ role: "bot", text: "Me!" }))).toEqual({ status: 409, code: "human_in_control" });
  expect((await send(closed())).status).toBe(200);
  await becomes(world, key(), { control: "bot", status: "resolved" });
  expect((await send(closed())).status).toBe(200);
  expect((await send(created({ role: "bot", text: "Back." }))).status).toBe(200);
});

test("the same webhook twice, at the same moment and later, acts once", async () => {
  await send(escalated());
  const message = created({ text: "only once" });
  const answers = await Promise.all(Array.from({ length: 5 }, () => send(message, { id: `twice-${round}` })));
  expect(answers.map((one) => one.status)).toEqual([200, 200, 200, 200, 200]);
  await world.restart();
  expect((await send(message, { id: `twice-${round}`, at: new Date(Date.now() - 100_000) })).status).toBe(200);
  expect((await historyOf(world, key())).filter(([, text]) => text === "only once")).toHaveLength(1);
});

test("one that failed is not taken for done when it is sent again", async () => {
  const message = created({ text: "too early" });
  expect((await send(message, { id: `again-${round}` })).status).toBe(404);
  await send(escalated());
  expect((await send(message, { id: `again-${round}` })).status).toBe(200);
  expect((await historyOf(world, key())).at(-1)).toEqual(["visitor", "too early"]);
});

test("closing a conversation whose visitor left contact details leaves the lead to the team", async () => {
  await world.settings({ agentsAvailable: false });
  const { body } = await ask(world, key());
  const fields = { name: "Ana", email: "ana@example.com" };
  await world.bot.post(`/v1/handoffs/${body.handoff.id}/lead`, { fields, terms: true });
  expect((await send(closed())).status).toBe(200);
  expect((await stateOf(world, key())).handoff.status).toBe("pending");
  const waiting = await mia.get("/v1/handoffs?status=pending&mode=lead");
  expect(waiting.body.items.map((one: { id: string }) => one.id)).toContain(body.handoff.id);
  await world.settings({ agentsAvailable: null });
});

describe("refused, with nothing stored", () => {
  const otherSecret = `whsec_${Buffer.from("x".repeat(32)).toString("base64")}`;

  test.each<[string, () => How, number, string]>([
    ["a wrong secret", () => ({ secret: otherSecret }), 401, "invalid_signature"],
    ["another body signed", () => ({ signed: "{}" }), 401, "invalid_signature"],
    ["no signature", () => ({ headers: { "webhook-signature": undefined } }), 401, "invalid_signature"],
    ["an empty signature", () => ({ headers: { "webhook-signature": "" } }), 401, "invalid_signature"],
    ["a signature of another kind", () => ({ headers: { "webhook-signature": "v1a,AAAA" } }), 401, "invalid_signature"],
    ["no id", () => ({ headers: { "webhook-id": undefined } }), 401, "invalid_signature"],
    ["another id than signed", () => ({ headers: { "webhook-id": "msg_other" } }), 401, "invalid_signature"],
    ["no time", () => ({ headers: { "webhook-timestamp": undefined } }), 401, "invalid_signature"],
    ["a time that is no number", () => ({ headers: { "webhook-timestamp": "1e9" } }), 401, "invalid_signature"],
    ["six minutes old", () => ({ at: new Date(Date.now() - 6 * 60_000) }), 401, "stale_webhook"],
    ["six minutes early", () => ({ at: new Date(Date.now() + 6 * 60_000) }), 401, "stale_webhook"],
    ["an unknown bot", () => ({ bot: "bot_nobody" }), 404, "not_found"],
    [
      "ten thousand signatures",
      () => ({ headers: { "webhook-signature": "v1,AAAA ".repeat(1_200) } }),
      401,
      "invalid_signature",
    ],
  ])("%s", async (_what, how, status, code) => {
    expect(await send(escalated(), how())).toEqual({ status, code });
    expect((await world.bot.get(`/v1/conversations/${key()}`)).status).toBe(404);
  });

  test.each<[string, string, number]>([
    ["no JSON", "{", 400],
    ["nothing", "", 400],
    ["too deep", `${"[".repeat(5_000)}${"]".repeat(5_000)}`, 400],
    ["a known type without data", '{"type":"conversation.escalated"}', 422],
    ["an unknown field", '{"type":"conversation.closed","data":{"conversationId":"b","workspaceId":"ws_1"}}', 422],
    ["a message without words", '{"type":"message.created","data":{"conversationId":"b","message":{"text":" "}}}', 422],
  ])("%s", async (_what, body, status) => {
    const answer = await send(body);
    expect([answer.status, answer.code === undefined]).toEqual([status, false]);
  });

  test.each([['{"type":"conversation.rated","data":{}}'], ['{"type":5}'], ["null"], ["[]"], ['"text"']])(
    "an event that nobody knows is taken and ignored: %s",
    async (body) => {
      expect((await send(body)).status).toBe(200);
    },
  );

  test("bytes that are no UTF-8", async () => {
    const at = new Date();
    const bytes = Buffer.concat([Buffer.from('{"type":"x","a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    const signature = new Webhook(world.first.botSigningSecret).sign("msg_bytes", at, bytes.toString("utf8"));
    const response = await fetch(`${world.baton.baseUrl()}/webhooks/bots/${world.first.botId}`, {
      method: "POST",
      headers: {
        "webhook-id": "msg_bytes",
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": signature,
      },
      body: bytes,
    });
    expect(response.status).toBe(400);
  });
});
