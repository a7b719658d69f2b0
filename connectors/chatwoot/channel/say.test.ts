import { afterEach, describe, expect, test } from "vitest";
import { channelBench, lineOf } from "../../../test/contracts/chatwoot-channel-bench.ts";
import type { ChannelBench } from "../../../test/contracts/chatwoot-channel-bench.ts";
import { ledger } from "../../../test/contracts/effects.ts";
import type { ChatwootOptions } from "../../../test/simulators/chatwoot/index.ts";
import type { HostedForm, HostedLine } from "../../../src/ports.ts";

let world: ChannelBench;
afterEach(() => world.stop());

const start = async (options: ChatwootOptions = {}) => (world = await channelBench(options));
const seen = (id: string) => world.simulator.visitorSees(Number(id)).map(({ by, text }) => `${by}: ${text}`);
const posted = (id: string) => world.simulator.messages(Number(id)).filter(({ sender }) => sender?.type === "AgentBot");

const form: HostedForm = {
  fields: [
    { name: "name", type: "text", label: "Your name", required: true },
    { name: "email", type: "email", label: "E-mail", required: true },
    { name: "issue", type: "textarea", label: "What is it about?", required: false },
    { name: "phone", type: "tel", label: "Phone", required: false },
  ],
  terms: { label: "I agree to the terms", url: "https://shop.example/terms", yes: "Yes", no: "No" },
  submitLabel: "Send",
};

describe("a line of the bot", () => {
  test("reaches the visitor in the bot's name, and is no message of a person", async () => {
    const { say, visitorAsks, simulator, read, botId } = await start();
    const id = visitorAsks();
    expect(await say({ conversationId: id, text: "It is on its way." })).toBe("said");
    expect(seen(id)).toEqual(["visitor: Where is my order?", "bot: It is on its way."]);
    expect(posted(id)).toMatchObject([{ sender: { type: "AgentBot", id: botId }, sourceId: null, private: false }]);
    expect(simulator.conversation(Number(id))).toMatchObject({ status: "pending", firstReplyCreatedAt: null });
    const view = await read(id);
    expect(view.messages.map(({ from }) => from)).toEqual(["visitor", "bot"]);
    expect(view.isAnswered).toBe(false);
  });

  test.each(["whatsApp", "mail"] as const)(
    "is sent on by %s, which a message with a source id would not be",
    async (kind) => {
      const { say, simulator, [kind]: inbox } = await start();
      const id = String(simulator.visitorWrites(inbox, { text: "Hello" }).conversationId);
      expect(await say({ conversationId: id, text: "It is on its way." })).toBe("said");
      expect(seen(id)).toEqual(["visitor: Hello", "bot: It is on its way."]);
      expect(simulator.notDelivered()).toEqual([]);
    },
  );

  test("arrives as it was written, whatever Chatwoot would fill in", async () => {
    const { say, visitorAsks } = await start();
    const id = visitorAsks();
    const text = "Hi {{ contact.email }} {% raw %} `{{ agent.name }}` & <b> {{{`x`";
    await say({ conversationId: id, text });
    expect(seen(id).at(-1)).toBe(`bot: ${text}`);
  });

  test("longer than the channel takes comes in parts that join to it", async () => {
    const { say, simulator, whatsApp } = await start();
    const id = String(simulator.visitorWrites(whatsApp, { text: "Tell me all" }).conversationId);
    const text = "A sentence of the bot. ".repeat(400);
    expect(await say({ conversationId: id, text })).toBe("said");
    const parts = posted(id).map(({ content }) => content ?? "");
    expect(parts).toHaveLength(3);
    expect(parts.every((part) => part.length <= 4_096)).toBe(true);
    expect(parts.join("")).toBe(text);
  });

  test("by a person of another helpdesk names them", async () => {
    const { say, visitorAsks } = await start();
    const id = visitorAsks();
    await say({ conversationId: id, role: "agent", authorName: "Ana", text: "I am here." });
    expect(seen(id).at(-1)).toBe("bot: Ana: I am here.");
  });

  test("is said once, also when the answer to it was lost", async () => {
    const { channel, bench, visitorAsks } = await start();
    const id = visitorAsks();
    const saying = ledger("dlv_1");
    bench.far.cutAfterWrite(0);
    const line = lineOf({ conversationId: id, text: "Once." });
    await expect(channel.say(line, saying.attempt())).rejects.toMatchObject({ kind: "transient", ambiguous: true });
    expect(await channel.say(line, saying.attempt({ mayHaveHappened: true }))).toBe("said");
    expect(await channel.say(line, saying.attempt({ mayHaveHappened: true }))).toBe("said");
    expect(posted(id).map(({ content }) => content)).toEqual(["Once."]);
  });

  test("that reached the visitor counts as said, though a person has taken over since", async () => {
    const { channel, bench, visitorAsks, simulator } = await start();
    const id = visitorAsks();
    const saying = ledger("dlv_1");
    bench.far.cutAfterWrite(0);
    const line = lineOf({ conversationId: id });
    await expect(channel.say(line, saying.attempt())).rejects.toMatchObject({ ambiguous: true });
    simulator.reopen(Number(id), simulator.agentId);
    expect(await channel.say(line, saying.attempt({ mayHaveHappened: true }))).toBe("said");
  });

  test.each([429, 500, 401] as const)("that Chatwoot answers with %s is said at the next try", async (status) => {
    const { channel, visitorAsks, simulator } = await start();
    const id = visitorAsks();
    const saying = ledger("dlv_1");
    simulator.trouble.failNext(1, { status, match: (method) => method === "POST" });
    const kind = { 429: "rate_limited", 500: "transient", 401: "credentials" }[status];
    const line = lineOf({ conversationId: id });
    await expect(channel.say(line, saying.attempt())).rejects.toMatchObject({ kind });
    expect(await channel.say(line, saying.attempt({ mayHaveHappened: status === 500 }))).toBe("said");
    expect(posted(id)).toHaveLength(1);
  });

  test("with the token of a bot that was deleted is told as that, without the token", async () => {
    const { channel, visitorAsks, simulator, botToken, bench } = await start();
    const id = visitorAsks();
    simulator.expireToken(botToken);
    const failure = await channel.say(lineOf({ conversationId: id }), ledger("d").attempt()).catch((e: unknown) => e);
    expect(failure).toMatchObject({ kind: "credentials", message: expect.stringContaining("run the install again") });
    for (const secret of [botToken, ...bench.secrets]) expect(String(failure)).not.toContain(secret);
  });
});

describe("the bot is silent", () => {
  test.each<[string, (id: number) => void]>([
    ["when a person has opened the conversation", (id) => world.simulator.reopen(id, world.simulator.agentId)],
    ["when a person has ended it", (id) => world.simulator.resolve(id)],
    ["when a person has put it off", (id) => world.simulator.snooze(id, null)],
    ["when a person is assigned", (id) => world.simulator.assign(id, world.simulator.agentId)],
    ["when it was deleted", (id) => world.simulator.deleteConversation(id)],
  ])("%s", async (_when, happens) => {
    const { say, visitorAsks, simulator } = await start();
    const id = visitorAsks();
    happens(Number(id));
    expect(await say({ conversationId: id })).toBe("silent");
    expect(simulator.requests().filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test("after the part that a person answered", async () => {
    const { say, simulator, whatsApp } = await start();
    const id = String(simulator.visitorWrites(whatsApp, { text: "Tell me all" }).conversationId);
    let posts = 0;
    simulator.trouble.slow(1, (method, path) => {
      if (method === "POST" && path.endsWith("/messages")) posts += 1;
      if (method === "GET" && posts === 1) simulator.assign(Number(id), simulator.agentId);
      return false;
    });
    expect(await say({ conversationId: id, text: "A sentence of the bot. ".repeat(400) })).toBe("said");
    expect(posted(id)).toHaveLength(1);
  });
});

const shown = (id: string) => world.simulator.visitorSees(Number(id)).at(-1);
const asks = (given: Partial<HostedLine> & { conversationId: string }) =>
  world.say({ text: "Leave your details.", form, key: "msg_form", ...given });

describe("a form", () => {
  test("asks on the website for what is required, and comes back with the line that showed it", async () => {
    const { visitorAsks, simulator, read } = await start();
    const id = visitorAsks();
    await asks({ conversationId: id });
    const line = shown(id);
    expect(line).toMatchObject({ by: "bot", interactive: "form" });
    expect(line?.text).toContain("https://shop.example/terms");
    simulator.visitorSubmitsForm(line?.messageId ?? 0, { name: "Ana", email: "ana@example.com", terms: "yes" });
    const { messages } = await read(id);
    expect(messages).toEqual([
      expect.objectContaining({ from: "visitor" }),
      {
        from: "form",
        externalId: `${line?.messageId}:sent`,
        key: "msg_form",
        values: { name: "Ana", email: "ana@example.com", terms: "yes" },
        at: expect.any(Date),
      },
    ]);
  });

  test("in which nothing is required asks for one way to reach the visitor", async () => {
    const { visitorAsks, simulator, read } = await start();
    const id = visitorAsks();
    const fields = form.fields.map((field) => ({ ...field, required: false }));
    await asks({ conversationId: id, form: { ...form, fields, terms: null } });
    simulator.visitorSubmitsForm(shown(id)?.messageId ?? 0, { email: "ana@example.com" });
    expect((await read(id)).messages.at(-1)).toMatchObject({ values: { email: "ana@example.com" } });
  });

  test("is asked for in words where none can be drawn", async () => {
    const { simulator, whatsApp } = await start();
    const id = String(simulator.visitorWrites(whatsApp, { text: "A person" }).conversationId);
    await asks({ conversationId: id });
    expect(shown(id)).toMatchObject({ by: "bot", interactive: null });
    for (const words of ["Leave your details.", "Your name", "E-mail", "I agree to the terms"])
      expect(shown(id)?.text).toContain(words);
  });

  test("is asked for in words where Chatwoot refuses it", async () => {
    const { visitorAsks, simulator } = await start();
    const id = visitorAsks();
    const body = { error: "Validation failed: Content attributes contains invalid keys" };
    simulator.trouble.failNext(1, { status: 422, body, match: (method) => method === "POST" });
    await asks({ conversationId: id });
    expect(shown(id)).toMatchObject({ by: "bot", interactive: null });
    expect(shown(id)?.text).toContain("Your name");
  });

  test("is shown once, also when the answer to it was lost", async () => {
    const { visitorAsks, channel, bench } = await start();
    const id = visitorAsks();
    const saying = ledger("dlv_form");
    const line = lineOf({ conversationId: id, form, key: "msg_form" });
    bench.far.cutAfterWrite(0);
    await expect(channel.say(line, saying.attempt())).rejects.toMatchObject({ ambiguous: true });
    expect(await channel.say(line, saying.attempt({ mayHaveHappened: true }))).toBe("said");
    expect(posted(id)).toHaveLength(1);
  });
});
