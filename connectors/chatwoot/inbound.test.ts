import { existsSync, readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { HelpdeskEvent } from "../../src/ports.ts";
import { toInbound } from "./inbound.ts";
import type { Receiver } from "./inbound.ts";

type Json = Record<string, unknown>;

const fixture = (name: string): Json =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8")) as Json;

const receiver: Receiver = { accountId: 1, inboxId: 21, botInboxIds: [6], isSigned: true };
const eventsOf = (payload: unknown, as: Receiver = receiver) => toInbound(payload, as).events;
const keyOf = (payload: unknown) => toInbound(payload, receiver).dedupeKey;
const kinds = (events: readonly HelpdeskEvent[]) => events.map((event) => event.type);

const agent = fixture("message_created.agent");
const conversation = agent["conversation"] as Json;
/** The agent's message, with other fields at its root. */
const withRoot = (changed: Json): Json => ({ ...agent, ...changed });
const messageIn = (payload: unknown) => eventsOf(payload).find((event) => event.type === "message")?.message;

describe("an agent's message", () => {
  test("comes with the agent's display name, the time, and its id", () => {
    expect(eventsOf(agent)).toEqual([
      {
        type: "message",
        conversationId: "71",
        message: {
          externalId: "9003",
          text: "Hello Ana, let me look.",
          attachments: [],
          agent: { id: "2", name: "Alex", avatarUrl: null },
          at: new Date("2026-11-20T09:00:19.000Z"),
        },
      },
      { type: "assignee", conversationId: "71", agent: { id: "2", name: "Alex" }, version: expect.any(Number) },
      { type: "status", conversationId: "71", status: "open", version: expect.any(Number) },
    ]);
  });

  test("carries its files", () => {
    expect(messageIn(fixture("message_created.attachment"))).toMatchObject({
      text: "Here is the label",
      attachments: [
        {
          url: "https://chat.lampion.example/rails/active_storage/blobs/redirect/601/label.pdf",
          name: "label.pdf",
          contentType: "application/pdf",
          size: 2048,
        },
      ],
    });
  });

  test("is still one when it has files and no text, and none when it has neither", () => {
    const files = fixture("message_created.attachment");
    expect(messageIn({ ...files, content: null })?.attachments).toHaveLength(1);
    expect(messageIn(withRoot({ content: "" }))).toBeUndefined();
  });

  test("with a link that no browser should open is shown without it", () => {
    const attachments = [
      { data_url: "javascript:alert(1)" },
      { data_url: null },
      "x",
      { file_type: "location", coordinates_lat: 44.4, coordinates_long: 26.1 },
    ];
    expect(messageIn(withRoot({ attachments }))).toMatchObject({
      text: "Hello Ana, let me look.\nhttps://www.openstreetmap.org/?mlat=44.4&mlon=26.1",
      attachments: [],
    });
  });

  test.each<[string, Json]>([
    ["a private note", { private: true }],
    ["what does not say that it is public", { private: undefined }],
    ["a bot's", { sender: { id: 3, name: "Handoff Bot", type: "agent_bot" } }],
    ["an assistant's", { sender: { id: 3, name: "Captain", type: "captain_assistant" } }],
    ["nobody's", { sender: null }],
    ["the visitor's", { message_type: "incoming" }],
    ["a template", { message_type: "template", sender: null }],
    ["an activity line", { message_type: "activity" }],
    ["a campaign's", { additional_attributes: { campaign_id: 4 } }],
    ["an automation rule's", { content_attributes: { automation_rule_id: 4 } }],
    ["a satisfaction survey", { content_type: "input_csat" }],
    ["a deleted one", { content_attributes: { deleted: true }, content: "This message was deleted" }],
    ["our own, by its attribute", { content_attributes: { baton_key: "dlv_1/note-0" } }],
    ["our own, by its source id", { source_id: "baton:dlv_1/note-0" }],
  ])("%s is not one", (_what, changed) => expect(messageIn(withRoot(changed))).toBeUndefined());

  test("keeps the words of the top level: the nested ones belong to another message", () => {
    const note = fixture("message_created.private_note");
    expect(JSON.stringify(note)).toContain("Hello Ana, let me look.");
    expect(eventsOf(note)).toEqual([]);
  });

  test("that was marked failed comes again, so that a lost webhook is made good", () => {
    const failed = withRoot({ event: "message_updated", content_attributes: { external_error: "Net::ReadTimeout" } });
    expect(messageIn(failed)?.externalId).toBe("9003");
    expect(messageIn(fixture("message_updated.deleted"))).toBeUndefined();
  });

  test.each([
    [
      "input_select",
      {
        items: [
          { title: "Refund", value: "r" },
          { title: "Replace", value: "p" },
        ],
      },
      "Which?\n1. Refund\n2. Replace",
    ],
    [
      "form",
      {
        items: [
          {
            name: "size",
            label: "Size",
            options: [
              { label: "S", value: "s" },
              { label: "M", value: "m" },
            ],
          },
          { name: "note" },
        ],
      },
      "Which?\n- Size (S, M)\n- note",
    ],
    [
      "cards",
      {
        items: [
          {
            title: "Lamp",
            description: "39 EUR",
            actions: [
              { text: "Look", type: "link", uri: "https://shop.example/p/7" },
              { text: "Take it", type: "postback" },
            ],
          },
        ],
      },
      "Which?\nLamp\n39 EUR\nLook: https://shop.example/p/7\nTake it",
    ],
    [
      "article",
      { items: [{ title: "Returns", description: "How to", link: "https://shop.example/help" }] },
      "Which?\nReturns\nHow to\nhttps://shop.example/help",
    ],
    ["input_email", {}, "Which?"],
    ["cards", { items: "none" }, "Which?"],
  ])("of the kind %s is written out", (contentType, attributes, text) => {
    const payload = withRoot({ content: "Which?", content_type: contentType, content_attributes: attributes });
    expect(messageIn(payload)?.text).toBe(text);
  });
});

describe("the state of a conversation", () => {
  test.each([
    ["conversation_created", "open"],
    ["conversation_updated.assigned", "open"],
    ["conversation_status_changed.snoozed", "snoozed"],
    ["conversation_status_changed.resolved", "resolved"],
    ["message_updated.deleted", "open"],
  ])("is told by %s: %s", (name, status) => {
    expect(eventsOf(fixture(name))).toContainEqual({
      type: "status",
      conversationId: "71",
      status,
      version: expect.any(Number),
    });
  });

  test("carries a stamp of microseconds that grows", () => {
    const versions = [
      "conversation_updated.assigned",
      "conversation_status_changed.snoozed",
      "conversation_status_changed.resolved",
    ].map((name) => eventsOf(fixture(name)).find((event) => event.type === "status")?.version);
    expect(versions).toEqual([...versions].sort((a, b) => (a ?? 0) - (b ?? 0)));
    const stamped = { ...fixture("conversation_created"), updated_at: 1_795_165_205.000_223 };
    expect(eventsOf(stamped)).toContainEqual(expect.objectContaining({ version: 1_795_165_205_000_223 }));
  });

  test("without a stamp it cannot be ordered, so it has to be looked at", () => {
    const { updated_at: _, ...unstamped } = fixture("conversation_status_changed.resolved");
    expect(eventsOf(unstamped)).toEqual([{ type: "changed", conversationId: "71" }]);
  });

  test("tells who has it, and when it was taken away", () => {
    const assigned = eventsOf(fixture("conversation_updated.assigned"));
    expect(assigned).toContainEqual(expect.objectContaining({ type: "assignee", agent: { id: "2", name: "Alex" } }));
    const released = eventsOf(fixture("conversation_updated.released"));
    expect(released).toContainEqual(expect.objectContaining({ type: "assignee", agent: null }));
  });

  test("nobody having it is no release: an agent may answer without taking it", () => {
    const meta = { ...(conversation["meta"] as Json), assignee: null, assignee_type: null };
    expect(kinds(eventsOf(withRoot({ conversation: { ...conversation, meta } })))).toEqual(["message", "status"]);
    expect(kinds(eventsOf(fixture("conversation_created")))).toEqual(["status"]);
  });

  test("a bot that has it is nobody", () => {
    const bot = { id: 3, name: "Handoff Bot", avatar_url: "", type: "agent_bot" };
    for (const kind of ["AgentBot", null]) {
      const held = { ...fixture("conversation_created"), meta: { assignee: bot, assignee_type: kind } };
      expect(kinds(eventsOf(held))).toEqual(["status"]);
    }
  });

  test("comes from releases that name no account in it", () => {
    const { account: _, ...older } = fixture("conversation_status_changed.resolved");
    expect(kinds(eventsOf(older))).toEqual(["status"]);
  });

  test.each(["conversation_opened", "conversation_resolved"])("is told by %s as well", (event) => {
    expect(kinds(eventsOf({ ...fixture("conversation_created"), event }))).toEqual(["status"]);
  });
});

describe("typing", () => {
  const typing = fixture("conversation_typing_on.agent");
  test("of an agent is told", () => {
    expect(eventsOf(typing)).toEqual([{ type: "typing", conversationId: "71", on: true }]);
    expect(eventsOf({ ...typing, event: "conversation_typing_off" })).toEqual([
      { type: "typing", conversationId: "71", on: false },
    ]);
  });
  test("of a note or of the visitor is not", () => {
    expect(eventsOf({ ...typing, is_private: true })).toEqual([]);
    expect(eventsOf({ ...typing, user: { id: 301, name: "Ana" } })).toEqual([]);
  });
});

describe("whose webhook it is", () => {
  test.each<[string, Json]>([
    ["another account", { account: { id: 2 } }],
    ["another inbox", { inbox: { id: 22 } }],
    ["a conversation of another inbox", { conversation: { ...conversation, inbox_id: 22 } }],
    ["no inbox at all", { inbox: null, conversation: { ...conversation, inbox_id: null } }],
    ["no conversation", { conversation: null }],
  ])("%s gives nothing", (_what, changed) => expect(eventsOf(withRoot(changed))).toEqual([]));

  test("an event that says nothing of a conversation gives nothing", () => {
    for (const event of [
      "contact_updated",
      "webwidget_triggered",
      "automation_event.conversation_updated",
      "macro.executed",
    ]) {
      expect(eventsOf({ ...fixture("conversation_created"), event })).toEqual([]);
    }
  });
});

describe("a webhook that only the secret in its address proves", () => {
  const unsigned = { ...receiver, isSigned: false };
  test("says no more than that there is news: its content may be forged", () => {
    expect(eventsOf(agent, unsigned)).toEqual([{ type: "changed", conversationId: "71" }]);
    expect(eventsOf(fixture("conversation_status_changed.resolved"), unsigned)).toEqual([
      { type: "changed", conversationId: "71" },
    ]);
    expect(eventsOf(fixture("message_created.private_note"), unsigned)).toEqual([]);
  });
});

describe("the key of an event", () => {
  test("is the same when Chatwoot sends it twice, also when it was built again in between", () => {
    const later = { ...conversation, updated_at: 1_795_165_999.5, status: "resolved" };
    expect(keyOf(withRoot({ conversation: later }))).toBe(keyOf(agent));
    expect(keyOf(structuredClone(fixture("conversation_updated.assigned")))).toBe(
      keyOf(fixture("conversation_updated.assigned")),
    );
  });

  test("differs for each event, record, version and status", () => {
    const status = fixture("conversation_status_changed.resolved");
    const keys = [
      agent,
      withRoot({ id: 9004 }),
      withRoot({ event: "message_updated" }),
      withRoot({ event: "message_updated", content_attributes: { deleted: true } }),
      status,
      { ...status, status: "open" },
      { ...status, updated_at: 1_795_166_000.1 },
      { ...status, event: "conversation_updated" },
      { event: "new_event", id: 1 },
      { event: "new_event", id: 2 },
    ].map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

const samples = new URL("../../../shared/contracts/chatwoot-webhook-samples/", import.meta.url);
const areThere = existsSync(samples);
const sampleNames = areThere
  ? readdirSync(samples).filter((name) => /^(account|api_inbox|automation|agent_bot)\./.test(name))
  : [];
const sample = (name: string) => JSON.parse(readFileSync(new URL(name, samples), "utf8")) as unknown;

describe("the samples of the contract", () => {
  // Missing on a CI machine they are a fault; elsewhere, as in a user's clone, the next test says that it is skipped.
  if (!areThere && process.env["CI"] === "true") test("are there", () => expect(areThere).toBe(true));

  const api: Receiver = { accountId: 1, inboxId: 5, botInboxIds: [], isSigned: true };
  // Written down by hand from the samples' own words; what is not listed gives nothing.
  const expected: Record<string, string[]> = {
    "account.conversation_created.json": ["status open"],
    "account.conversation_status_changed.open.json": ["status open"],
    "account.conversation_status_changed.resolved.json": ["assignee Alex", "status resolved"],
    "account.conversation_typing_off.agent.json": ["typing off"],
    "account.conversation_typing_on.agent.json": ["typing on"],
    "account.conversation_updated.assigned.json": ["assignee Alex", "status open"],
    "account.message_created.incoming.json": ["status open"],
    "account.message_created.outgoing_agent.json": [
      "message Hi Jane, Alex here. Let me check that invoice.",
      "assignee Alex",
      "status open",
    ],
    "api_inbox.conversation_created.json": ["status open"],
    "api_inbox.message_created.outgoing_with_attachment.json": [
      "message Here is the corrected invoice +invoice.pdf",
      "assignee Alex",
      "status open",
    ],
    "api_inbox.message_created.own_incoming_echo.json": ["status open"],
    "api_inbox.message_updated.deleted.json": ["assignee Alex", "status open"],
    "api_inbox.message_updated.delivery_failed.json": [
      "message Here is the corrected invoice +invoice.pdf",
      "assignee Alex",
      "status open",
    ],
  };

  test.each(sampleNames)("%s is read as what it says", (name) => {
    expect(eventsOf(sample(name), api).map(inWords)).toEqual(expected[name] ?? []);
  });

  test.skipIf(!areThere)("have all been looked at", () => {
    expect(sampleNames.length).toBeGreaterThan(20);
    for (const name of Object.keys(expected)) expect(sampleNames).toContain(name);
  });
});

function inWords(event: HelpdeskEvent): string {
  switch (event.type) {
    case "message":
      return ["message", event.message.text, ...event.message.attachments.map((file) => `+${file.name}`)].join(" ");
    case "assignee":
      return `assignee ${event.agent?.name ?? "nobody"}`;
    case "status":
      return `status ${event.status}`;
    case "typing":
      return `typing ${event.on ? "on" : "off"}`;
    case "changed":
      return "changed";
  }
}
