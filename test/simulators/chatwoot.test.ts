import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { ChatwootOptions, ChatwootSimulator } from "./chatwoot/index.ts";
import { chatwootApi } from "./chatwoot/openapi.ts";
import {
  chatwoot,
  client,
  differences,
  hasSamples,
  receiver,
  sample,
  sampleFolder,
  stopAfterwards,
  stopAll,
} from "./chatwoot/testing.ts";
import { loadOpenApiCheck } from "./openapi-check.ts";

type Json = Record<string, unknown>;

afterEach(stopAll);

/** A contact with a conversation, and the visitor's first words in it. */
async function conversationOf(simulator: ChatwootSimulator, text = "I need to talk to a person", status?: string) {
  const call = client(simulator);
  const contact = await call("POST", "contacts", { name: "Jane Doe", email: "jane@example.com", identifier: "v-1" });
  const contactId = contact.body.payload.contact.id as number;
  const conversation = await call("POST", "conversations", {
    inbox_id: simulator.inboxId,
    contact_id: contactId,
    source_id: "visitor-1",
    ...(status ? { status } : {}),
  });
  const id = conversation.body.id as number;
  const say = (words: string, more: Json = {}) =>
    call("POST", `conversations/${id}/messages`, { content: words, message_type: "incoming", ...more });
  if (text !== "") await say(text);
  return { call, id, contactId, say };
}

describe("who may call", () => {
  const signIn = { errors: ["You need to sign in or sign up before continuing."] };
  const notForBots = { error: "Access to this endpoint is not authorized for bots" };
  const policy = { error: "You are not authorized to do this action" };

  test.each([
    ["no token", "none", "GET", "agents", 401, signIn],
    ["a wrong token", "wrong", "GET", "agents", 401, { error: "Invalid Access Token" }],
    ["a bot reading agents", "bot", "GET", "agents", 401, notForBots],
    ["a bot reading messages", "bot", "GET", "conversations/1/messages", 401, notForBots],
    ["an agent listing webhooks", "agent", "GET", "webhooks", 401, policy],
    [
      "another account",
      "admin",
      "GET",
      "/api/v1/accounts/2/agents",
      401,
      { error: "You are not authorized to access this account" },
    ],
    ["an unknown conversation", "admin", "GET", "conversations/999", 404, { error: "Resource could not be found" }],
  ])("%s", async (_case, who, method, path, status, body) => {
    const simulator = await chatwoot();
    const tokens: Record<string, string> = {
      none: "",
      wrong: "nonsense",
      bot: simulator.botToken,
      agent: simulator.agentAccessToken,
      admin: simulator.apiAccessToken,
    };
    const answer = await client(simulator, tokens[who])(method, path);
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  test("the token passes under both names, behind a default nginx only under the hyphenated one", async () => {
    const simulator = await chatwoot();
    const underscore = client(simulator, simulator.apiAccessToken, "api_access_token");
    expect((await underscore("GET", "agents")).status).toBe(200);
    simulator.setDropUnderscoreHeaders(true);
    const dropped = await underscore("GET", "agents");
    expect([dropped.status, dropped.body]).toEqual([401, signIn]);
    expect((await client(simulator)("GET", "agents")).status).toBe(200);
    expect(simulator.requests().map((item) => item.tokenHeader)).toEqual([
      "api_access_token",
      null,
      "api-access-token",
    ]);
  });

  test("an agent sees conversations of their inboxes only, and no secrets", async () => {
    const simulator = await chatwoot();
    const { id } = await conversationOf(simulator);
    const asAgent = client(simulator, simulator.agentAccessToken);
    expect((await asAgent("GET", `conversations/${id}`)).status).toBe(200);
    const inbox = await asAgent("GET", `inboxes/${simulator.inboxId}`);
    expect(inbox.body.secret).toBeUndefined();
    const outsider = simulator.addAgent({ name: "Olga Outside", inboxMember: false });
    const refused = await client(simulator, outsider.token)("GET", `conversations/${id}`);
    expect([refused.status, refused.body]).toEqual([401, policy]);
  });

  test("version, health and profile", async () => {
    const simulator = await chatwoot({ version: "4.15.0" });
    expect((await client(simulator, "")("GET", "/api")).body).toMatchObject({
      version: "4.15.0",
      queue_services: "ok",
    });
    expect((await client(simulator, "")("GET", "/health")).body).toEqual({ status: "woot" });
    const profile = await client(simulator)("GET", "/api/v1/profile");
    expect(profile.body.accounts).toMatchObject([{ id: 1, name: "Acme Support", role: "administrator" }]);
  });
});

describe("contacts", () => {
  test("create answers contact and contact inbox; each natural key is unique in the account", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const jane = { name: "Jane", email: "Jane@Example.com", phone_number: "+4915112345678", identifier: "v-1" };
    const made = await call("POST", "contacts", { ...jane, inbox_id: simulator.inboxId, source_id: "s-1" });
    expect(made.body.payload.contact).toMatchObject({ email: "jane@example.com", identifier: "v-1" });
    expect(made.body.payload.contact_inbox).toMatchObject({ source_id: "s-1", inbox: { id: simulator.inboxId } });
    const again = await call("POST", "contacts", jane);
    expect([again.status, again.body]).toEqual([
      422,
      {
        message: "Email has already been taken, Identifier has already been taken, Phone number has already been taken",
        attributes: ["email", "identifier", "phone_number"],
      },
    ]);
    const malformed = await call("POST", "contacts", { phone_number: "0151 123" });
    expect(malformed.body).toEqual({
      message: "Phone number should be in e164 format",
      attributes: ["phone_number"],
    });
    simulator.assertNoViolations();
  });

  test("attributes are merged by an update, other fields replaced", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const { body } = await call("POST", "contacts", { name: "Jane", custom_attributes: { plan: "pro", seats: 3 } });
    const path = `contacts/${body.payload.contact.id}`;
    await call("PUT", path, { name: "Jane Doe", custom_attributes: { plan: "team" } });
    const shown = await call("GET", path);
    expect(shown.body.payload).toMatchObject({ name: "Jane Doe", custom_attributes: { plan: "team", seats: 3 } });
  });

  test("search finds a part of any key, filter only the whole; a contact without keys is not filterable", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    await call("POST", "contacts", { name: "Jane Doe", identifier: "visitor-7" });
    await call("POST", "contacts", { name: "visitor-77" });
    const search = async (q: string) => (await call("GET", `contacts/search?q=${q}`)).body;
    expect((await search("visitor-7")).payload).toHaveLength(2);
    expect((await search("visitor-7")).meta).toEqual({ count: 2, current_page: 1, has_more: false });
    const filter = async (key: string, value: string) =>
      call("POST", "contacts/filter", {
        payload: [{ attribute_key: key, filter_operator: "equal_to", values: [value] }],
      });
    expect((await filter("identifier", "visitor-7")).body.payload).toMatchObject([{ name: "Jane Doe" }]);
    expect((await filter("identifier", "visitor")).body.payload).toEqual([]);
    expect((await filter("name", "visitor-77")).body.payload).toEqual([]);
    const unknown = await filter("shoe_size", "43");
    expect([unknown.status, unknown.body.error]).toEqual([
      422,
      expect.stringContaining("Invalid attribute key - [shoe_size]"),
    ]);
    simulator.assertNoViolations();
  });

  test("a source id belongs to one contact of the inbox", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const add = async (name: string) => (await call("POST", "contacts", { name })).body.payload.contact.id as number;
    const [jane, john] = [await add("Jane"), await add("John")];
    const body = { inbox_id: simulator.inboxId, source_id: "s-1" };
    expect((await call("POST", `contacts/${jane}/contact_inboxes`, body)).body.source_id).toBe("s-1");
    expect((await call("POST", `contacts/${jane}/contact_inboxes`, body)).status).toBe(200);
    expect(simulator.contactInboxes()).toHaveLength(1);
    const other = await call("POST", `contacts/${john}/contact_inboxes`, body);
    expect([other.status, other.body]).toEqual([422, { error: "source_id should be unique" }]);
    expect((await call("POST", "contact_inboxes/filter", body)).body.id).toBe(jane);
    const none = await call("POST", "contact_inboxes/filter", { ...body, source_id: "s-2" });
    expect([none.status, none.text]).toEqual([404, ""]);
    simulator.assertNoViolations();
  });
});

describe("conversations", () => {
  test("only open ones are listed unless all are asked for; the source id narrows", async () => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    simulator.resolve(id, simulator.agentId);
    const ids = async (query: string) =>
      (await call("GET", `conversations${query}`)).body.data.payload.map((item: { id: number }) => item.id);
    expect(await ids("")).toEqual([]);
    expect(await ids(`?status=all&inbox_id=${simulator.inboxId}&source_id=visitor-1`)).toEqual([id]);
    expect(await ids("?status=all&source_id=visitor-2")).toEqual([]);
    simulator.assertNoViolations();
  });

  test.each([
    ["resolved", "open"],
    ["snoozed", "open"],
    ["pending", "pending"],
    ["open", "open"],
  ] as const)("a visitor writes into a %s one: %s", async (before, after) => {
    const simulator = await chatwoot();
    const { id, say } = await conversationOf(simulator);
    simulator.setStatus(id, before);
    await say("hello again");
    expect(simulator.conversation(id).status).toBe(after);
  });

  test("with a bot on the inbox it starts pending and falls back to pending", async () => {
    const simulator = await chatwoot({ activeBot: true });
    const { id, say } = await conversationOf(simulator, "hi", "open");
    expect(simulator.conversation(id).status).toBe("pending");
    simulator.resolve(id, simulator.agentId);
    await say("still there?");
    expect(simulator.conversation(id).status).toBe("pending");
  });

  test("the bot's opening of a pending one is a handoff and answers success null", async () => {
    const simulator = await chatwoot({ activeBot: true });
    const { id } = await conversationOf(simulator);
    const asBot = client(simulator, simulator.botToken);
    const handoff = await asBot("POST", `conversations/${id}/toggle_status`, { status: "open" });
    expect(handoff.body.payload).toMatchObject({ success: null, current_status: "open", conversation_id: id });
    expect(simulator.conversation(id).assigneeBotId).toBeNull();
    const resolved = await asBot("POST", `conversations/${id}/toggle_status`, { status: "resolved" });
    expect(resolved.body.payload).toMatchObject({ success: true, current_status: "resolved" });
  });

  test.each([
    ["agent", true],
    ["administrator", false],
  ])("an %s who opens becomes the assignee: %s", async (role, assigned) => {
    const simulator = await chatwoot();
    const { id } = await conversationOf(simulator, "hi", "pending");
    const token = role === "agent" ? simulator.agentAccessToken : simulator.apiAccessToken;
    await client(simulator, token)("POST", `conversations/${id}/toggle_status`, { status: "open" });
    expect(simulator.conversation(id).assigneeId).toBe(assigned ? simulator.agentId : null);
  });

  test("snoozing takes a time in Unix seconds, and the job opens it when that has passed", async () => {
    let now = new Date("2026-11-20T09:00:00Z");
    const simulator = await chatwoot({ clock: () => now });
    const { call, id } = await conversationOf(simulator);
    const until = Date.parse("2026-11-20T10:00:00Z") / 1000;
    const answer = await call("POST", `conversations/${id}/toggle_status`, { status: "snoozed", snoozed_until: until });
    expect(answer.body.payload.snoozed_until).toBe("2026-11-20T10:00:00.000Z");
    simulator.reopenSnoozed();
    expect(simulator.conversation(id).status).toBe("snoozed");
    now = new Date("2026-11-20T10:00:01Z");
    simulator.reopenSnoozed();
    expect(simulator.conversation(id)).toMatchObject({ status: "open", snoozedUntil: null });
  });

  test("an unknown assignee answers 200 null and unassigns; team_id beside assignee_id is ignored", async () => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    const team = simulator.addTeam({ name: "Sales", memberIds: [simulator.agentId] });
    const path = `conversations/${id}/assignments`;
    const assigned = await call("POST", path, { assignee_id: simulator.agentId });
    expect(assigned.body).toMatchObject({ id: simulator.agentId, available_name: "Alex" });
    const unknown = await call("POST", path, { assignee_id: 999 });
    expect([unknown.status, unknown.body]).toEqual([200, null]);
    expect(simulator.conversation(id).assigneeId).toBeNull();
    simulator.assertNoViolations();
    await call("POST", path, { assignee_id: simulator.agentId, team_id: team.id });
    expect(simulator.conversation(id)).toMatchObject({ assigneeId: simulator.agentId, teamId: null });
    expect(() => simulator.assertNoViolations()).toThrow(/team_id is ignored/);
  });

  test.each([
    ["clears an assignee from outside", { inTeam: false, online: false }, null],
    ["keeps an assignee of the team", { inTeam: true, online: false }, "assignee"],
    ["picks an online member", { inTeam: false, online: true }, "member"],
  ])("assigning a team %s", async (_case, { inTeam, online }, expected) => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    const member = simulator.addAgent({ name: "Mia Member", availability: online ? "online" : "busy" });
    const team = simulator.addTeam({ name: "Sales", memberIds: [member.id, ...(inTeam ? [simulator.agentId] : [])] });
    simulator.assign(id, simulator.agentId);
    const answer = await call("POST", `conversations/${id}/assignments`, { team_id: team.id });
    expect(answer.body).toMatchObject({ id: team.id, name: "sales" });
    const ids = { assignee: simulator.agentId, member: member.id };
    expect(simulator.conversation(id)).toMatchObject({
      teamId: team.id,
      assigneeId: expected === null ? null : ids[expected as keyof typeof ids],
    });
  });

  test('priority "none" is a crash, null clears', async () => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    const set = (priority: string | null) => call("POST", `conversations/${id}/toggle_priority`, { priority });
    const high = await set("high");
    expect([high.status, high.text, simulator.conversation(id).priority]).toEqual([200, "", "high"]);
    const none = await set("none");
    expect([none.status, none.headers.get("content-type")]).toEqual([500, "text/html; charset=UTF-8"]);
    expect((await set(null)).status).toBe(200);
    expect(simulator.conversation(id).priority).toBeNull();
    expect((await call("PATCH", `conversations/${id}`, { priority: "urgent" })).body.priority).toBe("urgent");
    simulator.assertNoViolations();
  });

  test("labels and attributes replace what was there; attribute limits", async () => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    await call("POST", `conversations/${id}/labels`, { labels: ["lead", "vip"] });
    expect((await call("POST", `conversations/${id}/labels`, { labels: ["handoff"] })).body).toEqual({
      payload: ["handoff"],
    });
    const attributes = (custom_attributes: Json) =>
      call("POST", `conversations/${id}/custom_attributes`, { custom_attributes });
    await attributes({ plan: "pro" });
    expect((await attributes({ seats: 3 })).body).toEqual({ custom_attributes: { seats: 3 } });
    const refused = await attributes({ at: 1_785_312_000_000 });
    expect([refused.status, refused.body]).toEqual([
      422,
      { message: "Custom attributes at value should be < 9999999999", attributes: ["custom_attributes"] },
    ]);
    simulator.assertNoViolations();
  });

  test("the single-conversation lock returns the last one, whatever its status", async () => {
    const simulator = await chatwoot({ lockToSingleConversation: true });
    const { call, id, contactId } = await conversationOf(simulator);
    simulator.resolve(id, simulator.agentId);
    const body = { inbox_id: simulator.inboxId, contact_id: contactId, source_id: "visitor-1", status: "open" };
    const again = await call("POST", "conversations", body);
    expect(again.body).toMatchObject({ id, status: "resolved" });
    simulator.setLockToSingleConversation(false);
    expect((await call("POST", "conversations", body)).body.id).toBe(id + 1);
    expect((await call("GET", `contacts/${contactId}/conversations`)).body.payload).toHaveLength(2);
  });

  test("a custom attribute is found by filter only once it is defined", async () => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    await call("POST", `conversations/${id}/custom_attributes`, { custom_attributes: { handoff: "h-1" } });
    const find = () =>
      call("POST", "conversations/filter", {
        payload: [{ attribute_key: "handoff", filter_operator: "equal_to", values: ["h-1"] }],
      });
    expect((await find()).status).toBe(422);
    await call("POST", "custom_attribute_definitions", {
      attribute_display_name: "Handoff",
      attribute_display_type: 0,
      attribute_key: "handoff",
      attribute_model: 0,
    });
    expect((await find()).body.payload.map((item: { id: number }) => item.id)).toEqual([id]);
  });
});

describe("messages", () => {
  test("what survives a create: source id, own attributes and outside time, but no echo id", async () => {
    const simulator = await chatwoot();
    const { call, id, say } = await conversationOf(simulator, "");
    const made = await say("hello", {
      source_id: "k-1",
      echo_id: "e-1",
      content_attributes: { key: "k-1" },
      external_created_at: 1_785_312_000,
    });
    const kept = { key: "k-1", external_created_at: 1_785_312_000 };
    expect(made.body).toMatchObject({ source_id: "k-1", echo_id: "e-1", message_type: 0, content_attributes: kept });
    const [listed] = (await call("GET", `conversations/${id}/messages`)).body.payload;
    expect(listed).toMatchObject({ source_id: "k-1", content_attributes: kept, sender: { type: "contact" } });
    expect(listed.echo_id).toBeUndefined();
    expect((await say("hello", { source_id: "k-1" })).body.id).toBe(listed.id + 1);
    simulator.assertNoViolations();
  });

  test("pages: 20 newest, 20 before an id, 100 after one, between two with the first included", async () => {
    const simulator = await chatwoot();
    const { call, id, say } = await conversationOf(simulator, "");
    const ids: number[] = [];
    for (let i = 0; i < 130; i += 1) ids.push((await say(`m${i}`)).body.id as number);
    const page = async (query: string) =>
      (await call("GET", `conversations/${id}/messages${query}`)).body.payload.map((m: { id: number }) => m.id);
    expect(await page("")).toEqual(ids.slice(110));
    expect(await page(`?before=${ids[50]}`)).toEqual(ids.slice(30, 50));
    expect(await page(`?after=${ids[9]}`)).toEqual(ids.slice(10, 110));
    expect(await page(`?after=${ids[128]}`)).toEqual([ids[129]]);
    expect(await page(`?after=${ids[5]}&before=${ids[8]}`)).toEqual(ids.slice(5, 8));
  });

  test("refusals", async () => {
    let now = new Date("2026-11-20T09:00:00Z");
    const simulator = await chatwoot({ messagesPerMinute: 3, clock: () => now });
    const { say } = await conversationOf(simulator, "");
    const long = await say("x".repeat(150_001));
    expect([long.status, long.body.error]).toEqual([422, expect.stringContaining("maximum is 150000 characters")]);
    for (const text of ["1", "2", "3"]) expect((await say(text)).status).toBe(200);
    const flood = await say("4");
    expect([flood.status, flood.body]).toEqual([422, { error: "Validation failed: Too many messages" }]);
    now = new Date("2026-11-20T09:01:01Z");
    expect((await say("4")).status).toBe(200);
    const odd = await say("5", { message_type: "sideways" });
    expect([odd.status, odd.body]).toEqual([422, { error: "'sideways' is not a valid message_type" }]);
  });

  test("incoming messages are for API inboxes only", async () => {
    const simulator = await chatwoot();
    const call = client(simulator);
    const site = await call("POST", "inboxes", {
      name: "Site",
      channel: { type: "web_widget", website_url: "https://acme.example" },
    });
    const contact = await call("POST", "contacts", { name: "Jane" });
    const conversation = await call("POST", "conversations", {
      inbox_id: site.body.id,
      contact_id: contact.body.payload.contact.id,
    });
    const path = `conversations/${conversation.body.id}/messages`;
    const refused = await call("POST", path, { content: "hi", message_type: "incoming" });
    expect([refused.status, refused.body]).toEqual([
      422,
      { error: "Incoming messages are only allowed in Api inboxes" },
    ]);
    const note = await call("POST", path, { content: "note", private: true });
    const status = await call("PATCH", `${path}/${note.body.id}`, { status: "read" });
    expect([status.status, status.body]).toEqual([
      403,
      { error: "Message status update is only allowed for API inboxes" },
    ]);
    simulator.assertNoViolations();
  });

  test("files come as a form, with attributes as JSON text, and can be fetched by one redirect", async () => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    const form = new FormData();
    form.set("content", "the invoice");
    form.set("message_type", "incoming");
    form.set("private", "false");
    form.set("content_attributes", JSON.stringify({ key: "k-9" }));
    form.append("attachments[]", new Blob(["%PDF-1.7"], { type: "application/pdf" }), "invoice.pdf");
    const made = await call("POST", `conversations/${id}/messages`, form);
    expect(made.body).toMatchObject({ content_attributes: { key: "k-9" }, private: false });
    expect(made.body.attachments).toMatchObject([{ file_type: "file", extension: "pdf", file_size: 8 }]);
    const file = await fetch(made.body.attachments[0].data_url as string);
    expect([file.redirected, await file.text()]).toEqual([true, "%PDF-1.7"]);
    simulator.assertNoViolations();
  });

  test("status moves, but not back from read to delivered; deleting leaves the row", async () => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    const { id: message } = simulator.agentReplies(id, { agentId: simulator.agentId, content: "Hi" });
    const path = `conversations/${id}/messages/${message}`;
    expect((await call("PATCH", path, { status: "read" })).body.status).toBe("read");
    expect((await call("PATCH", path, { status: "delivered" })).body.status).toBe("read");
    const failed = await call("PATCH", path, { status: "failed", external_error: "gone" });
    expect(failed.body).toMatchObject({ status: "failed", content_attributes: { external_error: "gone" } });
    const deleted = await call("DELETE", path);
    expect(deleted.body).toMatchObject({
      content: "This message was deleted",
      content_attributes: { deleted: true },
    });
    simulator.assertNoViolations();
  });

  test.each([
    ["outgoing", false, "Hi {{ contact.name }}", "Hi Jane Doe"],
    ["note", true, "{{contact.email}} {{ agent.available_name }}", "jane@example.com Ada Admin"],
    ["a tag", true, "{% if contact.email %}yes{% endif %}", "yes"],
    ["an unknown variable", true, "a {{ nothing.here }} b", "a  b"],
    ["an output the lax parser cannot read", true, "a {{ }} b {{{ x }}}", "a  b }"],
    ["one span of backticks", true, "`{{ contact.name }}` {{ contact.name }}", "`{{ contact.name }}` Jane Doe"],
    ["a fence over lines", true, "```\n{{ contact.name }}\n```", "```\n{{ contact.name }}\n```"],
    [
      "a raw block ended inside backticks",
      true,
      "`{% endraw %}{{ contact.name }}`",
      "`{% endraw %}{{ contact.name }}`",
    ],
    [
      "a raw block ended and begun again inside backticks",
      true,
      "`{% endraw %}{{ contact.name }}{% raw %}`",
      "`Jane Doe`",
    ],
    ["an output left open", true, "{{ contact.name", "{{ contact.name"],
    ["an unknown tag", true, "{{ contact.name }} {% nope %}", "{{ contact.name }} {% nope %}"],
    ["a raw block", true, "{% raw %}{{ contact.name }}{% endraw %}", "{{ contact.name }}"],
    ["an include", true, "{% include 'secret' %}", "Liquid error: internal"],
  ])("Liquid in outgoing text: %s", async (_case, isPrivate, text, stored) => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    const made = await call("POST", `conversations/${id}/messages`, { content: text, private: isPrivate });
    expect(made.body.content).toBe(stored);
  });

  test("incoming text is not rendered", async () => {
    const simulator = await chatwoot();
    const { say } = await conversationOf(simulator, "");
    expect((await say("{{ contact.email }}")).body.content).toBe("{{ contact.email }}");
  });
});

describe("agents, teams, inboxes", () => {
  test("availability: configured, or by presence with auto_offline", async () => {
    const simulator = await chatwoot();
    const steady = simulator.addAgent({ name: "Sam Steady", availability: "online" });
    const away = simulator.addAgent({ name: "Ann Away", availability: "online", autoOffline: true, connected: false });
    simulator.setAvailability(simulator.agentId, "busy");
    const members = await client(simulator)("GET", `inbox_members/${simulator.inboxId}`);
    const statuses = members.body.payload.map((item: Json) => [item["id"], item["availability_status"]]);
    expect(statuses).toEqual([
      [simulator.agentId, "busy"],
      [steady.id, "online"],
      [away.id, "offline"],
    ]);
    const assignable = await client(simulator)("GET", `assignable_agents?inbox_ids[]=${simulator.inboxId}`);
    expect(assignable.body.payload.map((item: Json) => item["role"])).toContain("administrator");
    simulator.assertNoViolations();
  });

  test("an inbox shows its secret to administrators, takes a webhook URL, lists members and teams", async () => {
    const simulator = await chatwoot({ secret: "Yk3v9QeXr1sT7uLw2aBcD4eF" });
    const call = client(simulator);
    const hook = { channel: { webhook_url: "https://baton.example/webhooks/chatwoot/1" } };
    const patched = await call("PATCH", `inboxes/${simulator.inboxId}`, hook);
    expect(patched.body).toMatchObject({ secret: "Yk3v9QeXr1sT7uLw2aBcD4eF", ...hook.channel });
    expect(simulator.webhookUrl()).toBe(hook.channel.webhook_url);
    const team = simulator.addTeam({ name: "Support", memberIds: [simulator.agentId] });
    expect((await call("GET", "teams")).body).toMatchObject([{ id: team.id, name: "support" }]);
    expect((await call("GET", `teams/${team.id}/team_members`)).body).toMatchObject([{ id: simulator.agentId }]);
    expect((await call("POST", "webhooks", { url: "not a url" })).body).toEqual({
      message: "Url is invalid",
      attributes: ["url"],
    });
    const made = await call("POST", "webhooks", { url: "https://a.example/x", subscriptions: ["message_created"] });
    expect((await call("GET", "webhooks")).body.payload.webhooks).toEqual([made.body.payload.webhook]);
    expect((await call("DELETE", `webhooks/${made.body.payload.webhook.id}`)).status).toBe(200);
    await call("POST", "labels", { title: "Handoff" });
    expect((await call("POST", "labels", { title: "handoff" })).body.message).toBe("Title has already been taken");
    simulator.assertNoViolations();
  });
});

describe("webhooks", () => {
  test("every event of an API inbox, our own echo included, signed over time stamp and raw bytes", async () => {
    const hook = await receiver();
    const simulator = await chatwoot({ webhookUrl: hook.url, secret: "Yk3v9QeXr1sT7uLw2aBcD4eF", webhookWorkers: 1 });
    const { id, say } = await conversationOf(simulator, "");
    await say("2 < 3 & so on");
    simulator.agentReplies(id, { agentId: simulator.agentId, content: "Hi Jane" });
    simulator.agentWritesNote(id, { agentId: simulator.agentId, content: "pays late" });
    simulator.assign(id, simulator.agentId);
    simulator.typing(id, { agentId: simulator.agentId, on: true });
    simulator.resolve(id, simulator.agentId);
    await simulator.settled();
    expect(hook.received.map((item) => item.body["event"])).toEqual([
      "conversation_created",
      "message_created",
      "message_created",
      "conversation_updated",
      "message_created",
      "conversation_updated",
      "conversation_typing_on",
      "conversation_status_changed",
      "conversation_updated",
    ]);
    const echo = hook.received[1]!;
    expect(echo.body).toMatchObject({ message_type: "incoming", content: "2 < 3 & so on" });
    expect(echo.raw).toContain(String.raw`2 \u003c 3 \u0026 so on`);
    for (const { raw, headers } of hook.received) {
      const signed = `${String(headers["x-chatwoot-timestamp"])}.${raw}`;
      const expected = createHmac("sha256", "Yk3v9QeXr1sT7uLw2aBcD4eF").update(signed, "utf8").digest("hex");
      expect(headers["x-chatwoot-signature"]).toBe(`sha256=${expected}`);
      expect(headers["content-type"]).toBe("application/json");
      expect(headers["x-chatwoot-delivery"]).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(new Set(hook.received.map((item) => item.headers["x-chatwoot-delivery"])).size).toBe(9);
  });

  test("a private note carries the last public message nested", async () => {
    const hook = await receiver();
    const simulator = await chatwoot({ webhookUrl: hook.url });
    const { id } = await conversationOf(simulator, "where is my order");
    simulator.agentWritesNote(id, { agentId: simulator.agentId, content: "pays late" });
    await simulator.settled();
    const note = hook.received.find((item) => item.body["private"] === true)!.body;
    expect(note).toMatchObject({ content: "pays late", message_type: "outgoing" });
    expect(note["conversation"]).toMatchObject({ messages: [{ content: "where is my order", message_type: 0 }] });
  });

  test.each([
    ["4.12.1", false],
    ["4.13.0", true],
  ])("release %s signs API inbox webhooks: %s", async (version, isSigned) => {
    const hook = await receiver();
    const simulator = await chatwoot({ webhookUrl: hook.url, version });
    await conversationOf(simulator);
    await simulator.settled();
    expect(hook.received[0]!.headers["x-chatwoot-signature"] !== undefined).toBe(isSigned);
    expect(hook.received[0]!.headers["x-chatwoot-delivery"] !== undefined).toBe(isSigned);
    // The account came into conversation payloads with 4.14.2.
    expect(hook.received[0]!.body["account"]).toBeUndefined();
  });

  test("an account webhook gets what it subscribed to, with its own secret", async () => {
    const hook = await receiver();
    const simulator = await chatwoot();
    const made = await client(simulator)("POST", "webhooks", { url: hook.url, subscriptions: ["contact_created"] });
    await conversationOf(simulator);
    await simulator.settled();
    expect(hook.received.map((item) => item.body["event"])).toEqual(["contact_created"]);
    const { raw, headers } = hook.received[0]!;
    const signed = `${String(headers["x-chatwoot-timestamp"])}.${raw}`;
    const secret = made.body.payload.webhook.secret as string;
    expect(headers["x-chatwoot-signature"]).toBe(`sha256=${createHmac("sha256", secret).update(signed).digest("hex")}`);
  });

  test.each([
    ["an error", 500, "500 error"],
    ["no answer in time", null, "Net::ReadTimeout with #<TCPSocket:(closed)>"],
  ])("%s: tried once, the message is marked failed and message_updated follows", async (_case, status, reason) => {
    const hook = await receiver((body) => (body["event"] === "message_created" ? status : 200));
    const simulator = await chatwoot({ webhookUrl: hook.url, webhookTimeoutMs: 100 });
    const { id } = await conversationOf(simulator);
    await simulator.settled();
    expect(hook.received.filter((item) => item.body["event"] === "message_created")).toHaveLength(1);
    expect(simulator.messages(id)).toMatchObject([{ status: "failed", contentAttributes: { external_error: reason } }]);
    expect(hook.received.at(-1)!.body).toMatchObject({
      event: "message_updated",
      content_attributes: { external_error: reason },
    });
  });

  test("private receivers are blocked since 4.14.0 unless the operator allows them", async () => {
    const hook = await receiver();
    const simulator = await chatwoot({ webhookUrl: hook.url, allowPrivateNetwork: false });
    await conversationOf(simulator, "");
    await simulator.settled();
    expect(hook.received).toEqual([]);
    expect(simulator.webhooksSent()[0]!.error).toContain("Invalid webhook URL");
  });

  test.each([
    [false, ["conversation_status_changed", "conversation_updated"]],
    [true, ["conversation_updated"]],
  ])("older auto-assignment %s: opening tells %j", async (olderAutoAssignment, expected) => {
    const hook = await receiver();
    const simulator = await chatwoot({ olderAutoAssignment, webhookWorkers: 1 });
    const { id } = await conversationOf(simulator, "hi", "pending");
    const online = simulator.addAgent({ name: "Olga Online" });
    simulator.setWebhookUrl(hook.url);
    simulator.setStatus(id, "open");
    await simulator.settled();
    expect(hook.received.map((item) => item.body["event"])).toEqual(expected);
    expect(hook.received.at(-1)!.body).toMatchObject({
      status: "open",
      meta: { assignee: olderAutoAssignment ? { id: online.id } : null },
    });
  });

  test("payloads show the state of the moment they are built: when sent, or at the event", async () => {
    const built: Record<string, unknown> = {};
    for (const payloadAt of ["send", "event"] as const) {
      const hook = await receiver();
      const simulator = await chatwoot({ payloadAt });
      const { id } = await conversationOf(simulator);
      simulator.setWebhookUrl(hook.url);
      simulator.setPriority(id, "high");
      simulator.setStatus(id, "resolved");
      await simulator.settled();
      built[payloadAt] = hook.received.find((item) => item.body["priority"] === "high")!.body["status"];
    }
    expect(built).toEqual({ send: "resolved", event: "open" });
  });

  test("updated_at grows with every change, also within one millisecond", async () => {
    const hook = await receiver();
    const at = new Date("2026-11-20T09:00:00Z");
    const simulator = await chatwoot({ webhookUrl: hook.url, clock: () => at, payloadAt: "event", webhookWorkers: 1 });
    const { id } = await conversationOf(simulator, "");
    simulator.setPriority(id, "high");
    simulator.setPriority(id, "low");
    await simulator.settled();
    const stamps = hook.received.map((item) => item.body["updated_at"] as number);
    expect(stamps).toEqual([...new Set(stamps)].sort((a, b) => a - b));
    expect(Math.floor(stamps[0]!)).toBe(at.getTime() / 1000);
  });
});

async function story(options: ChatwootOptions) {
  const hook = await receiver();
  const simulator = await chatwoot({ webhookWorkers: 1, ...options });
  const call = client(simulator);
  await call("POST", "webhooks", { url: hook.url, subscriptions: ["contact_updated"] });
  const contact = await call("POST", "contacts", {
    name: "Jane Doe",
    identifier: "v-1",
    phone_number: "+4915112345678",
  });
  await call("PUT", `contacts/${contact.body.payload.contact.id}`, { email: "jane@example.com" });
  await simulator.settled();
  simulator.setWebhookUrl(hook.url);
  return { hook, simulator, call, contactId: contact.body.payload.contact.id as number };
}

describe("webhook shapes equal the published samples, key for key", () => {
  test.runIf(hasSamples)(
    "contact, own echo, note, typing, assignment, status, attachment, failure, deletion",
    async () => {
      const { hook, simulator, call, contactId } = await story({ typedContactSender: true, payloadAt: "event" });
      const { agentId } = simulator;
      const said: Record<string, Json> = {};
      const keep = async (name: string, act: () => unknown, event: string) => {
        await act();
        await simulator.settled();
        said[name] = hook.received.findLast((item) => item.body["event"] === event)!.body;
      };
      expect(differences(hook.received[0]!.body, sample("account.contact_updated"))).toEqual([]);
      const made = await call("POST", "conversations", { inbox_id: simulator.inboxId, contact_id: contactId });
      const id = made.body.id as number;
      const path = `conversations/${id}/messages`;
      const words = { content: "I need a person", message_type: "incoming", source_id: "k-1" };
      await keep("api_inbox.message_created.own_incoming_echo", () => call("POST", path, words), "message_created");
      const team = simulator.addTeam({ name: "Sales", memberIds: [agentId], allowAutoAssign: false });
      await keep(
        "account.conversation_status_changed.open",
        () => simulator.setStatus(id, "pending"),
        "conversation_status_changed",
      );
      simulator.setStatus(id, "open");
      simulator.assignTeam(id, team.id);
      simulator.setPriority(id, "high");
      simulator.setLabels(id, ["handoff"]);
      await keep("account.conversation_updated.assigned", () => simulator.assign(id, agentId), "conversation_updated");
      simulator.assignTeam(id, null);
      simulator.setPriority(id, null);
      simulator.setLabels(id, []);
      const reply = { agentId, content: "Hi Jane" };
      await keep("reply", () => simulator.agentReplies(id, reply), "message_created");
      await keep("account.message_created.outgoing_agent", () => simulator.agentReplies(id, reply), "message_created");
      await keep("account.message_created.private_note", () => simulator.agentWritesNote(id, reply), "message_created");
      const typing = (on: boolean) => simulator.typing(id, { agentId, on });
      await keep("account.conversation_typing_on.agent", () => typing(true), "conversation_typing_on");
      await keep("account.conversation_typing_off.agent", () => typing(false), "conversation_typing_off");
      const attachments = [{ name: "invoice.pdf", type: "application/pdf", bytes: new Uint8Array(9) }];
      const withFile = () => simulator.agentReplies(id, { ...reply, attachments });
      await keep("api_inbox.message_created.outgoing_with_attachment", withFile, "message_created");
      const last = simulator.messages(id).at(-1)!.id;
      const fail = () => call("PATCH", `${path}/${last}`, { status: "failed", external_error: "gone" });
      await keep("api_inbox.message_updated.delivery_failed", fail, "message_updated");
      await keep("api_inbox.message_updated.deleted", () => simulator.deleteMessage(last), "message_updated");
      await keep(
        "account.conversation_status_changed.resolved",
        () => simulator.resolve(id, agentId),
        "conversation_status_changed",
      );
      delete said["reply"];
      const kept = Object.keys(said);
      expect(kept).toHaveLength(11);
      for (const name of kept) expect({ [name]: differences(said[name], sample(name)) }).toEqual({ [name]: [] });
      expect(said["account.conversation_updated.assigned"]!["changed_attributes"]).toEqual([
        { assignee_id: { previous_value: null, current_value: agentId } },
        { updated_at: { previous_value: expect.any(String), current_value: expect.any(String) } },
      ]);
    },
  );

  test.runIf(hasSamples)("a conversation made with its first message", async () => {
    const { hook, simulator, call, contactId } = await story({ webhookWorkers: 1 });
    simulator.trouble.delayWebhooks(50);
    const made = await call("POST", "conversations", { inbox_id: simulator.inboxId, contact_id: contactId });
    await call("POST", `conversations/${made.body.id}/messages`, {
      content: "hi",
      message_type: "incoming",
      source_id: "k",
    });
    await simulator.settled();
    const created = hook.received.find((item) => item.body["event"] === "conversation_created")!.body;
    expect(differences(created, sample("api_inbox.conversation_created"))).toEqual([]);
  });

  test.runIf(hasSamples)("the contact's root sender has no type, as the facts and the bot's sample say", async () => {
    const { hook, simulator, call, contactId } = await story({});
    const made = await call("POST", "conversations", { inbox_id: simulator.inboxId, contact_id: contactId });
    await call("POST", `conversations/${made.body.id}/messages`, { content: "hi", message_type: "incoming" });
    await simulator.settled();
    const echo = hook.received.find((item) => item.body["event"] === "message_created")!.body;
    const bots = sample("agent_bot.message_created.incoming_pending");
    expect(Object.keys(echo["sender"] as Json).sort()).toEqual(Object.keys(bots["sender"] as Json).sort());
  });

  test.runIf(hasSamples)("no sample of an API inbox is left out", () => {
    expect(readdirSync(sampleFolder).filter((name) => name.startsWith("api_inbox."))).toHaveLength(5);
  });
});

const messageCreates = (method: string, path: string) => method === "POST" && path.endsWith("/messages");

describe("trouble", () => {
  test("failing, throttled, HTML: nothing is done", async () => {
    const simulator = await chatwoot();
    const { call, id, say } = await conversationOf(simulator, "");
    simulator.trouble.failNext(1, { match: messageCreates, status: 429 });
    simulator.trouble.failNext(1, { match: messageCreates, status: 503, headers: { "retry-after": "7" } });
    simulator.trouble.htmlAnswer(1, messageCreates);
    expect((await call("GET", "agents")).status).toBe(200);
    const throttled = await say("a");
    expect([throttled.status, throttled.headers.get("content-type"), throttled.headers.get("retry-after")]).toEqual([
      429,
      "text/plain",
      null,
    ]);
    const down = await say("a");
    expect([down.status, down.headers.get("retry-after")]).toEqual([503, "7"]);
    const page = await say("a");
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html"]);
    expect(simulator.messages(id)).toEqual([]);
    expect((await say("a")).status).toBe(200);
  });

  test("a time-out after the work, a cut before and after it, a late commit", async () => {
    const simulator = await chatwoot();
    const { id, say } = await conversationOf(simulator, "");
    const texts = () => simulator.messages(id).map((message) => message.content);
    simulator.trouble.resetBeforeWork(1);
    await expect(say("reset")).rejects.toThrow("fetch failed");
    expect(texts()).toEqual([]);
    simulator.trouble.timeoutAfterDoingTheWork(1, undefined, "destroy");
    await expect(say("cut")).rejects.toThrow("fetch failed");
    expect(texts()).toEqual(["cut"]);
    simulator.trouble.timeoutAfterDoingTheWork(1);
    const hanging = say("hang").catch(() => "no answer");
    await simulator.waitFor(() => texts().includes("hang"));
    simulator.trouble.commitLate(1, 30);
    const late = say("late").catch(() => "no answer");
    await simulator.waitFor(() => texts().includes("late"));
    expect(simulator.requests().slice(-2)).toMatchObject([{ status: null }, { status: null }]);
    await simulator.stop();
    expect(await Promise.all([hanging, late])).toEqual(["no answer", "no answer"]);
  });

  test("down and up again on the same port, with everything still there", async () => {
    const simulator = await chatwoot();
    const { call, id } = await conversationOf(simulator);
    await simulator.trouble.down();
    await expect(call("GET", "agents")).rejects.toThrow("fetch failed");
    await simulator.trouble.up();
    expect((await call("GET", `conversations/${id}`)).status).toBe(200);
    await simulator.trouble.down("503");
    expect((await call("GET", "agents")).status).toBe(503);
    await simulator.trouble.up();
    expect((await call("GET", "agents")).status).toBe(200);
  });

  test("the throttle counts every request of a minute", async () => {
    const simulator = await chatwoot({ limitPerMinute: 2 });
    const statuses = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await client(simulator)("GET", "agents")).status);
    // A minute may end in between; then one more request has to be made to see the limit.
    if (statuses[2] === 200)
      for (let i = 0; i < 2; i += 1) statuses.push((await client(simulator)("GET", "agents")).status);
    expect(statuses.at(-1)).toBe(429);
  });

  test("webhooks doubled, dropped, reordered", async () => {
    const hook = await receiver();
    const simulator = await chatwoot({ webhookWorkers: 1 });
    const { id } = await conversationOf(simulator);
    simulator.setWebhookUrl(hook.url);
    const say = (content: string) => simulator.agentWritesNote(id, { agentId: simulator.agentId, content });
    const contents = () => hook.received.splice(0).map((item) => item.body["content"]);
    simulator.trouble.duplicateWebhooks(true);
    say("twice");
    await simulator.settled();
    const ids = hook.received.map((item) => item.headers["x-chatwoot-delivery"]);
    expect(new Set(ids).size).toBe(2);
    expect(contents()).toEqual(["twice", "twice"]);
    simulator.trouble.reset();
    simulator.trouble.dropWebhooks(1);
    say("lost");
    say("kept");
    await simulator.settled();
    expect(contents()).toEqual(["kept"]);
    expect(simulator.messages(id).map((message) => message.status)).not.toContain("failed");
    simulator.trouble.reorderWebhooks(7);
    const order = ["1", "2", "3", "4", "5", "6"];
    for (const text of order) say(text);
    await simulator.settled();
    const seen = contents();
    expect(seen).not.toEqual(order);
    expect(new Set(seen)).toEqual(new Set(order));
  });

  test("a forged webhook has a signature that does not verify; a replayed one is the same bytes", async () => {
    const hook = await receiver();
    const simulator = await chatwoot({ webhookUrl: hook.url });
    await conversationOf(simulator, "");
    await simulator.settled();
    await simulator.forge({ event: "message_created", id: 1 });
    const { raw, headers } = hook.received.at(-1)!;
    const signed = `${String(headers["x-chatwoot-timestamp"])}.${raw}`;
    const right = createHmac("sha256", simulator.webhookSecret).update(signed).digest("hex");
    expect(headers["x-chatwoot-signature"]).toMatch(/^sha256=[0-9a-f]{64}$/);
    expect(headers["x-chatwoot-signature"]).not.toBe(`sha256=${right}`);
    await simulator.replay(simulator.webhooksSent()[0]!);
    expect(hook.received.at(-1)!.raw).toBe(hook.received[0]!.raw);
    expect(hook.received.at(-1)!.headers["x-chatwoot-delivery"]).toBe(hook.received[0]!.headers["x-chatwoot-delivery"]);
  });
});

describe("requests that Chatwoot would misread are recorded", () => {
  test.each([
    ["an unknown field", "contacts", { name: "Jane", nickname: "J" }, /nickname/],
    ["a wrong type", "contacts", { name: 7 }, /body\.name/],
    ["an unknown endpoint", "handoffs", {}, /no such endpoint/],
    ["a conversation for nobody", "conversations", { inbox_id: 21 }, /needs source_id, or inbox_id and contact_id/],
  ])("%s", async (_case, path, body, problem) => {
    const simulator = await chatwoot();
    await client(simulator)("POST", path, body);
    expect(() => simulator.assertNoViolations()).toThrow(problem);
    simulator.clearViolations();
    simulator.assertNoViolations();
  });

  const check = loadOpenApiCheck(chatwootApi);
  const post = (path: string, body: unknown, query = "") =>
    check?.({
      method: "POST",
      path: `/api/v1/accounts/1/${path}`,
      query: new URLSearchParams(query),
      contentType: "application/json; charset=utf-8",
      body,
    });

  test.runIf(check)(
    "the published description: a wrong type, a missing field, an unknown query, its known drifts",
    () => {
      expect(post("conversations/7/labels", { labels: "vip" })).toEqual(["body/labels must be array"]);
      expect(post("conversations/7/labels", {})).toEqual(["body must have required property 'labels'"]);
      expect(post("contacts/filter", { payload: [] }, "size=3")).toEqual(["query size is not in the description"]);
      expect(post("conversations/x/labels", { labels: [] })).toEqual([
        expect.stringMatching(/^path conversation_id .*must be integer/),
      ]);
      expect(post("conversations", { inbox_id: 1, contact_id: 2, status: "snoozed" })).toEqual([]);
      expect(post("nowhere", {})).toEqual(["POST /api/v1/accounts/1/nowhere is in no API description"]);
    },
  );
});

test("as a program of its own, driven over /__control", async () => {
  const program = spawn(process.execPath, [join(import.meta.dirname, "chatwoot/serve.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  stopAfterwards({ stop: () => program.kill() });
  const line = await new Promise<string>((resolve) =>
    program.stdout.once("data", (data: Buffer) => resolve(String(data))),
  );
  const { url, accountId, inboxId, apiAccessToken } = JSON.parse(line) as Record<string, string>;
  const control = async (name: string, ...args: unknown[]) => {
    const answer = await fetch(`${url}/__control/${name}`, { method: "POST", body: JSON.stringify({ args }) });
    return (await answer.json()) as { result?: Json; error?: string };
  };
  const agent = await control("addAgent", { name: "Alex Agent" });
  expect(agent.result).toMatchObject({ name: "Alex Agent", role: "agent" });
  await control("trouble/failNext", 1, { status: 503, match: { method: "GET", path: "/agents$" } });
  const get = (path: string) =>
    fetch(`${url}/api/v1/accounts/${accountId}/${path}`, { headers: { "api-access-token": apiAccessToken! } });
  expect((await get(`inboxes/${inboxId}`)).status).toBe(200);
  expect([(await get("agents")).status, (await get("agents")).status]).toEqual([503, 200]);
  const site = await control("addWebsiteInbox");
  const wrote = await control("visitorWrites", site.result, { text: "Hi", name: "Jane" });
  const seen = await control("visitorSees", wrote.result?.["conversationId"]);
  expect(seen.result).toMatchObject([{ by: "visitor", text: "Hi" }]);
  expect(await control("stop")).toEqual({ error: 'no control function "stop"' });
});
