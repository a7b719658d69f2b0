import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import {
  ask,
  askedAndOpened,
  becomes,
  heard,
  historyOf,
  incoming,
  notes,
  opened,
  reply,
  stateOf,
  typesHeard,
  visitorSays,
} from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

let world: World;
let desk: World["chatwoot"];
afterEach(async () => {
  desk.assertNoViolations();
  await world.stop();
});
const start = async (options: Parameters<typeof startWorld>[0] = {}) => {
  world = await startWorld(options);
  desk = world.chatwoot;
};
const inTime = (is: () => Promise<boolean> | boolean, step = 5_000) =>
  eventually(() => {
    world.advance(step);
    return is();
  });
const isMessages = (method: string, path: string) => method === "GET" && path.endsWith("/messages");
const isConversation = (method: string, path: string) => method === "GET" && /\/conversations\/\d+/.test(path);
const isCreation = (method: string, path: string) => method === "POST" && path.endsWith("/conversations");
const typed = (count: number) => Array.from({ length: count }, (_, index) => `typed ${index + 1}`);
/** As an older Chatwoot is connected: without a webhook secret. */
const connectUnsigned = async () => {
  const made = await world.admin.post("/v1/connections", {
    type: "chatwoot",
    config: {
      baseUrl: desk.url,
      accountId: desk.accountId,
      inboxId: desk.inboxId,
      apiAccessToken: desk.apiAccessToken,
    },
  });
  desk.setWebhookUrl(made.body.webhookUrlUnsigned);
  await world.settings({ destinations: [made.body.id] });
  return made.body;
};

describe("one conversation for each visitor (single-conversation lock)", () => {
  test("two handoffs share it, and whoever had the first has not accepted the second by that", async () => {
    await start({ chatwoot: { lockToSingleConversation: true } });
    await world.connectChatwoot(desk, { acceptWithinSeconds: 60 });
    await askedAndOpened(world, "l-1");
    const [conversation] = desk.conversations();
    desk.assign(conversation!.id, desk.agentId);
    reply(desk, conversation!.id, "First time.");
    await becomes(world, "l-1", { status: "acknowledged" });
    desk.resolve(conversation!.id, desk.agentId);
    await becomes(world, "l-1", { control: "bot", status: "resolved" });

    const second = await askedAndOpened(world, "l-1", { messages: [{ id: "m7", role: "visitor", text: "Me again." }] });
    expect(desk.conversations()).toHaveLength(1);
    expect(desk.conversation(conversation!.id).status).toBe("open");
    expect(incoming(desk, conversation!.id)).toContain("Me again.");
    await desk.settled();
    expect(await stateOf(world, "l-1")).toMatchObject({ handoff: { id: second, status: "pending", agent: null } });
    world.advance(61_000);
    await becomes(world, "l-1", { control: "bot", mode: "lead" });
    reply(desk, conversation!.id, "Second time.");
    await becomes(world, "l-1", { control: "human", mode: "live", status: "acknowledged" });
    expect((await historyOf(world, "l-1")).filter(([role]) => role === "agent")).toEqual([
      ["agent", "First time."],
      ["agent", "Second time."],
    ]);
  });
});

describe("attachments", () => {
  test("a visitor's file goes in as a file, an agent's comes out as a link", async () => {
    await start();
    const files = createServer((_request, response) => {
      response.writeHead(200, { "Content-Type": "image/png" }).end(Buffer.from("not really a picture"));
    });
    await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void files.close());
    const url = `http://127.0.0.1:${(files.address() as AddressInfo).port}/photo.png`;
    await world.connectChatwoot();
    await askedAndOpened(world, "a-1");
    const [conversation] = desk.conversations();
    const gone = url.replace("photo", "gone").replace(/:\d+/, ":1");
    await world.bot.post("/v1/conversations/a-1/messages", {
      text: "Look",
      attachments: [
        { url, name: "photo.png", contentType: "image/png" },
        { url: gone, name: "gone.png" },
      ],
    });
    const sent = await eventually(() => desk.messages(conversation!.id).find((one) => one.attachments.length > 0));
    expect(sent.attachments.map((one) => [one.fileName, Buffer.from(one.bytes).toString()])).toEqual([
      ["photo.png", "not really a picture"],
    ]);
    expect([sent.messageType, sent.content]).toEqual(["incoming", `Look\ngone.png: ${gone}`]);
    const bytes = new TextEncoder().encode("%PDF-");
    const attachments = [{ name: "invoice.pdf", type: "application/pdf", bytes }];
    desk.agentReplies(conversation!.id, { agentId: desk.agentId, content: "", attachments });
    const told = await heard(world, "message.created");
    expect(told.data.message.attachments).toHaveLength(1);
    expect(await (await fetch(told.data.message.attachments[0].url)).text()).toBe("%PDF-");
  });
});

describe("a Chatwoot too old to sign", () => {
  test("the secret in the address lets a webhook in, and the content comes from Chatwoot itself", async () => {
    await start({ chatwoot: { version: "4.0.0" } });
    const connection = await connectUnsigned();
    await askedAndOpened(world, "o-1");
    const [conversation] = desk.conversations();
    reply(desk, conversation!.id, "From the API.");
    expect((await heard(world, "message.created")).data.message.text).toBe("From the API.");

    const real = desk.webhooksSent().findLast((one) => one.rawBody.includes("From the API."))!;
    const forged = real.rawBody.replaceAll("From the API.", "Forged!").replaceAll(/"id":9(\d{3})/g, '"id":8$1');
    const post = (url: string) =>
      fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: forged });
    expect((await post(connection.webhookUrl)).status).toBe(401);
    expect((await post(`${connection.webhookUrl}/guessed`)).status).toBe(401);
    expect((await post(connection.webhookUrlUnsigned)).status).toBe(200);
    reply(desk, conversation!.id, "Really.");
    await heard(world, "message.created", 2);
    expect((await historyOf(world, "o-1")).map(([, text]) => text)).not.toContain("Forged!");

    desk.resolve(conversation!.id, desk.agentId);
    await becomes(world, "o-1", { control: "bot", status: "resolved" });
    desk.reopen(conversation!.id, desk.agentId);
    await becomes(world, "o-1", { control: "human", mode: "live" });
    reply(desk, conversation!.id, "Again.");
    await heard(world, "message.created", 3);
  });

  test("after an update the secret is set, and the address alone lets nobody in", async () => {
    await start();
    const connection = await connectUnsigned();
    await askedAndOpened(world, "o-2");
    await world.admin.patch(`/v1/connections/${connection.id}`, { config: { webhookSecret: desk.webhookSecret } });
    const [conversation] = desk.conversations();
    reply(desk, conversation!.id, "Signed now.");
    await heard(world, "message.created");
    const bare = await fetch(connection.webhookUrlUnsigned, { method: "POST", body: '{"event":"message_created"}' });
    expect(bare.status).toBe(401);
  });
});

describe("a conversation that was deleted in Chatwoot", () => {
  const notFound = { status: 404 as 401, body: { error: "Resource could not be found" } };

  test("gives the visitor back to the bot, once it has been missing for a while", async () => {
    await start();
    await world.connectChatwoot();
    await askedAndOpened(world, "d-1");
    const [conversation] = desk.conversations();
    reply(desk, conversation!.id, "One moment.");
    await becomes(world, "d-1", { status: "acknowledged" });
    await desk.settled();
    desk.trouble.failNext(100_000, { ...notFound, match: isConversation });
    const isMissed = () =>
      desk.requests().some(({ path, status }) => status === 404 && path.includes("/conversations/"));
    await inTime(isMissed, 1_000);
    // A proxy may say so for a moment.
    expect((await stateOf(world, "d-1")).control).toBe("human");
    await inTime(async () => (await stateOf(world, "d-1")).control === "bot", 20_000);
    expect((await heard(world, "handoff.resolved")).data.because).toBe("conversation_gone");
  });

  test("is not taken for deleted where the whole account answers so", async () => {
    await start();
    await world.connectChatwoot(desk, { acceptWithinSeconds: 0 });
    await askedAndOpened(world, "d-2");
    desk.trouble.failNext(100_000, notFound);
    const asked = () => desk.requests().filter(({ status }) => status === 404).length;
    await inTime(() => asked() > 12, 30_000);
    expect((await stateOf(world, "d-2")).control).toBe("human");
  });
});

describe("when Chatwoot does not let us look", () => {
  test.each([
    [401, "You are not authorized to do this action"],
    [403, "Forbidden"],
    [404, "Resource could not be found"],
  ])("the signed webhook's own content is used (%s)", async (status, error) => {
    await start();
    await world.connectChatwoot();
    await askedAndOpened(world, "w-1");
    const [conversation] = desk.conversations();
    await desk.settled();
    desk.trouble.failNext(10_000, { status: status as 401, match: isMessages, body: { error } });
    reply(desk, conversation!.id, "Told by the webhook.");
    expect((await heard(world, "message.created")).data.message.text).toBe("Told by the webhook.");
    desk.trouble.reset();
    reply(desk, conversation!.id, "Read from the list.");
    await heard(world, "message.created", 2);
    desk.resolve(conversation!.id, desk.agentId);
    await becomes(world, "w-1", { control: "bot", status: "resolved" });
    expect((await historyOf(world, "w-1")).filter(([role]) => role === "agent")).toEqual([
      ["agent", "Told by the webhook."],
      ["agent", "Read from the list."],
    ]);
  });
});

describe("when nothing gets through", () => {
  test("a refused token: messages wait, the problem is told in words, and they flow once it is mended", async () => {
    await start();
    const connection = await world.connectChatwoot();
    await askedAndOpened(world, "t-1");
    desk.trouble.failNext(10_000, { status: 401 });
    for (const text of typed(3)) await visitorSays(world, "t-1", text);
    const shown = await eventually(async () => {
      const { body } = await world.admin.get(`/v1/connections/${connection}`);
      return body.problem === null ? null : body;
    });
    expect(shown.problem).toContain("access token");
    expect(shown.problem).not.toContain(desk.apiAccessToken);
    expect(await stateOf(world, "t-1")).toMatchObject({ control: "human", handoff: { status: "pending" } });
    desk.trouble.reset();
    const config = { apiAccessToken: desk.apiAccessToken };
    expect((await world.admin.patch(`/v1/connections/${connection}`, { config })).status).toBe(200);
    const [conversation] = desk.conversations();
    await inTime(() => incoming(desk, conversation!.id).length === 4, 1_000);
    expect(incoming(desk, conversation!.id)).toEqual(["1042. I want a person.", ...typed(3)]);
    await inTime(async () => (await world.admin.get(`/v1/connections/${connection}`)).body.problem === null);
  });

  test("down for a while, and over a restart: what the visitor said arrives, each once, in order", async () => {
    await start();
    await world.connectChatwoot();
    await askedAndOpened(world, "t-2");
    await desk.trouble.down("refused");
    for (const text of typed(6)) await visitorSays(world, "t-2", text);
    await world.restart();
    await visitorSays(world, "t-2", "typed 7");
    await desk.trouble.up();
    const [conversation] = desk.conversations();
    await inTime(() => incoming(desk, conversation!.id).length === 8, 1_000);
    expect(incoming(desk, conversation!.id)).toEqual(["1042. I want a person.", ...typed(7)]);
  });
});

describe("two destinations", () => {
  test("the second takes over with all that was typed; the first keeps nothing open and is not listened to", async () => {
    await start();
    const other = await startChatwoot({ clock: () => world.clock() });
    onTestFinished(() => other.stop());
    const second = await world.connectChatwoot(other);
    const first = await world.connectChatwoot(desk);
    await world.settings({ destinations: [first, second], contactForm: "always" });
    desk.trouble.timeoutAfterDoingTheWork(1, isCreation, "destroy");
    desk.trouble.failNext(10_000, { status: 503, match: () => desk.conversations().length > 0 });
    const { body } = await ask(world, "n-1");
    await visitorSays(world, "n-1", "typed meanwhile");
    const fields = { name: "Ana", email: "ana@example.com", phone: "+40721234567" };
    await world.bot.post(`/v1/handoffs/${body.handoff.id}/lead`, { fields, terms: true });
    expect((await opened(world, body.handoff.id)).handoff.destination).toBe(second);
    const [conversation] = other.conversations();
    await eventually(() => notes(other, conversation!.id).includes("+40721234567"));
    const all = other.messages(conversation!.id).map((one) => one.content);
    expect(all.join("\n").match(/typed meanwhile/g)!.length).toBeGreaterThanOrEqual(1);
    desk.trouble.reset();
    await inTime(() => desk.conversations()[0]!.status === "resolved", 1_000);
    reply(desk, desk.conversations()[0]!.id, "Too late, from the first.");
    reply(other, conversation!.id, "From the second.");
    await heard(world, "message.created");
    await desk.settled();
    expect((await historyOf(world, "n-1")).filter(([role]) => role === "agent")).toEqual([
      ["agent", "From the second."],
    ]);
    await world.bot.post(`/v1/handoffs/${body.handoff.id}/resolve`);
    await eventually(() => other.conversation(conversation!.id).status === "resolved");
    expect(typesHeard(world)).not.toContain("handoff.missed");
    expect(incoming(desk, desk.conversations()[0]!.id)).not.toContain("typed meanwhile");
  });
});

test("asked again after nobody accepted in time: the same conversation, and both sides hear each other", async () => {
  await start();
  await world.connectChatwoot(desk, { acceptWithinSeconds: 60 });
  const id = await askedAndOpened(world, "g-1");
  world.advance(61_000);
  await becomes(world, "g-1", { control: "bot", mode: "lead" });
  await visitorSays(world, "g-1", "Is anybody there now?");
  const again = await ask(world, "g-1");
  expect([again.status, again.body.handoff.id, again.body.control]).toEqual([200, id, "human"]);
  await opened(world, id);
  expect(desk.conversations()).toHaveLength(1);
  const [conversation] = desk.conversations();
  expect(incoming(desk, conversation!.id).at(-1)).toBe("Is anybody there now?");
  reply(desk, conversation!.id, "Now, yes.");
  await heard(world, "message.created");
  world.advance(61_000);
  await becomes(world, "g-1", { control: "human", status: "acknowledged", mode: "live" });
});
