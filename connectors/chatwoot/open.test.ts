import { afterEach, describe, expect, test } from "vitest";
import { chatwootBench } from "../../test/contracts/chatwoot-bench.ts";
import type { ChatwootBench } from "../../test/contracts/chatwoot-bench.ts";
import { ledger } from "../../test/contracts/effects.ts";
import type { ChatwootOptions } from "../../test/simulators/chatwoot/index.ts";
import type { Destination } from "../../src/domain/settings.ts";
import type { HandoffBrief } from "../../src/domain/transcript.ts";
import type { Connector, OpenRequest } from "../../src/ports.ts";

type Visitor = NonNullable<HandoffBrief["visitor"]>;

let bench: ChatwootBench;
afterEach(() => bench.stop());

const start = async (options: ChatwootOptions = {}) => {
  bench = await chatwootBench(options);
  return bench.simulator;
};

const destination: Destination = { id: "con_contract", team: null, priority: null, labels: [] };
const anonymous: Visitor = { id: null, name: null, email: null, phone: null, attributes: {} };

function requestFor(visitor: Visitor, given: Partial<OpenRequest> = {}): OpenRequest {
  return {
    handoffId: "hnd_1",
    conversationId: "cnv_1abc",
    destination,
    brief: { visitor, products: [], messages: [], pageUrl: "https://shop.example/p/7", locale: "fr" },
    lastWords: null,
    continues: null,
    agentId: null,
    ...given,
  };
}

let attempts = 0;
const open = (request: OpenRequest, connector: Connector = bench.connector) =>
  connector.open(request, ledger(`dlv_${(attempts += 1)}`).attempt());

const words: NonNullable<OpenRequest["lastWords"]> = {
  id: "msg_9",
  conversationId: "cnv_1abc",
  handoffId: null,
  seq: 9,
  role: "visitor",
  text: "Still there?",
  authorName: null,
  at: new Date("2026-11-20T09:00:00Z"),
  attachments: [],
  externalId: null,
};

/** A contact that the team had before, made over the API. */
async function existing(fields: Record<string, unknown>): Promise<number> {
  const { simulator } = bench;
  const response = await fetch(`${simulator.url}/api/v1/accounts/${simulator.accountId}/contacts`, {
    method: "POST",
    headers: { "content-type": "application/json", "api-access-token": simulator.apiAccessToken },
    body: JSON.stringify({ inbox_id: simulator.inboxId, ...fields }),
  });
  const { payload } = (await response.json()) as { payload: { contact: { id: number } } };
  return payload.contact.id;
}

describe("the visitor as a Chatwoot contact", () => {
  test("is made with what is known, and with its place in the inbox", async () => {
    const simulator = await start();
    const visitor = {
      id: "v-5",
      name: "Ana Pop",
      email: "Ana@Example.com",
      phone: "+40712345678",
      attributes: { plan: "pro" },
    };
    const ref = await open(requestFor(visitor));
    expect(simulator.contacts()).toHaveLength(1);
    expect(simulator.contacts()[0]).toMatchObject({
      id: Number(ref.contactId),
      name: "Ana Pop",
      email: "ana@example.com",
      phoneNumber: "+40712345678",
      identifier: "v-5",
      customAttributes: { plan: "pro" },
    });
    expect(simulator.contactInboxes()).toEqual([
      expect.objectContaining({
        contactId: Number(ref.contactId),
        inboxId: simulator.inboxId,
        sourceId: "baton-cnv_1abc",
      }),
    ]);
  });

  test.each([
    ["identifier", { identifier: "v-5", name: "Ana" }],
    ["email, whatever its case", { email: "ana@example.com", name: "Ana" }],
    ["phone number", { phone_number: "+40712345678", name: "Ana" }],
  ])("is found by %s", async (_by, fields) => {
    const simulator = await start();
    const id = await existing(fields);
    const visitor = { id: "v-5", name: "Ana Pop", email: "ANA@example.com", phone: "+40712345678", attributes: {} };
    const ref = await open(requestFor(visitor));
    expect(ref.contactId).toBe(String(id));
    expect(simulator.contacts()).toHaveLength(1);
  });

  test("is not the contact whose id differs by case alone", async () => {
    const simulator = await start();
    const other = await existing({ identifier: "V-5", name: "Somebody else" });
    const ref = await open(requestFor({ ...anonymous, id: "v-5" }));
    expect(ref.contactId).not.toBe(String(other));
    expect(simulator.contacts().map((contact) => contact.identifier)).toEqual(["V-5", "v-5"]);
  });

  test("is completed where it lacks something, and never overwritten", async () => {
    const simulator = await start();
    await existing({ identifier: "v-5", name: "Ana Corrected", custom_attributes: { plan: "gold" } });
    const attributes = { plan: "pro", size: 3, empty: null, big: 99_999_999_999 };
    await open(requestFor({ id: "v-5", name: "ana", email: "ana@example.com", phone: "+40712345678", attributes }));
    expect(simulator.contacts()[0]).toMatchObject({
      name: "Ana Corrected",
      email: "ana@example.com",
      phoneNumber: "+40712345678",
      customAttributes: { plan: "gold", size: 3, big: "99999999999" },
    });
  });

  test("keeps an email that somebody else has as an attribute", async () => {
    const simulator = await start();
    await existing({ identifier: "v-5", name: "Ana" });
    await existing({ identifier: "v-6", name: "Bo", email: "shared@example.com" });
    const ref = await open(requestFor({ ...anonymous, id: "v-5", email: "shared@example.com" }));
    const contact = simulator.contacts().find(({ id }) => id === Number(ref.contactId));
    expect(contact).toMatchObject({
      name: "Ana",
      email: null,
      customAttributes: { email_as_given: "shared@example.com" },
    });
  });

  test("comes through with a phone number and an email that Chatwoot refuses", async () => {
    const simulator = await start();
    const ref = await open(
      requestFor({ id: "v-5", name: "Ana", email: "ana at example", phone: "0712 345", attributes: {} }),
    );
    expect(simulator.contacts()[0]).toMatchObject({
      id: Number(ref.contactId),
      email: null,
      phoneNumber: null,
      customAttributes: { email_as_given: "ana at example", phone_as_given: "0712 345" },
    });
  });

  test("without a name gets one to be told by, which a later name replaces", async () => {
    const simulator = await start();
    await open(requestFor(anonymous));
    expect(simulator.contacts()[0]).toMatchObject({ name: "Visitor 1abc", identifier: "baton:cnv_1abc" });
    await open(requestFor({ ...anonymous, name: "Ana" }, { handoffId: "hnd_2" }));
    expect(simulator.contacts().map((contact) => contact.name)).toEqual(["Ana"]);
  });

  test("who was anonymous in an earlier handoff stays the same contact once known", async () => {
    const simulator = await start();
    const first = await open(requestFor(anonymous));
    const second = await open(requestFor({ ...anonymous, id: "v-5", name: "Ana" }, { handoffId: "hnd_2" }));
    expect(second.contactId).toBe(first.contactId);
    expect(simulator.contacts()).toHaveLength(1);
  });
});

describe("the handoff as a Chatwoot conversation", () => {
  test("is open, marked with our ids, and shows the page and the language", async () => {
    const simulator = await start();
    const ref = await open(requestFor(anonymous));
    expect(simulator.conversation(Number(ref.conversationId))).toMatchObject({
      status: "open",
      customAttributes: { baton_handoff_id: "hnd_1", baton_conversation_id: "cnv_1abc" },
      additionalAttributes: { referer: "https://shop.example/p/7", browser_language: "fr" },
      priority: null,
    });
    expect(ref.url).toBe(`${simulator.url}/app/accounts/1/conversations/${ref.conversationId}`);
  });

  test.each(["Sales", "sales", "11"])("goes to the team %j with its priority and labels", async (team) => {
    const simulator = await start();
    const { id } = simulator.addTeam({ name: "Sales" });
    const wanted: Destination = { ...destination, team, priority: "urgent", labels: ["vip", "handoff"] };
    const ref = await open(requestFor(anonymous, { destination: wanted }));
    expect(simulator.conversation(Number(ref.conversationId))).toMatchObject({
      teamId: id,
      priority: "urgent",
      labels: ["vip", "handoff"],
    });
  });

  test("says in a note that the team does not exist, and is handed over all the same", async () => {
    const simulator = await start();
    simulator.addTeam({ name: "Sales" });
    const ref = await open(requestFor(anonymous, { destination: { ...destination, team: "Returns" } }));
    const notes = simulator.messages(Number(ref.conversationId)).filter((message) => message.private);
    expect(notes.at(-1)?.content).toBe(
      'The team "Returns" that this bot\'s settings name is not among the teams of this account, so no team was assigned.',
    );
    expect(simulator.conversation(Number(ref.conversationId))).toMatchObject({ teamId: null, status: "open" });
  });

  test("adds to the labels that the team has set", async () => {
    const simulator = await start({ lockToSingleConversation: true });
    const ref = await open(requestFor(anonymous));
    simulator.setLabels(Number(ref.conversationId), ["billing"]);
    await open(
      requestFor(anonymous, { handoffId: "hnd_2", destination: { ...destination, labels: ["vip", "billing"] } }),
    );
    expect(simulator.conversation(Number(ref.conversationId)).labels).toEqual(["billing", "vip"]);
  });

  test("is a new one for each handoff, in the same place", async () => {
    const simulator = await start();
    const first = await open(requestFor(anonymous));
    const second = await open(requestFor(anonymous, { handoffId: "hnd_2" }));
    expect(second.conversationId).not.toBe(first.conversationId);
    expect(simulator.contactInboxes()).toHaveLength(1);
  });

  test.each(["resolved", "snoozed", "pending"] as const)(
    "is the earlier one, opened again from %s, where the inbox keeps one per visitor",
    async (status) => {
      const simulator = await start({ lockToSingleConversation: true });
      const first = await open(requestFor(anonymous));
      const id = Number(first.conversationId);
      simulator.setStatus(id, status);
      const second = await open(requestFor(anonymous, { handoffId: "hnd_2" }));
      expect(second.conversationId).toBe(first.conversationId);
      expect(simulator.conversation(id)).toMatchObject({
        status: "open",
        customAttributes: { baton_handoff_id: "hnd_2", baton_conversation_id: "cnv_1abc" },
      });
    },
  );

  test("is opened last, after its notes and labels", async () => {
    const simulator = await start({ lockToSingleConversation: true });
    await open(requestFor(anonymous));
    simulator.resolve(71, simulator.agentId);
    const before = simulator.requests().length;
    await open(requestFor(anonymous, { handoffId: "hnd_2", destination: { ...destination, labels: ["vip"] } }));
    const writes = simulator
      .requests()
      .slice(before)
      .filter(({ method, path }) => method === "POST" && path.includes("/conversations/71/"))
      .map(({ path }) => path.split("/").at(-1));
    expect(writes).toEqual(["custom_attributes", "messages", "labels", "toggle_status"]);
  });

  test("is opened by the visitor's own words when there are some, which leaves it without an assignee", async () => {
    const simulator = await start({ lockToSingleConversation: true });
    const connector = bench.connectorWith({ apiAccessToken: simulator.agentAccessToken });
    await open(requestFor(anonymous), connector);
    simulator.resolve(71, simulator.agentId);
    await open(requestFor(anonymous, { handoffId: "hnd_2", lastWords: words }), connector);
    expect(simulator.conversation(71)).toMatchObject({ status: "open", assigneeId: null });
    expect(simulator.requests().some(({ path }) => path.endsWith("/toggle_status"))).toBe(false);
  });

  test("does not count as taken because an agent's token opened it", async () => {
    const simulator = await start({ activeBot: true });
    const connector = bench.connectorWith({ apiAccessToken: simulator.agentAccessToken });
    const ref = await open(requestFor(anonymous, { lastWords: words }), connector);
    expect(simulator.conversation(Number(ref.conversationId))).toMatchObject({ status: "open", assigneeId: null });
  });

  test("keeps the agent that Chatwoot assigned by itself", async () => {
    const simulator = await start({ olderAutoAssignment: true });
    simulator.setAvailability(simulator.agentId, "online");
    const ref = await open(requestFor(anonymous));
    expect(simulator.conversation(Number(ref.conversationId)).assigneeId).toBe(simulator.agentId);
  });

  test("takes a transcript of any length, in notes in order, without losing a word", async () => {
    const simulator = await start();
    const messages = Array.from({ length: 400 }, (_, i) => ({
      role: "visitor" as const,
      text: `line ${i} {{ agent.email }} \`${"x".repeat(200)}\``,
      at: null,
      authorName: null,
      attachments: [],
    }));
    const brief: HandoffBrief = { visitor: anonymous, products: [], messages };
    const ref = await open(requestFor(anonymous, { brief }));
    const notes = simulator.messages(Number(ref.conversationId)).map((message) => message.content ?? "");
    expect(notes.length).toBeGreaterThan(3);
    const found = notes.join("\n").match(/line \d+ \{\{ agent\.email \}\} `x{200}`/g);
    expect(found?.map((line) => Number(/\d+/.exec(line)?.[0]))).toEqual(messages.map((_, i) => i));
  });

  test("works with the token of an agent in the inbox, behind a proxy that drops names with underscores", async () => {
    const simulator = await start({ dropUnderscoreHeaders: true });
    const connector = bench.connectorWith({ apiAccessToken: simulator.agentAccessToken });
    await open(requestFor(anonymous, { lastWords: words }), connector);
    expect(simulator.conversations()).toHaveLength(1);
  });
});
