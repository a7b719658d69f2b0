import { afterEach, describe, expect, test } from "vitest";
import type { ChatwootOptions } from "./index.ts";
import { apartFrom, chatwoot, client, receiver, stopAll, type Json } from "./testing.ts";

afterEach(stopAll);

const formItems = [
  { name: "name", label: "Name", type: "text", placeholder: "Your name", required: true },
  { name: "email", label: "E-mail", type: "email", required: true },
  { name: "topic", label: "Topic", type: "select", options: [{ label: "Sales", value: "sales" }], required: false },
];
const answers = { name: "Jane Doe", email: "jane@example.com", topic: "sales" };

/** A website, a WhatsApp number and an e-mail address with one bot, whose webhooks go to `hook`. */
async function inboxes(options: ChatwootOptions = {}) {
  const hook = await receiver();
  const simulator = await chatwoot({ webhookWorkers: 1, ...options });
  const bot = simulator.addBot({ name: "Baton", outgoingUrl: hook.url });
  const ids = {
    website: simulator.addWebsiteInbox({ botId: bot.id }),
    whatsapp: simulator.addWhatsAppInbox({ botId: bot.id }),
    email: simulator.addEmailInbox({ botId: bot.id }),
    api: simulator.addApiInbox({ name: "Far away" }),
  };
  const asBot = client(simulator, bot.token);
  const say = (conversationId: number, body: Json) => asBot("POST", `conversations/${conversationId}/messages`, body);
  const updates = () =>
    hook.received.filter((item) => item.body["event"] === "message_updated").map(({ body }) => body);
  return { hook, simulator, bot, ids, say, updates, call: client(simulator) };
}

describe("writing into Chatwoot's own inboxes", () => {
  test.each([
    ["website", "Channel::WebWidget", "pending"],
    ["whatsapp", "Channel::Whatsapp", "pending"],
    ["email", "Channel::Email", "pending"],
    ["api", "Channel::Api", "open"],
  ] as const)("into %s: contact, conversation (%s), %s", async (kind, channel, status) => {
    const { simulator, ids, call, hook } = await inboxes();
    const wrote = simulator.visitorWrites(ids[kind], { text: "Where is my order?", visitor: "jane" });
    const { body } = await call("GET", `conversations/${wrote.conversationId}`);
    expect(body).toMatchObject({ status, inbox_id: ids[kind], meta: { channel } });
    expect(body.messages).toMatchObject([{ id: wrote.messageId, content: "Where is my order?", message_type: 0 }]);
    await simulator.settled();
    const told = hook.received.map((item) => [item.body["event"], item.body["content"]]);
    expect(told).toEqual(status === "pending" ? [["message_created", "Where is my order?"]] : []);
  });

  test.each([
    ["website", "the same"],
    ["email", "the same"],
    ["whatsapp", "a new one"],
  ] as const)("the same person writes again after it was resolved, by %s: %s, pending", async (kind, which) => {
    const { simulator, ids } = await inboxes();
    const first = simulator.visitorWrites(ids[kind], { text: "Hi", visitor: "jane" });
    expect(simulator.visitorWrites(ids[kind], { text: "Hello?", visitor: "jane" })).toMatchObject({
      conversationId: first.conversationId,
      contactId: first.contactId,
    });
    simulator.resolve(first.conversationId, simulator.agentId);
    const again = simulator.visitorWrites(ids[kind], { text: "Me again", visitor: "jane" });
    expect(again.conversationId === first.conversationId).toBe(which === "the same");
    expect(simulator.conversation(again.conversationId).status).toBe("pending");
    const other = simulator.visitorWrites(ids[kind], { text: "Hi", visitor: "john" });
    expect(other.contactId).not.toBe(first.contactId);
    expect(other.conversationId).not.toBe(again.conversationId);
  });

  test("a known number or address is the known contact", async () => {
    const { simulator, ids, call } = await inboxes();
    const made = await call("POST", "contacts", { name: "Jane", phone_number: "+4915112345678", email: "j@x.example" });
    const { id } = made.body.payload.contact;
    expect(simulator.visitorWrites(ids.whatsapp, { text: "Hi", phone: "+4915112345678" }).contactId).toBe(id);
    expect(simulator.visitorWrites(ids.email, { text: "Hi", email: "j@x.example" }).contactId).toBe(id);
  });

  test("page and language come with a website's conversation", async () => {
    const { simulator, ids, call } = await inboxes();
    const words = { text: "Hi", pageUrl: "https://acme.example/pricing", language: "de" };
    const { conversationId } = simulator.visitorWrites(ids.website, words);
    expect((await call("GET", `conversations/${conversationId}`)).body.additional_attributes).toMatchObject({
      referer: "https://acme.example/pricing",
      browser_language: "de",
    });
  });
});

/** Somebody wrote, and the bot asked with an interactive message. */
async function asked(kind: "website" | "whatsapp" | "email" | "api", contentType: string, attributes: Json) {
  const all = await inboxes();
  const { conversationId } = all.simulator.visitorWrites(all.ids[kind], { text: "Hi" });
  const body = { content: "Tell us", content_type: contentType, content_attributes: attributes };
  const { id } = (await all.say(conversationId, body)).body;
  return { ...all, conversationId, messageId: id as number };
}

describe("interactive messages (4)", () => {
  test.each([
    ["form", [{ name: "a", type: "text", hint: "x" }], "[:hint]"],
    ["input_select", [{ title: "A", value: "a", icon: "x" }], "[:icon]"],
    ["cards", [{ title: "A", subtitle: "x", actions: [{ type: "link", text: "A", uri: "#" }] }], "[:subtitle]"],
    ["cards", [{ title: "A", actions: [{ type: "link", text: "A", url: "#" }] }], "[:url]"],
    ["cards", [{ title: "A" }], "missing actions"],
    ["article", [{ title: "A", description: "x", link: "#", id: 1 }], "[:id]"],
    ["input_select", [], "At least one item is required"],
  ])("%s with items %j is refused: %s", async (contentType, items, words) => {
    const { simulator, ids, say } = await inboxes();
    const { conversationId } = simulator.visitorWrites(ids.website, { text: "Hi" });
    const body = { content: "?", content_type: contentType, content_attributes: { items } };
    const refused = await say(conversationId, body);
    expect([refused.status, refused.body.error]).toEqual([422, expect.stringContaining(words)]);
    expect(simulator.messages(conversationId)).toHaveLength(1);
    simulator.assertNoViolations();
  });

  test("a form's answers patch the message; a later update repeats them", async () => {
    const { simulator, messageId, updates, conversationId } = await asked("website", "form", { items: formItems });
    expect(simulator.visitorSees(conversationId).at(-1)).toMatchObject({ by: "bot", interactive: "form" });
    simulator.visitorSubmitsForm(messageId, answers);
    simulator.touchMessage(messageId);
    await simulator.settled();
    const submitted = Object.entries(answers).map(([name, value]) => ({ name, value }));
    expect(updates().map((body) => [body["id"], (body["content_attributes"] as Json)["submitted_values"]])).toEqual([
      [messageId, submitted],
      [messageId, submitted],
    ]);
    expect(simulator.messages(conversationId)).toHaveLength(2);
    // A form does not touch the contact.
    expect(simulator.contacts().at(-1)!.email).toBeNull();
    expect(apartFrom("account.message_updated.form_submitted", updates()[0])).toEqual([]);
  });

  test.each([
    ["a field without value, required or not", { name: "Jane", email: "j@x.example" }, /"topic" has no value/],
    ["a field that is not there", { ...answers, shoe: "43" }, /no field "shoe"/],
    ["no address", { ...answers, email: "jane" }, /not an e-mail address/],
    ["no option", { ...answers, topic: "other" }, /no option "other"/],
  ])("the widget keeps a form back with %s", async (_case, values, words) => {
    const { simulator, messageId, updates } = await asked("website", "form", { items: formItems });
    expect(() => simulator.visitorSubmitsForm(messageId, values)).toThrow(words);
    await simulator.settled();
    expect(updates()).toEqual([]);
    // Whoever writes past the widget can send anything.
    simulator.visitorSubmitsForm(messageId, values, { past: true });
    await simulator.settled();
    expect(updates()).toHaveLength(1);
  });

  test("picking an item answers with its title and value", async () => {
    const items = [
      { title: "Talk to a person", value: "handoff" },
      { title: "Keep chatting", value: "bot" },
    ];
    const { simulator, messageId, updates } = await asked("website", "input_select", { items });
    expect(() => simulator.visitorPicks(messageId, "nothing")).toThrow('there is no "nothing" to pick');
    simulator.visitorPicks(messageId, "handoff");
    await simulator.settled();
    expect(updates()).toMatchObject([{ content_attributes: { submitted_values: [items[0]] } }]);
    expect(apartFrom("account.message_updated.input_select_submitted", updates()[0])).toEqual([]);
  });

  test("an e-mail answer changes the contact, or joins it with the one that has it", async () => {
    const { simulator, messageId, updates, conversationId, say, call } = await asked("website", "input_email", {});
    simulator.visitorGivesEmail(messageId, "jane@example.com");
    await simulator.settled();
    expect(updates()).toMatchObject([{ content_attributes: { submitted_email: "jane@example.com" } }]);
    const first = simulator.conversation(conversationId).contactId;
    expect(simulator.contacts().find(({ id }) => id === first)).toMatchObject({
      email: "jane@example.com",
      name: "jane",
    });
    const other = (await call("POST", "contacts", { name: "John", email: "john@example.com" })).body.payload.contact.id;
    const again = (await say(conversationId, { content: "E-mail?", content_type: "input_email" })).body.id as number;
    simulator.visitorGivesEmail(again, "john@example.com");
    expect(simulator.conversation(conversationId).contactId).toBe(other);
    expect(simulator.contacts().map(({ id }) => id)).toEqual([other]);
    expect((await call("GET", `conversations/${conversationId}/messages`)).body.payload[0].sender.id).toBe(other);
  });

  test.each(["whatsapp", "email", "api"] as const)("%s shows words only: nothing to click", async (kind) => {
    const { simulator, messageId, conversationId } = await asked(kind, "form", { items: formItems });
    expect(simulator.visitorSees(conversationId).at(-1)).toMatchObject({ text: "Tell us", interactive: null });
    expect(() => simulator.visitorSubmitsForm(messageId, answers)).toThrow(/only the widget on a website/);
  });
});

describe("what reaches the visitor (5.5)", () => {
  test.each([
    ["website", true],
    ["api", true],
    ["whatsapp", false],
    ["email", false],
  ] as const)("an outgoing message with a source_id, by %s: %s", async (kind, isSent) => {
    const { simulator, ids, say } = await inboxes();
    const { conversationId } = simulator.visitorWrites(ids[kind], { text: "Hi" });
    const { id } = (await say(conversationId, { content: "Hello", source_id: "own-key" })).body;
    const texts = simulator.visitorSees(conversationId).map(({ text }) => text);
    expect(texts).toEqual(isSent ? ["Hi", "Hello"] : ["Hi"]);
    expect(simulator.notDelivered()).toEqual(
      isSent ? [] : [{ conversationId, messageId: id, because: "has_source_id" }],
    );
  });

  test.each(["whatsapp", "email"] as const)(
    "%s gives what it sent an id of its own, told as an update",
    async (kind) => {
      const { simulator, ids, say, updates } = await inboxes();
      const { conversationId } = simulator.visitorWrites(ids[kind], { text: "Hi" });
      await say(conversationId, { content: "Hello", content_attributes: { baton: "k-1" } });
      await say(conversationId, { content: "note", private: true });
      await simulator.settled();
      expect(updates()).toMatchObject([{ content: "Hello", content_attributes: { baton: "k-1" } }]);
      expect(updates()[0]!["source_id"]).not.toBeNull();
      expect(simulator.visitorSees(conversationId).map(({ by, text }) => [by, text])).toEqual([
        ["visitor", "Hi"],
        ["bot", "Hello"],
      ]);
    },
  );
});

describe("what Chatwoot says by itself, a bot or not (4, 6)", () => {
  const friday = "2026-11-20T20:00:00Z";
  const seen = async (settings: Json, at = friday, zone = "UTC") => {
    let now = new Date(at);
    const { simulator, ids, hook } = await inboxes({ clock: () => now });
    simulator.changeInboxSettings(ids.website, { ...settings, timezone: zone });
    const { conversationId } = simulator.visitorWrites(ids.website, { text: "Hi" });
    now = new Date(now.getTime() + 60_000);
    simulator.visitorAnswers(conversationId, "Hello?");
    await simulator.settled();
    return { simulator, hook, texts: simulator.visitorSees(conversationId).map(({ text }) => text) };
  };
  const away = { working_hours_enabled: true, out_of_office_message: "We are closed" };

  test.each([
    ["a greeting, once", { greeting_enabled: true, greeting_message: "Welcome" }, friday, "UTC", ["Welcome"], []],
    ["a greeting that is off", { greeting_enabled: false, greeting_message: "Welcome" }, friday, "UTC", [], []],
    ["out of office, once a day", away, friday, "UTC", ["We are closed"], []],
    ["out of office, while it is open elsewhere", away, friday, "America/New_York", [], []],
    ["out of office on a Sunday", away, "2026-11-22T10:00:00Z", "UTC", ["We are closed"], []],
    ["working hours that are off", { ...away, working_hours_enabled: false }, friday, "UTC", [], []],
    ["the close itself", away, "2026-11-20T17:00:00Z", "UTC", [], ["We are closed"]],
    ["a second later", away, "2026-11-20T17:00:01Z", "UTC", ["We are closed"], []],
    ["the prompt for an address", { enable_email_collect: true }, friday, "UTC", ["way to reach you", "by email"], []],
  ])("%s", async (_case, settings, at, zone, atFirst, aMinuteLater) => {
    const { texts } = await seen(settings, at, zone);
    const second = texts.indexOf("Hello?");
    const said = [texts.slice(1, second), texts.slice(second + 1)];
    expect(said).toEqual([atFirst, aMinuteLater].map((lines) => lines.map((line) => expect.stringContaining(line))));
  });

  test("out of office equals the published sample, key for key", async () => {
    const { hook } = await seen(away);
    const told = hook.received.find((item) => item.body["message_type"] === "template")!.body;
    // The sample is of a person's inbox, this one is held by a bot.
    const apart = apartFrom("account.message_created.template_out_of_office", told);
    expect(apart.filter((line) => !line.includes(".meta.assignee"))).toEqual([]);
  });
});
