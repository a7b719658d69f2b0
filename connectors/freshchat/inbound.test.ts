import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { HelpdeskEvent } from "../../src/ports.ts";
import { toInbound } from "./inbound.ts";
import type { Receiver } from "./inbound.ts";

type Json = Record<string, unknown>;

const folder = new URL("fixtures/", import.meta.url);
const read = (url: URL): Json => JSON.parse(readFileSync(url, "utf8")) as Json;
const fixture = (name: string): Json => read(new URL(`${name}.json`, folder));
const fixtureNames = readdirSync(folder).map((name) => name.replace(".json", ""));

const app = "5d0c7b1e-93a2-4f86-8b1d-60f2a7c4e915";
const alex = "3fa1d0c7-2b84-4e69-a5d0-97c8e6b41f23";
const mira = "c4e80b59-6d17-42fa-93b8-1a5f7e2d0c66";
const conversationId = "b27f4a90-1c3e-4d58-9a66-e80d5f3c2b71";
const oldConversationId = "5d0c7b1e-93a2-4f86-8b1d-60f2a7c4e915_91d6f3b8-0c27-4a5e-b1f9-54e8d7a3c620_support";

const anybody: Receiver = { appId: null, agentId: null };
const receiver: Receiver = { appId: app, agentId: null };
const eventsOf = (payload: unknown, as: Receiver = receiver) => toInbound(payload, as).events;
const keyOf = (payload: unknown) => toInbound(payload, receiver).dedupeKey;
const messageIn = (payload: unknown, as?: Receiver) =>
  eventsOf(payload, as).find((event) => event.type === "message")?.message;

const agent = fixture("message_create.agent");
const forwarded = fixture("onMessageCreate.agent");
const messageOf = (payload: Json) => (payload["data"] as { message: Json }).message;
/** The agent's message, with other fields. */
const withMessage = (changed: Json): Json => ({ ...agent, data: { message: { ...messageOf(agent), ...changed } } });
const withForwarded = (changed: Json): Json => {
  const copy = structuredClone(forwarded);
  Object.assign((messageOf(copy)["messages"] as Json[])[0]!, changed);
  return copy;
};
/** A change of a conversation, with other fields in its part of the data. */
const withChange = (name: string, part: string, changed: Json): Json => {
  const copy = fixture(name);
  Object.assign((copy["data"] as Record<string, Json>)[part]!, changed);
  return copy;
};

const hello = {
  externalId: "d81c4e2f-70b5-4c93-8f1a-000000000011",
  text: "Hello Ana, let me look.",
  attachments: [],
  agent: { id: alex, name: null, avatarUrl: null },
  at: new Date("2026-11-20T09:00:19.204Z"),
};

describe("an agent's message", () => {
  test("is told with its conversation's change: an agent who writes may have opened it again", () => {
    expect(eventsOf(agent)).toEqual([
      { type: "message", conversationId, message: hello },
      { type: "changed", conversationId },
    ]);
  });

  test("is the same by the Marketplace app, which also names the agent, under the same key", () => {
    const named = { id: alex, name: "Alex Ionescu", avatarUrl: "https://files.lampion.example/faces/alex.png" };
    expect(eventsOf(forwarded)).toEqual([
      { type: "message", conversationId, message: { ...hello, agent: named } },
      { type: "changed", conversationId },
    ]);
    expect(keyOf(forwarded)).toBe(keyOf(agent));
  });

  test("carries its files", () => {
    expect(messageIn(fixture("message_create.files"))).toMatchObject({
      text: "Here is the label",
      attachments: [
        {
          url: "https://files.lampion.example/u/label.pdf",
          name: "label.pdf",
          contentType: "application/pdf",
          size: 2048,
        },
        { url: "https://files.lampion.example/u/lamp.png", name: "lamp.png", contentType: "image/png", size: null },
      ],
    });
  });

  test("whose file is still on its way is left to a look", () => {
    expect(eventsOf(fixture("message_create.file_on_its_way"))).toEqual([{ type: "changed", conversationId }]);
  });

  test("has its choices written out, loses its formatting, and may come in the form of 2018", () => {
    expect(messageIn(fixture("message_create.choices"))?.text).toBe("Which one?\n1. Refund\n2. New lamp");
    expect(messageIn(withMessage({ message_parts: [{ text: { content: "**Hi** 2 * 3" } }] }))?.text).toBe("Hi 2 * 3");
    const old = eventsOf(fixture("message_create.legacy_2018"));
    expect(old[0]).toMatchObject({ conversationId: oldConversationId, message: { text: "An answer in the old form" } });
  });

  test("has a time in any case", () => {
    expect(messageIn(withMessage({ created_time: null }))?.at).toEqual(new Date("2026-11-20T09:00:19.311Z"));
    expect(messageIn(withMessage({ created_time: 1_795_165_219_204 }))?.at).toEqual(hello.at);
    expect(messageIn({ ...withMessage({ created_time: "soon" }), action_time: 7 })?.at).toBeInstanceOf(Date);
  });

  test.each<[string, Json]>([
    ["a private note", { message_type: "private" }],
    ["a system message", { message_type: "system" }],
    ["one whose kind cannot be read", { message_type: null }],
    ["one whose kind is an object", { message_type: { normal: true } }],
    ["a bot's note", { botsPrivateNote: true }],
    ["one of which it cannot be read whether it is a bot's note", { botsPrivateNote: null }],
    ["a bot's", { actor_type: "bot" }],
    ["the system's", { actor_type: "system" }],
    ["the visitor's", { actor_type: "user" }],
    ["nobody's", { actor_type: undefined }],
    [
      "one that says nothing",
      { message_parts: [{ text: { content: " \n" } }, { text: null }, { new_kind: { content: "x" } }] },
    ],
    ["one without parts", { message_parts: undefined }],
    ["one without id", { id: "" }],
    ["another account's", { app_id: "another" }],
  ])("%s is not one, by either transport", (_what, changed) => {
    expect(eventsOf(withMessage(changed))).toEqual([]);
    expect(eventsOf(withForwarded(changed))).toEqual([]);
  });

  test.each(["private_note", "visitor", "welcome", "bot_note"])("%s gives no events", (name) => {
    expect(eventsOf(fixture(`message_create.${name}`), anybody)).toEqual([]);
  });

  test("by Baton's own seat is nobody's, and so is one that does not say by whom", () => {
    const seated = { appId: app, agentId: alex };
    expect(eventsOf(agent, seated)).toEqual([]);
    expect(eventsOf(forwarded, seated)).toEqual([]);
    expect(eventsOf(withMessage({ actor_id: null }), seated)).toEqual([]);
    expect(eventsOf(withMessage({ actor_id: mira, org_actor_id: alex }), seated)).toEqual([]);
    expect(messageIn(withMessage({ actor_id: mira }), seated)?.agent.id).toBe(mira);
    expect(messageIn(withMessage({ actor_id: null }))?.agent.id).toBeNull();
  });

  test("names its conversation itself, or the Marketplace app's event does around it", () => {
    expect(eventsOf(withForwarded({ conversation_id: null }))[0]).toMatchObject({ conversationId });
    expect(eventsOf(withMessage({ conversation_id: null }))).toEqual([]);
  });
});

describe("encoded_data", () => {
  const { data, ...bare } = agent;
  const json = JSON.stringify(data);
  const base64 = Buffer.from(json).toString("base64");
  test.each<[string, unknown]>([
    ["JSON", json],
    ["base64", base64],
    ["base64 for addresses", Buffer.from(json).toString("base64url")],
    ["packed", gzipSync(json).toString("base64")],
    ["URL-encoded JSON", encodeURIComponent(json)],
    ["URL-encoded base64", encodeURIComponent(base64)],
    ["an object", data],
    ["the whole webhook", Buffer.from(JSON.stringify(agent)).toString("base64")],
  ])("instead of data is read: %s", (_how, encoded) => {
    expect(messageIn({ ...bare, encoded_data: encoded })).toEqual(hello);
  });

  test("beside data is preferred, since data may be cut", () => {
    const cut = { ...withMessage({ message_parts: [{ text: { content: "Hello" } }] }), encoded_data: base64 };
    expect(messageIn(cut)).toEqual(hello);
    expect(messageIn({ ...agent, encoded_data: "?" })).toEqual(hello);
  });

  test("cannot make a note public, nor data one that it says is private", () => {
    const note = fixture("message_create.private_note");
    expect(eventsOf({ ...note, encoded_data: base64 })).toEqual([]);
    const encodedNote = Buffer.from(JSON.stringify(note["data"])).toString("base64");
    expect(eventsOf({ ...agent, encoded_data: encodedNote })).toEqual([]);
  });

  test("as in the fixture is read in full", () => {
    expect(messageIn(fixture("message_create.encoded"))?.text).toMatch(/^A very long answer\. .*The end\.$/);
  });

  const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024, " ")).toString("base64");
  const deep = `${'{"message":'.repeat(40)}1${"}".repeat(40)}`;
  const notUtf8 = Buffer.from(json.replace("Ana", "Aná"), "latin1").toString("base64");
  test.each<[string, unknown]>([
    ["nothing", ""],
    ["no base64", "%%%"],
    ["no JSON", "aGVsbG8="],
    ["a number", 7],
    ["broken gzip", Buffer.from([0x1f, 0x8b, 1, 2, 3]).toString("base64")],
    ["a bomb", bomb],
    ["too deep", deep],
    ["no UTF-8", notUtf8],
  ])("that cannot be read gives no events: %s", (_what, encoded) => {
    expect(eventsOf({ ...bare, encoded_data: encoded })).toEqual([]);
  });
});

const at = (time: string) => Date.parse(`2026-11-20T${time}Z`);

describe("who has a conversation", () => {
  const assignee = (id: string | null, time: string, name: string | null = null): HelpdeskEvent[] => [
    { type: "assignee", conversationId, agent: id === null ? null : { id, name }, version: at(time) },
  ];
  const changed: HelpdeskEvent[] = [{ type: "changed", conversationId }];

  test.each<[string, HelpdeskEvent[]]>([
    ["conversation_assignment.agent", assignee(alex, "09:00:12.500")],
    ["conversation_assignment.handed_on", assignee(mira, "09:03:00.010")],
    ["conversation_assignment.released", assignee(null, "09:03:30.010")],
    ["conversation_assignment.group", changed],
    ["onConversationUpdate.assigned", assignee(alex, "09:00:12.500", "Alex Ionescu")],
  ])("is told by %s", (name, events) => expect(eventsOf(fixture(name))).toEqual(events));

  test.each<[string, Json, HelpdeskEvent[]]>([
    ["the same agent again", { from_agent_id: alex }, []],
    ["nobody to nobody, in the same group", { to_agent_id: "" }, []],
    ["nobody to nobody, written as null", { to_agent_id: null, from_agent_id: null }, []],
    ["to nobody, in another group", { to_agent_id: "", from_group_id: "other" }, changed],
    ["to one whom it does not name", { to_agent_id: undefined }, changed],
    ["from one whom it does not name", { from_agent_id: undefined }, assignee(alex, "09:00:12.500")],
  ])("%s", (_what, fields, events) => {
    expect(eventsOf(withChange("conversation_assignment.agent", "assignment", fields))).toEqual(events);
  });

  test("Baton's own seat is nobody: given to it is a release, given by it is none", () => {
    const seated = { appId: app, agentId: mira };
    expect(eventsOf(fixture("conversation_assignment.handed_on"), seated)).toEqual(assignee(null, "09:03:00.010"));
    expect(eventsOf(fixture("conversation_assignment.released"), seated)).toEqual([]);
  });

  test("without a time has to be looked at", () => {
    expect(eventsOf({ ...fixture("conversation_assignment.agent"), action_time: null })).toEqual(changed);
  });
});

describe("the end of a conversation, and its opening again", () => {
  test.each([
    ["conversation_resolution", conversationId, "resolved", at("09:05:00.402")],
    ["conversation_reopen", conversationId, "open", at("09:07:00.033")],
    ["conversation_reopen.legacy_2018", oldConversationId, "open", Date.parse("2018-11-21T10:00:00.858Z")],
    ["onConversationUpdate.resolved", conversationId, "resolved", at("09:05:00.402")],
  ])("is told by %s", (name, id, status, version) => {
    expect(eventsOf(fixture(name))).toEqual([{ type: "status", conversationId: id, status, version }]);
  });

  test("may come with the agent being taken off", () => {
    const version = at("09:07:00.033");
    expect(eventsOf(fixture("onConversationUpdate.reopened"))).toEqual([
      { type: "assignee", conversationId, agent: null, version },
      { type: "status", conversationId, status: "open", version },
    ]);
  });

  test("what an update does not tell has to be looked at", () => {
    const update = fixture("onConversationUpdate.resolved");
    for (const changes of [null, {}, { model_changes: { status: "resolved" } }, { model_changes: { cf_x: [1, 2] } }]) {
      const told = { ...update, data: { ...(update["data"] as Json), changes } };
      expect(eventsOf(told)).toEqual([{ type: "changed", conversationId }]);
    }
    expect(eventsOf(fixture("onConversationCreate"))).toEqual([{ type: "changed", conversationId }]);
  });
});

test("an agent's coming and going changes who is there", () => {
  expect(toInbound(fixture("onAgentActivityCreate"), receiver)).toMatchObject({ events: [], presenceChanged: true });
  for (const name of fixtureNames.filter((one) => one !== "onAgentActivityCreate")) {
    expect(toInbound(fixture(name), receiver).presenceChanged).toBeUndefined();
  }
});

test.each(fixtureNames)("%s of another account gives nothing, and one that names none is ours", (name) => {
  const foreign = JSON.parse(
    JSON.stringify(fixture(name)).replaceAll(`"app_id":"${app}"`, '"app_id":"another"'),
  ) as Json;
  // In the encoded one it stands inside.
  expect(eventsOf(foreign)).toEqual(name === "message_create.encoded" ? eventsOf(fixture(name)) : []);
  const unnamed = JSON.parse(JSON.stringify(fixture(name)).replaceAll(`"app_id":"${app}",`, "")) as Json;
  expect(eventsOf(unnamed)).toEqual(eventsOf(fixture(name)));
  expect(eventsOf(foreign, anybody)).toEqual(eventsOf(fixture(name)));
});

test.each(["conversation_create", "message_update", "onUserCreate", "onAppInstall", "", "__proto__", "constructor"])(
  "%j is not used",
  (name) => {
    expect(eventsOf({ ...agent, action: name })).toEqual([]);
    expect(eventsOf({ ...forwarded, event: name })).toEqual([]);
  },
);

describe("the key of an event", () => {
  test("is the same for each delivery of it", () => {
    for (const name of fixtureNames) expect(keyOf(fixture(name))).toBe(keyOf(structuredClone(fixture(name))));
    expect(keyOf(withMessage({ message_parts: [] }))).toBe(keyOf(agent));
  });

  test("differs for each event, and after each reopening, and is at most 200 characters", () => {
    const resolution = fixture("conversation_resolution");
    const payloads = [
      ...fixtureNames.filter((name) => !name.startsWith("onMessageCreate")).map(fixture),
      withMessage({ id: "another" }),
      withMessage({ id: "x".repeat(200) }),
      withMessage({ id: `${"x".repeat(199)}y` }),
      withChange("conversation_resolution", "resolve", { interaction_id: "702518843160927-1795165620033" }),
      { ...resolution, action_time: "2026-11-20T09:09:00.000Z" },
      withChange("conversation_assignment.agent", "assignment", { to_agent_id: mira }),
      { ...fixture("onConversationUpdate.resolved"), timestamp: 1_795_165_500_403 },
      { action: "x".repeat(200), data: 1 },
      { action: "x".repeat(200), data: 2 },
    ];
    const keys = payloads.map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key.length).toBeLessThanOrEqual(200);
  });
});
