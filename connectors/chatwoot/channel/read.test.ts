import { afterEach, describe, expect, test } from "vitest";
import { channelBench } from "../../../test/contracts/chatwoot-channel-bench.ts";
import type { ChannelBench } from "../../../test/contracts/chatwoot-channel-bench.ts";
import type { ChatwootOptions } from "../../../test/simulators/chatwoot/index.ts";
import type { HostedForm, HostedView } from "../../../src/ports.ts";

let world: ChannelBench;
afterEach(() => world.stop());

let now = new Date("2026-11-20T12:00:00Z");
const start = async (options: ChatwootOptions = {}) => {
  now = new Date("2026-11-20T12:00:00Z");
  return (world = await channelBench({ clock: () => now, ...options }));
};
const pass = (seconds: number) => void (now = new Date(now.getTime() + seconds * 1_000));

const saidIn = ({ messages }: HostedView) =>
  messages.map((one) =>
    one.from === "form"
      ? `form: ${JSON.stringify(one.values)}`
      : `${one.from}: ${one.from === "agent" ? one.message.text : one.text}`,
  );

const form: HostedForm = {
  fields: [{ name: "email", type: "email", label: "E-mail", required: true }],
  terms: null,
  submitLabel: "Send",
};

describe("who the conversation is with", () => {
  test("on a website: the browser's language, the page, and no name that Chatwoot made up", async () => {
    const { simulator, site, read } = await start();
    const { conversationId, contactId } = simulator.visitorWrites(site, {
      text: "Hi",
      visitor: "stranger",
      pageUrl: "https://shop.example/p/7",
      language: "pt_BR",
    });
    expect(await read(String(conversationId))).toMatchObject({
      status: "pending",
      assignee: null,
      visitor: { id: null, name: null, email: null, phone: null },
      contactId: String(contactId),
      locale: "pt-BR",
      pageUrl: "https://shop.example/p/7",
      kind: "web_widget",
      showsForms: true,
      url: `${simulator.url}/app/accounts/${simulator.accountId}/conversations/${conversationId}`,
    });
  });

  test("on WhatsApp: their number; no form can be drawn there", async () => {
    const { simulator, whatsApp, read } = await start();
    const words = { text: "Hi", name: "Ana Pop", phone: "+40712345678" };
    const { conversationId } = simulator.visitorWrites(whatsApp, words);
    expect(await read(String(conversationId))).toMatchObject({
      visitor: { name: "Ana Pop", phone: "+40712345678" },
      kind: "whatsapp",
      showsForms: false,
      pageUrl: null,
    });
  });

  test("by e-mail: their address", async () => {
    const { simulator, mail, read } = await start();
    const words = { text: "Hi", name: "Ana Pop", email: "ana@example.com" };
    const { conversationId } = simulator.visitorWrites(mail, words);
    const view = await read(String(conversationId));
    expect(view).toMatchObject({ visitor: { email: "ana@example.com" }, kind: "email", showsForms: false });
    expect(saidIn(view)).toEqual(["visitor: Hi"]);
  });
});

describe("what was said", () => {
  test("by the visitor, by people and at first by bots, in Chatwoot's order; nothing of templates, no note", async () => {
    const { simulator, read, say, visitorAsks } = await start();
    const id = visitorAsks();
    const by = { agentId: simulator.agentId };
    await say({ conversationId: id, text: "Our own" });
    simulator.agentWritesNote(Number(id), { ...by, content: "A note" });
    simulator.agentReplies(Number(id), { ...by, content: "Hello Ana" });
    simulator.visitorAnswers(Number(id), "Thank you");
    simulator.assign(Number(id), simulator.agentId);
    const view = await read(id);
    expect(saidIn(view)).toEqual([
      "visitor: Where is my order?",
      "bot: Our own",
      "agent: Hello Ana",
      "visitor: Thank you",
    ]);
    expect(saidIn(await read(id, "1"))).not.toContain("bot: Our own");
    expect(view.messages[2]).toMatchObject({ message: { agent: { id: String(simulator.agentId), name: "Alex" } } });
    expect(view.assignee).toMatchObject({ id: String(simulator.agentId) });
  });

  test.each([
    ["a person spoke last", () => {}, true],
    ["who then set it back to the bot", (id: number) => world.simulator.setStatus(id, "pending"), false],
  ])("and whether it is answered: %s", async (_what, then, isAnswered) => {
    const { simulator, read, visitorAsks } = await start();
    const id = Number(visitorAsks());
    simulator.reopen(id);
    simulator.agentReplies(id, { agentId: simulator.agentId, content: "Hello Ana" });
    then(id);
    simulator.visitorAnswers(id, "Thank you");
    expect((await read(String(id))).isAnswered).toBe(isAnswered);
  });

  test("with its files", async () => {
    const { simulator, site, read } = await start();
    const attachments = [{ name: "photo.png", type: "image/png", bytes: new Uint8Array([1, 2, 3]) }];
    const { conversationId } = simulator.visitorWrites(site, { text: "", attachments });
    expect((await read(String(conversationId))).messages).toEqual([
      expect.objectContaining({
        from: "visitor",
        text: "",
        attachments: [expect.objectContaining({ name: "photo.png", contentType: "image/png", size: 3 })],
      }),
    ]);
  });

  test("and taken back is not told", async () => {
    const { simulator, read, visitorAsks } = await start();
    const id = visitorAsks();
    const oops = simulator.visitorAnswers(Number(id), "My card number is 1234");
    const reply = simulator.agentReplies(Number(id), { agentId: simulator.agentId, content: "Wrong chat" });
    for (const messageId of [oops, reply.id]) simulator.deleteMessage(messageId);
    expect(saidIn(await read(id))).toEqual(["visitor: Where is my order?"]);
  });

  test("is read again from the last minute on, and from all pages", async () => {
    const { simulator, read, visitorAsks } = await start({ messagesPerMinute: 1_000 });
    const id = visitorAsks("1");
    for (let count = 2; count <= 250; count += 1) simulator.visitorAnswers(Number(id), String(count));
    const first = await read(id);
    expect(first.messages).toHaveLength(250);
    expect(first.cursor).toBeNull();
    pass(61);
    simulator.visitorAnswers(Number(id), "last");
    const second = await read(id, first.cursor);
    expect(second.messages).toHaveLength(251);
    simulator.visitorAnswers(Number(id), "and last");
    expect(saidIn(await read(id, second.cursor))).toEqual(["visitor: last", "visitor: and last"]);
  });

  test("the words of a bot that holds it make it nobody's", async () => {
    const { simulator, read, visitorAsks, botId } = await start();
    const id = visitorAsks();
    simulator.assignBot(Number(id), botId);
    expect((await read(id)).assignee).toBeNull();
  });
});

/** A form of ours that stands far above what is read again, and how it stands. */
async function longAgo() {
  const { simulator, read, say, visitorAsks } = await start();
  const id = visitorAsks();
  await say({ conversationId: id, text: "Leave your address.", form, key: "msg_form" });
  const messageId = simulator.visitorSees(Number(id)).at(-1)?.messageId ?? 0;
  let { cursor } = await read(id);
  for (const text of ["hm", "well"]) {
    pass(3_600);
    simulator.visitorAnswers(Number(id), text);
    ({ cursor } = await read(id, cursor));
  }
  return { simulator, read, id, messageId, cursor };
}

describe("a form that was sent", () => {
  test("long after it was shown is told, once the visitor has gone on writing", async () => {
    const { simulator, read, id, messageId, cursor } = await longAgo();
    expect(saidIn(await read(id, cursor))).toEqual(["visitor: well"]);
    simulator.visitorSubmitsForm(messageId, { email: "ana@example.com" });
    const view = await read(id, cursor);
    expect(saidIn(view)).toEqual(['form: {"email":"ana@example.com"}', "visitor: well"]);
    expect(view.messages[0]).toMatchObject({ externalId: `${messageId}:sent`, key: "msg_form" });
    expect(saidIn(await read(id, view.cursor))).toEqual(["visitor: well"]);
  });

  test("is not waited for once it was taken back", async () => {
    const { simulator, read, id, messageId, cursor } = await longAgo();
    simulator.deleteMessage(messageId);
    const view = await read(id, cursor);
    expect(saidIn(view)).toEqual(["visitor: well"]);
    expect(view.cursor).not.toContain(":");
  });
});

describe("what is not the bot's", () => {
  test("a conversation of another inbox does not become its by a webhook that names it", async () => {
    const { simulator, read } = await start();
    const other = simulator.addWebsiteInbox({ name: "Other" });
    const { conversationId } = simulator.visitorWrites(other, { text: "Hi" });
    await expect(read(String(conversationId))).rejects.toMatchObject({ kind: "permanent" });
  });

  test("a deleted conversation is gone", async () => {
    const { simulator, read, visitorAsks } = await start();
    const id = visitorAsks();
    simulator.deleteConversation(Number(id));
    await expect(read(id)).rejects.toMatchObject({ kind: "permanent", isGone: true });
  });
});

describe("there is a channel", () => {
  test.each([
    ["no inbox", { botInboxIds: [] }],
    ["no token", { agentBotToken: null }],
  ])("not while there is %s for the bot", async (_what, given) => {
    const { bench, site } = await start();
    const settings = { botInboxIds: [site], agentBotToken: "tok", ...given };
    expect(bench.connectorWith(settings).channel).toBeUndefined();
  });

  test("for the bot that the settings name", async () => {
    await start();
    expect(world.channel.botId).toBeNull();
    const named = world.bench.connectorWith({ botInboxIds: [world.site], agentBotToken: "t", botId: "bot_01kb3" });
    expect(named.channel?.botId).toBe("bot_01kb3");
  });
});
