import { afterEach, beforeEach, expect, test } from "vitest";
import { OPERATOR_SUBJECT } from "../../src/http/principal.ts";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import type { ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { asking, ana } from "./steps.ts";
import { eventually, startBot, startWorld } from "./world.ts";
import type { BotServer, Client, World } from "./world.ts";

/** Two businesses, whose bots use the same ids and whose Chatwoots give the same numbers to everything. */
interface Business {
  readonly admin: Client;
  readonly bot: Client;
  readonly botToken: string;
  readonly botId: string;
  readonly desk: ChatwootSimulator;
  readonly connection: string;
  readonly callbacks: BotServer;
}

let world: World;
let blue: Business;
let red: Business;

beforeEach(async () => {
  world = await startWorld();
  const operator = world.as(
    world.baton.tokens.issue({
      scope: "operator",
      workspaceId: null,
      subject: OPERATOR_SUBJECT,
      ttlSeconds: 600,
      jti: "op",
    }),
  );
  blue = await business(
    "Blue",
    (await operator.post("/v1/workspaces", { name: "Blue" })).body.adminToken,
    world.chatwoot,
  );
  const other = await startChatwoot({ clock: () => world.clock(), secret: "another-secret-of-the-other-inbox" });
  red = await business("Red", (await operator.post("/v1/workspaces", { name: "Red" })).body.adminToken, other);
});
afterEach(async () => {
  await Promise.all([blue.callbacks.stop(), red.callbacks.stop(), red.desk.stop()]);
  await world.stop();
});

async function business(name: string, adminToken: string, desk: ChatwootSimulator): Promise<Business> {
  const admin = world.as(adminToken);
  let secret = "";
  const callbacks = await startBot(() => secret);
  const { body: made } = await admin.post("/v1/bots", { name, callbackUrl: callbacks.url });
  const botId = made.id;
  secret = made.signingSecret;
  const { body: issued } = await admin.post(`/v1/bots/${botId}/tokens`, {});
  const { url: baseUrl, accountId, inboxId, apiAccessToken, webhookSecret } = desk;
  const config = { baseUrl, accountId, inboxId, apiAccessToken, webhookSecret };
  const { body: connection } = await admin.post("/v1/connections", { type: "chatwoot", config });
  desk.setWebhookUrl(connection.webhookUrl);
  await admin.patch(`/v1/bots/${botId}`, { settings: { destinations: [connection.id] } });
  return {
    admin,
    bot: world.as(issued.token),
    botToken: issued.token,
    botId,
    desk,
    connection: connection.id,
    callbacks,
  };
}

const said = (one: Business) =>
  one.callbacks.heard.filter(({ type }) => type === "message.created").map(({ data }) => data.message.text);
const openIn = async (one: Business, name: string): Promise<{ id: string; visitorToken: string }> => {
  const { body } = await one.bot.post("/v1/handoffs", asking("c-1", { visitor: { ...ana, name } }));
  await eventually(async () => (await one.bot.get(`/v1/handoffs/${body.handoff.id}`)).body.handoff.opened);
  return { id: body.handoff.id, visitorToken: body.visitorToken };
};

test("the same ids on both sides, and nothing crosses", async () => {
  const [mine, theirs] = [await openIn(blue, "Ana Blue"), await openIn(red, "Ana Red")];
  const [here, there] = [blue.desk.conversations()[0]!, red.desk.conversations()[0]!];
  expect(here.id).toBe(there.id);
  blue.desk.agentReplies(here.id, { agentId: blue.desk.agentId, content: "from blue" });
  red.desk.agentReplies(there.id, { agentId: red.desk.agentId, content: "from red" });
  await eventually(() => said(blue).length > 0 && said(red).length > 0);
  await Promise.all([blue.desk.settled(), red.desk.settled()]);
  expect([said(blue), said(red)]).toEqual([["from blue"], ["from red"]]);
  await blue.bot.post("/v1/conversations/c-1/messages", { id: "m9", text: "only for blue" });
  await eventually(() => blue.desk.messages(here.id).some((one) => one.content === "only for blue"));
  const seen = JSON.stringify([
    red.desk.messages(there.id),
    (await red.bot.get("/v1/conversations/c-1/messages")).body,
  ]);
  expect(seen).not.toContain("blue");
  blue.desk.resolve(here.id, blue.desk.agentId);
  await eventually(async () => (await blue.bot.get("/v1/conversations/c-1")).body.control === "bot");
  expect((await red.bot.get("/v1/conversations/c-1")).body).toMatchObject({
    control: "human",
    handoff: { id: theirs.id },
  });
  expect((await blue.bot.get("/v1/conversations/c-1")).body.visitor.name).toBe("Ana Blue");
  expect(mine.id).not.toBe(theirs.id);
});

test("a foreign id answers exactly like one that nobody has, whatever the token", async () => {
  const theirs = await openIn(red, "Ana Red");
  const mine = await openIn(blue, "Ana Blue");
  const { body: member } = await red.admin.post("/v1/members", { name: "Rosa", role: "agent" });
  const { body: own } = await blue.admin.post("/v1/members", { name: "Bo", role: "agent" });
  const agent = world.as((await blue.admin.post(`/v1/members/${own.id}/tokens`, {})).body.token);
  const visitor = world.as(mine.visitorToken);
  const delivery = (await red.admin.get("/v1/deliveries")).body.items[0].id;
  const asks: [Client, "get" | "post" | "patch" | "delete" | "put", (id: string) => string, string, string][] = [
    [blue.bot, "get", (id) => `/v1/handoffs/${id}`, theirs.id, "hnd_nobody"],
    [blue.bot, "post", (id) => `/v1/handoffs/${id}/resolve`, theirs.id, "hnd_nobody"],
    [blue.bot, "post", (id) => `/v1/handoffs/${id}/cancel`, theirs.id, "hnd_nobody"],
    [visitor, "get", (id) => `/v1/handoffs/${id}`, theirs.id, "hnd_nobody"],
    [visitor, "post", (id) => `/v1/handoffs/${id}/cancel`, theirs.id, "hnd_nobody"],
    [agent, "get", (id) => `/v1/handoffs/${id}/messages`, theirs.id, "hnd_nobody"],
    [agent, "post", (id) => `/v1/handoffs/${id}/accept`, theirs.id, "hnd_nobody"],
    [blue.admin, "post", (id) => `/v1/handoffs/${id}/resolve`, theirs.id, "hnd_nobody"],
    [blue.admin, "get", (id) => `/v1/bots/${id}`, red.botId, "bot_nobody"],
    [blue.admin, "post", (id) => `/v1/bots/${id}/tokens`, red.botId, "bot_nobody"],
    [blue.admin, "get", (id) => `/v1/connections/${id}`, red.connection, "con_nobody"],
    [blue.admin, "delete", (id) => `/v1/connections/${id}`, red.connection, "con_nobody"],
    [blue.admin, "post", (id) => `/v1/connections/${id}/check`, red.connection, "con_nobody"],
    [blue.admin, "post", (id) => `/v1/members/${id}/tokens`, member.id, "mem_nobody"],
    [blue.admin, "get", (id) => `/v1/deliveries/${id}`, delivery, "dlv_999999"],
    [blue.admin, "post", (id) => `/v1/deliveries/${id}/retry`, delivery, "dlv_999999"],
  ];
  for (const [who, method, path, foreign, unknown] of asks) {
    const call = (id: string) =>
      method === "get" || method === "delete" ? who[method](path(id)) : who[method](path(id), {});
    const [a, b] = [await call(foreign), await call(unknown)];
    expect([path("…"), a.status, a.body.code, a.body.detail]).toEqual([path("…"), 404, "not_found", b.body.detail]);
    expect(b.status).toBe(404);
  }
  const listed = await Promise.all(
    ["/v1/handoffs", "/v1/leads", "/v1/connections", "/v1/bots", "/v1/members", "/v1/deliveries"].map((path) =>
      blue.admin.get(path),
    ),
  );
  const shown = JSON.stringify(listed.map((one) => one.body));
  for (const secret of [theirs.id, red.connection, red.botId, member.id, "Ana Red"])
    expect(shown).not.toContain(secret);
  const stolen = await blue.admin.patch(`/v1/bots/${blue.botId}`, { settings: { destinations: [red.connection] } });
  expect([stolen.status, stolen.body.code]).toEqual([422, "validation_failed"]);
  expect((await red.bot.get(`/v1/handoffs/${theirs.id}`)).body.handoff.status).toBe("pending");
});

test("a webhook that blue's Chatwoot signed tells nothing about red's account, inbox or conversation", async () => {
  await openIn(blue, "Ana Blue");
  await openIn(red, "Ana Red");
  const [here] = blue.desk.conversations();
  blue.desk.agentReplies(here!.id, { agentId: blue.desk.agentId, content: "genuine" });
  await eventually(() => said(blue).length === 1);
  const sent = blue.desk.webhooksSent().findLast((one) => one.rawBody.includes("genuine"))!;
  const genuine = JSON.parse(sent.rawBody);
  const forgeries = [
    { ...genuine, id: 90_001, account: { id: 2, name: "Red" } },
    { ...genuine, id: 90_002, inbox: { ...genuine.inbox, id: 99 } },
    { ...genuine, id: 90_003, conversation: { ...genuine.conversation, inbox_id: 99 } },
    { ...genuine, id: 90_004, conversation: { ...genuine.conversation, id: 4_711 } },
  ];
  for (const forged of forgeries) {
    const status = await blue.desk.forge({ ...forged, content: "crossed" }, { secret: blue.desk.webhookSecret });
    expect(status).toBeLessThan(500);
  }
  // With blue's signature at red's door, and the other way round.
  const [mine, theirs] = [blue.desk.webhookUrl(), red.desk.webhookUrl()];
  blue.desk.setWebhookUrl(theirs);
  expect(
    await blue.desk.forge({ ...genuine, id: 90_005, content: "crossed" }, { secret: blue.desk.webhookSecret }),
  ).toBe(401);
  blue.desk.setWebhookUrl(mine);
  await Promise.all([blue.desk.settled(), red.desk.settled()]);
  red.desk.agentReplies(red.desk.conversations()[0]!.id, { agentId: red.desk.agentId, content: "from red" });
  await eventually(() => said(red).length === 1);
  expect([said(blue), said(red)]).toEqual([["genuine"], ["from red"]]);
});

test("two bots of one business do not see each other's conversations either", async () => {
  const mine = await openIn(blue, "Ana Blue");
  const { body: made } = await blue.admin.post("/v1/bots", { name: "Second" });
  const { body: issued } = await blue.admin.post(`/v1/bots/${made.id}/tokens`, {});
  const second = world.as(issued.token);
  for (const path of ["/v1/conversations/c-1", "/v1/conversations/c-1/messages", `/v1/handoffs/${mine.id}`])
    expect((await second.get(path)).status).toBe(404);
  const refused = await second.post(`/v1/handoffs/${mine.id}/lead`, {
    fields: { name: "x", email: "x@example.com" },
    terms: true,
  });
  expect(refused.status).toBe(404);
});
