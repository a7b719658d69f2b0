import { spawn } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startFreshchat, type FreshchatOptions, type FreshchatSimulator } from "./freshchat/index.ts";
import { freshchatApi } from "./freshchat/openapi.ts";
import { loadOpenApiCheck } from "./openapi-check.ts";

type Json = Record<string, unknown>;
type Received = { raw: Buffer; headers: Record<string, string | string[] | undefined>; body: Json };

const started: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const item of started.splice(0)) await item.stop();
});

async function freshchat(options: FreshchatOptions = {}): Promise<FreshchatSimulator> {
  const simulator = await startFreshchat(options);
  started.push(simulator);
  return simulator;
}

/** A receiver that keeps what it gets; `answer` says which status it gives. */
async function receiver(answer: (body: Json, headers: Received["headers"]) => number = () => 200) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const raw = Buffer.concat(chunks);
      const body = JSON.parse(raw.toString("utf8")) as Json;
      received.push({ raw, headers: request.headers, body });
      response.writeHead(answer(body, request.headers)).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  started.push({
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

function client(simulator: FreshchatSimulator, token = simulator.apiToken) {
  return async (method: string, path: string, body?: unknown) => {
    const isForm = body instanceof FormData;
    const response = await fetch(`${simulator.url}${path.startsWith("/v2/") ? "" : "/v2/"}${path}`, {
      method,
      headers: {
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        ...(isForm || body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    const words = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    // What JSON.parse gives is left untyped: answers are read here as any consumer of the API reads them.
    const answer = isJson ? JSON.parse(words) : null;
    return { status: response.status, text: words, headers: response.headers, body: answer };
  };
}

const text = (content: string) => [{ text: { content } }];

/** A user with a conversation made through the API, and what is needed to go on in it. */
async function conversationOf(simulator: FreshchatSimulator, content = "I need a person") {
  const call = client(simulator);
  const user = await call("POST", "users", { reference_id: `visitor-${simulator.users().length}`, first_name: "Jane" });
  const userId = user.body.id as string;
  const mine = { actor_type: "user", actor_id: userId };
  const made = await call("POST", "conversations", {
    channel_id: simulator.channelId,
    users: [{ id: userId }],
    messages: [{ ...mine, message_parts: text(content) }],
  });
  const id = made.body.conversation_id as string;
  const post = (message: Json) => call("POST", `conversations/${id}/messages`, message);
  const say = (words: string) => post({ ...mine, message_parts: text(words) });
  return { call, userId, mine, id, made, post, say };
}

/** What is said in a conversation, a line each: `agent: hello`, with `note` for what is private. */
const lines = (simulator: FreshchatSimulator, id: string) =>
  simulator.messages(id).map(({ actor, messageType, parts }) => {
    const [part = {}] = parts;
    return `${messageType === "private" ? "note" : actor.type}: ${String((part["text"] as Json)["content"])}`;
  });

/** Name of each conversation field, and whether it is of the account's own making. */
const fields = (body: Json[]) => body.map((field) => [field["name"], field["custom"]]);

const property = (name: string, value: string) => ({ name, value });

const form = (field: string, type: string) => {
  const data = new FormData();
  data.append(field, new File([new Uint8Array([7, 8])], "größe.bin", { type }));
  return data;
};

const interaction = (body: Json, name: string) => ((body["data"] as Json)[name] as Json)["interaction_id"];

const decoded = (body: Json | undefined) =>
  JSON.parse(Buffer.from(String(body!["encoded_data"]), "base64").toString("utf8")) as Json;

const at = (time: string) => new Date(`2026-03-02T09:00:${time}Z`);

const limitsIn = (headers: Headers) =>
  ["limit", "remaining", "reset"].map((name) => headers.get(`x-ratelimit-${name}`)).concat(headers.get("retry-after"));

const idsIn = async (options: FreshchatOptions) => {
  const simulator = await freshchat(options);
  const { id } = await conversationOf(simulator);
  return [simulator.appId, simulator.channelId, id];
};

describe("who may call", () => {
  const unauthenticated = {
    code: 401,
    status: "UNAUTHENTICATED",
    message: "Authentication failed or token has expired",
  };

  test.each([
    ["no token", ""],
    ["a wrong token", "nonsense"],
  ])("%s gives 401 in the form of an error object", async (_case, token) => {
    const answer = await client(await freshchat(), token)("GET", "accounts/configuration");
    expect([answer.status, answer.body]).toEqual([401, unauthenticated]);
  });

  test("an expired token, a renewed one, a plan without API", async () => {
    const simulator = await freshchat({ apiToken: "first-token" });
    expect((await client(simulator)("GET", "groups")).status).toBe(200);
    simulator.expireToken();
    expect((await client(simulator, "first-token")("GET", "groups")).status).toBe(401);
    const renewed = simulator.renewToken();
    expect(renewed).not.toBe("first-token");
    expect((await client(simulator, renewed)("GET", "groups")).status).toBe(200);
    expect((await client(simulator, "first-token")("GET", "groups")).status).toBe(401);
    simulator.set({ planHasApi: false });
    expect((await client(simulator)("GET", "groups")).body).toMatchObject({ code: 403, status: "FORBIDDEN" });
    expect(simulator.requests().map((item) => item.hasToken)).toEqual([true, false, true, false, true]);
  });

  test("outside the API there is a portal: HTML with 200, and a violation", async () => {
    const simulator = await freshchat();
    const page = await fetch(`${simulator.url}/api/v2/groups`);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=UTF-8"]);
    expect(() => simulator.assertNoViolations()).toThrow("outside the API");
  });
});

describe("the account", () => {
  test("its configuration names the app", async () => {
    const simulator = await freshchat();
    const { body } = await client(simulator)("GET", "accounts/configuration");
    expect(body).toMatchObject({ account_id: simulator.accountId, app_id: simulator.appId });
  });

  test("channels: names repeat, one is off, pages follow each other", async () => {
    const simulator = await freshchat();
    const call = client(simulator);
    const all = await call("GET", "channels");
    const shown = all.body.channels.map((item: Json) => [item["name"], item["enabled"]]);
    expect(shown).toEqual([
      ["Website", true],
      ["Billing", true],
      ["Billing", true],
      ["Old campaign", false],
    ]);
    const first = await call("GET", "channels?items_per_page=3");
    expect(first.body.channels).toHaveLength(3);
    expect(first.body.pagination).toEqual({ total_items: 4, total_pages: 2, current_page: 1, items_per_page: 3 });
    const next = await call("GET", first.body.links.next_page.href);
    expect(next.body.channels.map((item: Json) => item["name"])).toEqual(["Old campaign"]);
    expect(next.body.links.next_page).toBeUndefined();
    simulator.set({ pageLimit: 2 });
    expect((await call("GET", "channels?items_per_page=50")).body.channels).toHaveLength(2);
    simulator.assertNoViolations();
  });

  test("agents: filters apply, or are ignored; one by id, or 404", async () => {
    const simulator = await freshchat();
    const call = client(simulator);
    const sales = simulator.addGroup("Sales EU");
    simulator.addAgent({ firstName: "Uma", availability: "UNAVAILABLE", groupIds: [sales.id] });
    simulator.addAgent({ firstName: "Dora", isDeactivated: true });
    const names = async (query: string) =>
      (await call("GET", `agents?${query}`)).body.agents.map((item: Json) => item["first_name"]);
    expect(await names("")).toEqual(["Alex", "Uma", "Dora"]);
    expect(await names(`groups=${sales.id}`)).toEqual(["Uma"]);
    expect(await names("availability_status=AVAILABLE&is_deactivated=false")).toEqual(["Alex"]);
    simulator.set({ ignoresAgentFilters: true });
    expect(await names("availability_status=AVAILABLE&is_deactivated=false")).toEqual(["Alex", "Uma", "Dora"]);
    expect((await call("GET", `agents/${simulator.agentId}`)).body).toMatchObject({
      first_name: "Alex",
      last_name: "Agent",
      availability_status: "AVAILABLE",
      login_status: true,
      is_deactivated: false,
      groups: [simulator.groupId],
    });
    const nobody = await call("GET", "agents/nobody");
    expect([nobody.status, nobody.body]).toEqual([
      404,
      { code: 404, status: "AGENT_NOT_FOUND", message: "agent not found" },
    ]);
    simulator.assertNoViolations();
  });

  test("an agent's status changes by hand; one who is logged out is not made AVAILABLE through the API", async () => {
    const simulator = await freshchat();
    const call = client(simulator);
    const path = `agents/${simulator.agentId}`;
    simulator.agentStatus(simulator.agentId, { availability: "UNAVAILABLE", isLoggedIn: false });
    expect((await call("GET", path)).body).toMatchObject({ availability_status: "UNAVAILABLE", login_status: false });
    expect((await call("PATCH", path, { availability_status: "AVAILABLE" })).status).toBe(409);
    simulator.agentStatus(simulator.agentId, { isLoggedIn: null });
    expect((await call("GET", path)).body).not.toHaveProperty("login_status");
    expect((await call("PATCH", path, { availability_status: "AVAILABLE" })).status).toBe(200);
    simulator.assertNoViolations();
  });

  test("names and forms that differ between sources", async () => {
    const simulator = await freshchat();
    const call = client(simulator);
    expect((await call("GET", "agents/status")).body.states).toHaveLength(2);
    simulator.set({ agentStatusesIn: "statuses" });
    expect((await call("GET", "agents/status")).body.statuses).toHaveLength(2);
    simulator.addField({ name: "cf_handoff", label: "Handoff" });
    const known = [
      ["priority", false],
      ["cf_handoff", true],
    ];
    expect(fields((await call("GET", "conversations/fields")).body)).toEqual(known);
    simulator.set({ fieldsAnswer: "object" });
    expect(fields((await call("GET", "conversations/fields")).body.conversation_fields)).toEqual(known);
    simulator.assertNoViolations();
  });

  test.each([
    ["within_bh", 200, { within_bh: false }],
    ["isWithinBusinessHours", 200, { isWithinBusinessHours: false }],
    ["bare", 200, false],
    ["text", 200, { within_bh: "false" }],
    ["nested", 200, { data: { within_business_hours: false } }],
    ["nothing", 200, {}],
    [404, 404, { code: 404, status: "BUSINESS_HOURS_NOT_FOUND", message: "business hours not found" }],
    [403, 403, { code: 403, status: "FORBIDDEN", message: "This feature is not part of your plan" }],
  ] as const)("business hours in the form %s", async (businessHoursAnswer, status, body) => {
    const simulator = await freshchat({ businessHoursAnswer });
    simulator.setBusinessHours(false);
    const answer = await client(simulator)("GET", `business-hours/within-bh?group_id=${simulator.groupId}`);
    expect([answer.status, answer.body]).toEqual([status, body]);
    simulator.assertNoViolations();
  });

  test("a group has hours of its own, or goes by the account's", async () => {
    const simulator = await freshchat();
    const hours = async () =>
      (await client(simulator)("GET", `business-hours/within-bh?group_id=${simulator.groupId}`)).body.within_bh;
    expect(await hours()).toBe(true);
    simulator.setBusinessHours(false, simulator.groupId);
    expect(await hours()).toBe(false);
    simulator.setBusinessHours(null, simulator.groupId);
    expect(await hours()).toBe(true);
  });
});

describe("users", () => {
  test("are found by reference_id, e-mail and phone; a plus sign has to be encoded; no filter is refused", async () => {
    const simulator = await freshchat();
    const call = client(simulator);
    const jane = { first_name: "Jane", email: "jane+shop@example.com", phone: "+491511234567", reference_id: "v-1" };
    const made = await call("POST", "users", jane);
    await call("POST", "users", { first_name: "John", reference_id: "v-2" });
    const found = async (query: string) =>
      (await call("GET", `users?${query}`)).body.users.map((user: Json) => user["first_name"]);
    expect(await found("reference_id=v-1")).toEqual(["Jane"]);
    expect(await found("email=jane%2Bshop%40example.com")).toEqual(["Jane"]);
    expect(await found("email=jane+shop%40example.com")).toEqual([]);
    expect(await found("phone_no=%2B491511234567")).toEqual(["Jane"]);
    expect(await found("reference_id=v-2&first_name=Jane")).toEqual([]);
    expect((await call("GET", "users?page=1")).status).toBe(400);
    expect((await call("GET", `users/${made.body.id}`)).body).toMatchObject(jane);
    simulator.assertNoViolations();
  });

  test("a reference_id that exists gives 409, or a second user", async () => {
    const simulator = await freshchat();
    const call = client(simulator);
    await call("POST", "users", { reference_id: "v-1" });
    expect((await call("POST", "users", { reference_id: "v-1" })).status).toBe(409);
    expect(simulator.users()).toHaveLength(1);
    simulator.set({ existingReferenceId: "duplicate" });
    expect((await call("POST", "users", { reference_id: "v-1" })).status).toBe(200);
    expect((await call("GET", "users?reference_id=v-1")).body.users).toHaveLength(2);
  });

  test("an update replaces properties whole and leaves what is not given", async () => {
    const simulator = await freshchat();
    const call = client(simulator);
    const { body } = await call("POST", "users", {
      first_name: "Jane",
      properties: [property("plan", "pro"), property("seats", "3")],
    });
    await call("PUT", `users/${body.id}`, { properties: [property("plan", "team")] });
    expect((await call("GET", `users/${body.id}`)).body).toMatchObject({
      first_name: "Jane",
      properties: [property("plan", "team")],
    });
    expect((await call("PUT", "users/nobody", { first_name: "N" })).body.status).toBe("USER_NOT_FOUND");
    simulator.assertNoViolations();
  });

  test("their conversations come by id, in either order", async () => {
    const simulator = await freshchat();
    const { call, userId, id } = await conversationOf(simulator);
    const newer = simulator.newerConversation(id);
    const ids = async () => (await call("GET", `users/${userId}/conversations`)).body.conversations;
    expect(await ids()).toEqual([{ id: newer.id }, { id }]);
    simulator.set({ userConversations: "oldest_first" });
    expect(await ids()).toEqual([{ id }, { id: newer.id }]);
  });
});

describe("conversations", () => {
  test("are made with several messages, private notes by a bot without a seat among them", async () => {
    const simulator = await freshchat();
    simulator.addField({ name: "cf_reason" });
    const { call, userId, mine } = await conversationOf(simulator);
    const made = await call("POST", "conversations", {
      channel_id: simulator.channelId,
      users: [{ id: userId }],
      messages: [
        { ...mine, message_parts: text("Where is my parcel?") },
        { actor_type: "bot", message_type: "private", message_parts: text("Asked twice") },
      ],
      properties: { priority: "High", cf_reason: "visitor_asked" },
      status: "new",
      assigned_group_id: simulator.groupId,
    });
    const id = made.body.conversation_id as string;
    expect(made.body).toMatchObject({ channel_id: simulator.channelId, user_id: userId, status: "new" });
    expect(made.body.messages).toMatchObject([{ actor_id: userId }, { message_type: "private", actor_type: "bot" }]);
    expect(made.body.messages[1]).not.toHaveProperty("actor_id");
    expect(lines(simulator, id)).toEqual(["user: Where is my parcel?", "note: Asked twice"]);
    expect(simulator.conversation(id)).toMatchObject({
      groupId: simulator.groupId,
      properties: { priority: "High", cf_reason: "visitor_asked" },
    });
    simulator.assertNoViolations();
  });

  test("a first message that is private is refused where the account says so, and nothing is left behind", async () => {
    const simulator = await freshchat({ privateFirstMessage: "refuse" });
    const { call, userId } = await conversationOf(simulator);
    const note = { actor_type: "bot", message_type: "private", message_parts: text("A lead") };
    const body = { channel_id: simulator.channelId, users: [{ id: userId }], messages: [note] };
    expect((await call("POST", "conversations", body)).status).toBe(400);
    expect(simulator.conversations()).toHaveLength(1);
    simulator.set({ privateFirstMessage: "accept" });
    expect((await call("POST", "conversations", body)).status).toBe(200);
  });

  test.each([
    ["internal", { conversation_internal_id: expect.any(Number) }, ["freshchat_conversation_id"]],
    ["freshchat", { freshchat_conversation_id: expect.any(String) }, ["conversation_internal_id"]],
    ["both", { conversation_internal_id: expect.any(Number), freshchat_conversation_id: expect.any(String) }, []],
    ["none", {}, ["conversation_internal_id", "freshchat_conversation_id"]],
  ] as const)("the number is told as %s", async (numberFields, present, absent) => {
    const simulator = await freshchat({ numberFields, withUrl: numberFields !== "none" });
    const { call, id } = await conversationOf(simulator);
    const { body } = await call("GET", `conversations/${id}`);
    expect(body).toMatchObject(present);
    for (const name of absent) expect(body).not.toHaveProperty(name);
    expect("url" in body).toBe(numberFields !== "none");
  });

  test.each([
    // GET by string, GET by number, PUT by string, PUT by number
    ["string", [200, 404, 200, 404]],
    ["either", [200, 200, 200, 200]],
    ["number", [404, 200, 200, 200]],
    ["number_everywhere", [404, 200, 404, 200]],
  ] as const)("paths take the id as %s", async (idsInPaths, expected) => {
    const simulator = await freshchat();
    const { call, id } = await conversationOf(simulator);
    simulator.set({ idsInPaths });
    const statuses = [];
    for (const method of ["GET", "PUT"]) {
      for (const name of [id, simulator.conversation(id).number]) {
        const body = method === "PUT" ? { status: "new" } : undefined;
        statuses.push((await call(method, `conversations/${name}`, body)).status);
      }
    }
    expect(statuses).toEqual(expected);
  });

  test("ids need not be UUIDs", async () => {
    const hex = await conversationOf(await freshchat({ idForm: "hex" }));
    expect([hex.id, hex.userId]).toEqual([
      expect.stringMatching(/^[0-9a-f]{32}$/),
      expect.stringMatching(/^[0-9a-f]{32}$/),
    ]);
    expect((await conversationOf(await freshchat({ idForm: "alias" }))).userId).toMatch(/^Robin_alias[0-9a-f]{32}$/);
  });

  test("an update sets status, group, agent and properties; an empty agent unassigns", async () => {
    const simulator = await freshchat();
    const { call, id } = await conversationOf(simulator);
    const { agentId, groupId } = simulator;
    const put = async (body: Json) => (await call("PUT", `conversations/${id}`, body)).body;
    expect(await put({ status: "new", assigned_group_id: groupId })).toMatchObject({ assigned_group_id: groupId });
    expect(await put({ status: "assigned", assigned_agent_id: agentId })).toMatchObject({
      status: "assigned",
      assigned_agent_id: agentId,
      assigned_group_id: groupId,
    });
    expect(await put({ status: "new", assigned_agent_id: "" })).not.toHaveProperty("assigned_agent_id");
    await put({ properties: { priority: "Urgent" } });
    expect(await put({ status: "resolved" })).toMatchObject({ status: "resolved", properties: { priority: "Urgent" } });
    simulator.assertNoViolations();
  });

  test.each([
    ["properties as an array", { properties: [{ name: "priority", value: "Low" }] }, "Conversation payload not valid"],
    ["a property nobody defined", { properties: { cf_nowhere: "x" } }, "Unknown conversation property: cf_nowhere"],
    ["an unknown status", { status: "done" }, "status is not known"],
    ["assigned to nobody", { status: "assigned" }, "status assigned needs an agent"],
    ["an unknown group", { assigned_group_id: "nowhere" }, "assigned_group_id is not a group"],
  ])("an update with %s gives 400 and changes nothing", async (_case, body, message) => {
    const simulator = await freshchat();
    const { call, id } = await conversationOf(simulator);
    const before = { ...simulator.conversation(id) };
    const answer = await call("PUT", `conversations/${id}`, body);
    expect([answer.status, answer.body.message]).toEqual([400, message]);
    expect(simulator.conversation(id)).toEqual(before);
  });

  test("an account may drop an unknown property without a word", async () => {
    const simulator = await freshchat({ unknownProperties: "ignore" });
    const { call, id } = await conversationOf(simulator);
    await call("PUT", `conversations/${id}`, { properties: { cf_nowhere: "x", priority: "Low" } });
    expect(simulator.conversation(id).properties).toEqual({ priority: "Low" });
  });

  test.each([
    ["unknown channel", { channel_id: "nowhere" }, 404],
    ["unknown user", { users: [{ id: "nobody" }] }, 404],
    ["no message", { messages: [] }, 400],
  ])("%s: refused, nothing made", async (_case, wrong, status) => {
    const simulator = await freshchat();
    const { call, userId, mine } = await conversationOf(simulator);
    const messages = [{ ...mine, message_parts: text("a") }];
    const body = { channel_id: simulator.channelId, users: [{ id: userId }], messages, ...wrong };
    expect((await call("POST", "conversations", body)).status).toBe(status);
    expect(simulator.conversations()).toHaveLength(1);
  });

  test("writes answer 200, 201 or 202, in turn when mixed; answers may hold little or nothing", async () => {
    const simulator = await freshchat({ writeStatus: "mixed", createAnswer: "slim", messageAnswer: "id_only" });
    const { call, id, made, say } = await conversationOf(simulator);
    expect(Object.keys(made.body)).toEqual(["conversation_id", "conversation_internal_id", "channel_id"]);
    const said = await say("a");
    expect(said.body).toEqual({ id: simulator.messages(id).at(-1)!.id });
    expect(simulator.requests().map((item) => item.status)).toEqual([200, 202, 201]);
    simulator.set({ writeStatus: 202, updateAnswer: "nothing" });
    const put = await call("PUT", `conversations/${id}`, { status: "resolved" });
    expect([put.status, put.text]).toEqual([202, ""]);
    expect((await call("GET", `conversations/${id}`)).status).toBe(200);
  });
});

describe("messages", () => {
  test.each([
    [
      "a part of two kinds",
      { message_parts: [{ text: { content: "a" }, image: { url: "https://shop.example/a.png" } }] },
    ],
    ["a part of no known kind", { message_parts: [{ sticker: { id: 1 } }] }],
    ["no part", { message_parts: [] }],
    ["an empty text", { message_parts: text("") }],
    ["a private message by a user", { message_type: "private" }],
    ["a user of another conversation", { actor_id: "stranger" }],
    ["an unknown speaker", { actor_type: "robot" }],
    ["a file that was never uploaded", { message_parts: [{ file: { file_hash: "nothing" } }] }],
  ])("%s gives 400", async (_case, wrong) => {
    const simulator = await freshchat();
    const { id, mine, post } = await conversationOf(simulator);
    const answer = await post({ ...mine, message_parts: text("a"), ...wrong });
    expect([answer.status, answer.body.status]).toEqual([400, "INVALID_VALUE"]);
    expect(simulator.messages(id)).toHaveLength(1);
  });

  test.each([
    ["https_or_loopback", [true, true, false, false]],
    ["https", [true, false, false, false]],
    ["any", [true, true, true, false]],
  ] as const)("images where the account takes %s", async (imageUrls, taken) => {
    const simulator = await freshchat({ imageUrls });
    const { mine, post } = await conversationOf(simulator);
    const urls = ["https://shop.example/a.png", "http://127.0.0.1:9/a.png", "http://shop.example/a.png", "8f14e45fce"];
    const answers = [];
    for (const url of urls) answers.push(await post({ ...mine, message_parts: [{ image: { url } }] }));
    expect(answers.map((answer) => answer.status === 200)).toEqual(taken);
    expect(answers[3]!.body.details).toEqual([{ type: "IMAGE_EMPTY_CONTENT" }]);
  });

  test("a text may be too long, if the account has a limit", async () => {
    const { say } = await conversationOf(await freshchat({ maxTextLength: 20 }));
    expect([(await say("a".repeat(20))).status, (await say("a".repeat(21))).status]).toEqual([200, 400]);
  });

  test.each([
    [false, ["5", "4", "3", "2", "1", "0"]],
    [true, ["5", "4", "4", "3", "3", "2", "2", "1", "1", "0"]],
  ])("the list begins with the newest and goes on behind `link` (overlap: %s)", async (overlap, expected) => {
    const simulator = await freshchat({ messagePageLimit: 2, messagePagesOverlap: overlap });
    const { call, id, say } = await conversationOf(simulator, "0");
    for (const words of ["1", "2", "3", "4", "5"]) await say(words);
    const seen: string[] = [];
    let path = `conversations/${id}/messages?items_per_page=50`;
    for (let i = 0; i < 9 && path !== ""; i += 1) {
      const { body } = await call("GET", path);
      seen.push(
        ...body.messages.map(
          (item: { message_parts: { text: { content: string } }[] }) => item.message_parts[0]!.text.content,
        ),
      );
      path = body.link?.href ?? "";
      expect(path).toMatch(/^$|^\/v2\/conversations\/[^/]+\/messages\?from_time=/);
    }
    expect(seen).toEqual(expected);
    simulator.assertNoViolations();
  });

  test("two messages of one instant have different times, so that no page loses one", async () => {
    const simulator = await freshchat({ clock: () => new Date("2026-03-02T09:00:00.000Z") });
    const { id, say } = await conversationOf(simulator);
    await say("a");
    const times = simulator.messages(id).map((message) => message.createdAt.getTime());
    expect(new Set(times).size).toBe(2);
  });

  test("an attachment's URL comes after a number of reads, or when told", async () => {
    const simulator = await freshchat();
    const { call, id } = await conversationOf(simulator);
    const file = { name: "invoice.pdf", type: "application/pdf", bytes: new Uint8Array([1, 2, 3]) };
    simulator.agentReplies(id, { attachments: [file], urlDelay: 2 });
    const held = simulator.agentReplies(id, { attachments: [file], urlDelay: "until_told" });
    const urls = async () =>
      (await call("GET", `conversations/${id}/messages`)).body.messages
        .slice(0, 2)
        .map((item: { message_parts: { file: Json }[] }) => "url" in item.message_parts[0]!.file);
    expect([await urls(), await urls(), await urls()]).toEqual([
      [false, false],
      [false, false],
      [false, true],
    ]);
    simulator.showUrls(held.id);
    expect(await urls()).toEqual([true, true]);
  });

  test("files: uploaded, named in a message by what the upload gave, read back over HTTP", async () => {
    const simulator = await freshchat({ uploadAnswer: "file_hash", imageUrls: "https" });
    const { call, id, mine, post } = await conversationOf(simulator);
    const uploaded = await call("POST", "files/upload", form("file", "application/pdf"));
    expect(Object.keys(uploaded.body)).toEqual(["name", "content_type", "file_hash"]);
    await post({ ...mine, message_parts: [{ file: { file_hash: uploaded.body.file_hash } }] });
    const shown = simulator.messages(id).at(-1)!.parts[0]!["file"] as Json;
    expect(shown).toMatchObject({ name: "größe.bin", content_type: "application/pdf" });
    const read = await fetch(String(shown["url"]));
    expect([...new Uint8Array(await read.arrayBuffer())]).toEqual([7, 8]);
    const image = await call("POST", "images/upload", form("image", "image/png"));
    expect((await post({ ...mine, message_parts: [{ image: { url: image.body.url } }] })).status).toBe(200);
    expect((await call("POST", "images/upload", form("image", "text/plain"))).status).toBe(400);
    simulator.assertNoViolations();
  });

  test("a rating is kept", async () => {
    const simulator = await freshchat();
    const { call, id } = await conversationOf(simulator);
    expect((await call("POST", `csat/${id}`, { rating: 4, comment: "good" })).status).toBe(200);
    expect(simulator.conversation(id).csat).toEqual({ rating: 4, comment: "good" });
  });
});

describe("conversations that are over", () => {
  const stale = "not the latest conversation";

  test.each([
    // To a resolved one, which is then; to one that is not the newest.
    ["reopen", "200", "reopened", "200"],
    ["refuse", `400 ${stale}`, "resolved", `400 ${stale}`],
    ["refuse_older", "200", "reopened", `400 ${stale}`],
  ] as const)("where the account is set to %s", async (staleConversations, resolved, status, older) => {
    const simulator = await freshchat({ staleConversations });
    const { id, say } = await conversationOf(simulator);
    const answerTo = async (words: string) => {
      const answer = await say(words);
      return String(answer.body.message ?? "").includes(stale) ? `${answer.status} ${stale}` : String(answer.status);
    };
    simulator.resolve(id);
    expect([await answerTo("again"), simulator.conversation(id).status]).toEqual([resolved, status]);
    simulator.reopen(id);
    simulator.newerConversation(id);
    expect(await answerTo("to the older one")).toBe(older);
  });

  test("a visitor's words reopen: the webhook names the user, and the interaction is another one", async () => {
    const hook = await receiver();
    const simulator = await freshchat({ webhookUrl: hook.url, webhookWorkers: 1 });
    const { id, userId, say } = await conversationOf(simulator);
    simulator.resolve(id);
    await say("one more thing");
    await simulator.settled();
    const of = (action: string) => hook.received.find((item) => item.body["action"] === action)!.body;
    const reopen = of("conversation_reopen");
    expect(reopen["actor"]).toEqual({ actor_type: "user", actor_id: userId });
    expect(interaction(reopen, "reopen")).not.toBe(interaction(of("conversation_resolution"), "resolve"));
  });

  test("a bot's note leaves it resolved", async () => {
    const simulator = await freshchat();
    const { id, post } = await conversationOf(simulator);
    simulator.resolve(id);
    await post({ actor_type: "bot", message_type: "private", message_parts: text("a note") });
    expect(simulator.conversation(id).status).toBe("resolved");
    simulator.assign(id, simulator.agentId);
    simulator.unassign(id);
    expect(simulator.conversation(id).status).toBe("resolved");
  });
});

/** The key as anybody would have to read it: Node refuses the text with its labels, takes what is between them. */
const keyOf = (shown: string) => {
  const der = Buffer.from(shown.replaceAll(/-----[A-Z ]+-----/g, "").trim(), "base64");
  return createPublicKey({ key: der, format: "der", type: "spki" });
};

const isSigned = (simulator: FreshchatSimulator, { raw, headers }: Received) =>
  verify(
    "RSA-SHA256",
    raw,
    keyOf(simulator.publicKeyAsShown),
    Buffer.from(String(headers["x-freshchat-signature"]), "base64"),
  );

/** What was received, a word each: action and who did it. */
const actions = (received: readonly Received[]) =>
  received.map(({ body }) => `${String(body["action"])} ${String((body["actor"] as Json)["actor_type"])}`);

const dataOf = (item: Received | undefined, name: string) => ((item!.body["data"] as Json)[name] ?? {}) as Json;

describe("webhooks", () => {
  test("are signed with RSA-SHA256 over the raw bytes; the key is one line under a label that does not fit", async () => {
    const hook = await receiver();
    const simulator = await freshchat({ webhookUrl: hook.url });
    const { id } = await conversationOf(simulator);
    simulator.agentReplies(id, { content: "Größe 42 liegt bereit 👟 한국어" });
    await simulator.settled();
    const [first, reply] = hook.received;
    expect(simulator.publicKeyAsShown).toMatch(/^-----BEGIN RSA PUBLIC KEY----- \S+ -----END RSA PUBLIC KEY-----$/);
    expect(() => createPublicKey(simulator.publicKeyAsShown)).toThrow("unsupported");
    expect(keyOf(simulator.publicKeyAsShown).asymmetricKeyDetails).toMatchObject({ modulusLength: 2048 });
    expect([first!, reply!].map((item) => isSigned(simulator, item))).toEqual([true, true]);
    expect(reply!.raw.includes(Buffer.from("Größe 42 liegt bereit 👟 한국어", "utf8"))).toBe(true);
    expect(reply!.headers).toMatchObject({ "x-freshchat-payload-version": "2.0", "x-retry-count": "0" });
    const altered = { ...reply!, raw: Buffer.from(reply!.raw.toString("utf8").replace("42", "43")) };
    expect(isSigned(simulator, altered)).toBe(false);
    const before = simulator.publicKeyAsShown;
    simulator.rotateKey();
    expect(simulator.publicKeyAsShown).not.toBe(before);
    expect(isSigned(simulator, reply!)).toBe(false);
  });

  test("tell what people do, and what the API did with the actor we gave", async () => {
    const hook = await receiver();
    const simulator = await freshchat({ webhookUrl: hook.url, webhookWorkers: 1 });
    const { id, post, call } = await conversationOf(simulator);
    await post({ actor_type: "bot", message_type: "private", message_parts: text("a note") });
    await call("PUT", `conversations/${id}`, { status: "new", assigned_group_id: simulator.groupId });
    simulator.assign(id, simulator.agentId);
    simulator.agentReplies(id, { content: "hello" });
    simulator.agentWritesNote(id, { content: "between us" });
    await call("PUT", `conversations/${id}`, { status: "resolved" });
    simulator.reopen(id);
    simulator.resolve(id);
    await simulator.settled();
    expect(actions(hook.received)).toEqual([
      "message_create user",
      "message_create bot",
      "conversation_assignment system",
      "conversation_assignment agent",
      "message_create agent",
      "message_create agent",
      "conversation_resolution system",
      "conversation_reopen agent",
      "conversation_resolution agent",
    ]);
    const types = hook.received.map((item) => dataOf(item, "message")["message_type"]);
    expect(types.slice(0, 6)).toEqual(["normal", "private", undefined, undefined, "normal", "private"]);
    expect(dataOf(hook.received[2], "assignment")).toMatchObject({ to_agent_id: "", to_group_id: simulator.groupId });
    expect(dataOf(hook.received[3], "assignment")).toMatchObject({ to_agent_id: simulator.agentId, from_agent_id: "" });
  });

  test("may keep silent about what the API did, and name another actor for it", async () => {
    const hook = await receiver();
    const simulator = await freshchat({ webhookUrl: hook.url, webhookWorkers: 1, apiActor: "admin" });
    const { id, call, say } = await conversationOf(simulator);
    await call("PUT", `conversations/${id}`, { status: "resolved" });
    simulator.set({ apiMessagesRaise: false, apiChangesRaise: false });
    await say("again");
    await call("PUT", `conversations/${id}`, { status: "resolved" });
    simulator.agentReplies(id, { content: "hello" });
    await simulator.settled();
    expect(actions(hook.received)).toEqual([
      "message_create user",
      "conversation_resolution agent",
      "conversation_reopen user",
      "message_create agent",
    ]);
  });

  test("come again until they are taken, each time with the next count", async () => {
    const hook = await receiver((_body, headers) => (headers["x-retry-count"] === "2" ? 200 : 503));
    const simulator = await freshchat({ webhookUrl: hook.url, webhookRetries: 5, webhookRetryDelayMs: 1 });
    simulator.foreignConversation();
    await simulator.settled();
    expect(hook.received.map((item) => item.headers["x-retry-count"])).toEqual(["0", "1", "2"]);
    expect(new Set(hook.received.map((item) => item.raw.toString("utf8"))).size).toBe(1);
    expect(simulator.webhooksSent().map((item) => item.status)).toEqual([503, 503, 200]);
  });

  test("and are given up after the last retry", async () => {
    const hook = await receiver(() => 500);
    const simulator = await freshchat({ webhookUrl: hook.url, webhookRetries: 1, webhookRetryDelayMs: 1 });
    simulator.foreignConversation();
    await simulator.settled();
    expect(hook.received).toHaveLength(2);
  });

  test("doubled, lost, out of order, late", async () => {
    const hook = await receiver();
    const simulator = await freshchat({ webhookUrl: hook.url, webhookWorkers: 1 });
    const { id } = await conversationOf(simulator);
    await simulator.settled();
    hook.received.length = 0;
    const said = async (...words: string[]) => {
      for (const content of words) simulator.agentReplies(id, { content });
      await simulator.settled();
      const parts = hook.received.splice(0).map((item) => dataOf(item, "message")["message_parts"]);
      return (parts as { text: { content: string } }[][]).map(([part]) => part!.text.content);
    };
    simulator.trouble.duplicateWebhooks(true);
    expect(await said("twice")).toEqual(["twice", "twice"]);
    simulator.trouble.reset();
    simulator.trouble.dropWebhooks(1);
    expect(await said("lost", "kept")).toEqual(["kept"]);
    simulator.trouble.reorderWebhooks(7);
    const order = ["1", "2", "3", "4", "5", "6"];
    const seen = await said(...order);
    expect(seen).not.toEqual(order);
    expect(seen.toSorted()).toEqual(order);
    simulator.trouble.reset();
    simulator.trouble.delayWebhooks(5);
    expect(await said("late")).toEqual(["late"]);
  });

  test("may overtake the answer to the request that caused them", async () => {
    const answered: (number | null)[] = [];
    const hook = await receiver(() => {
      answered.push(simulator.requests().at(-1)!.status);
      return 200;
    });
    const simulator = await freshchat({ webhookUrl: hook.url, webhookOvertakes: true });
    const { say } = await conversationOf(simulator);
    expect((await say("a")).status).toBe(200);
    expect(answered).toEqual([null, null]);
  });

  test("the whole account is told of, strangers too", async () => {
    const hook = await receiver();
    const simulator = await freshchat({ webhookUrl: hook.url, webhookWorkers: 1 });
    const strangers = simulator.foreignTraffic(3);
    await simulator.settled();
    expect(actions(hook.received)).toEqual(
      Array.from({ length: 3 }, () => [
        "message_create user",
        "conversation_assignment agent",
        "message_create agent",
        "message_create agent",
        "conversation_resolution agent",
      ]).flat(),
    );
    expect(new Set(strangers.map(({ userId }) => userId)).size).toBe(3);
    expect(strangers.every(({ madeBy }) => madeBy === "product")).toBe(true);
  });

  test("encoded_data stands beside data, or instead of it", async () => {
    const hook = await receiver();
    const simulator = await freshchat({ webhookUrl: hook.url, encodedData: "beside" });
    simulator.foreignConversation({ content: "größer" });
    await simulator.settled();
    simulator.set({ encodedData: "instead" });
    simulator.foreignConversation({ content: "größer" });
    await simulator.settled();
    const [beside, instead] = hook.received.map(({ body }) => body);
    expect(decoded(beside)).toEqual(beside!["data"]);
    expect(instead).not.toHaveProperty("data");
    expect(decoded(instead)).toMatchObject({ message: { message_parts: text("größer") } });
  });

  test("a forged one does not verify, one signed over other bytes neither; a replayed one is the same bytes", async () => {
    const hook = await receiver();
    const simulator = await freshchat({ webhookUrl: hook.url });
    simulator.foreignConversation();
    await simulator.settled();
    await simulator.forge({ action: "message_create" });
    await simulator.forge({ action: "message_create" }, { trueKey: true, signedBody: "{}" });
    await simulator.forge({ action: "message_create" }, { trueKey: true });
    await simulator.replay(simulator.webhooksSent()[0]!);
    expect(hook.received.map((item) => isSigned(simulator, item))).toEqual([true, false, false, true, true]);
    expect(hook.received[4]!.raw).toEqual(hook.received[0]!.raw);
  });
});

/** Every key of a payload, `a.b[].c`, sorted. */
function keysOf(value: unknown, at = ""): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((item) => keysOf(item, `${at}[]`)))].toSorted();
  if (typeof value !== "object" || value === null) return [at];
  return Object.entries(value)
    .flatMap(([key, item]) => keysOf(item, at === "" ? key : `${at}.${key}`))
    .toSorted();
}

describe("shapes have the keys of the published samples", () => {
  const folder = join(import.meta.dirname, "../../../shared/contracts/freshchat-webhook-samples");
  const isThere = existsSync(folder);
  if (!isThere && process.env["CI"] === "true") {
    throw new Error("../shared/contracts/freshchat-webhook-samples is absent");
  }
  if (!isThere) console.warn("../shared/contracts/freshchat-webhook-samples is absent: shapes are not compared");
  const sample = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Json;

  test.runIf(isThere).each([
    ["message_create.agent", "bare", (s, id) => s.agentReplies(id, { content: "a" })],
    ["message_create.agent-2021", "2021", (s, id) => s.agentReplies(id, { content: "a" })],
    ["message_create.user", "2019", (s, id) => s.visitorWritesInWidget(id, "a")],
    ["message_create.legacy-2018", "2018", (s, id) => s.visitorWritesInWidget(id, "a")],
    ["message_create.private-note", "2021", (s, id) => s.agentWritesNote(id, { content: "a" })],
    [
      "message_create.attachments",
      "2021",
      (s, id) =>
        s.agentReplies(id, {
          attachments: [
            { name: "a.pdf", type: "application/pdf", bytes: new Uint8Array(1) },
            { name: "a.png", type: "image/png", bytes: new Uint8Array(1) },
          ],
        }),
    ],
    ["conversation_assignment", "current", (s, id) => (s.assignGroup(id, s.groupId), s.assign(id, s.agentId))],
    ["conversation_assignment.group-only", "current", (s, id) => s.assignGroup(id, s.groupId)],
    [
      "conversation_resolution",
      "current",
      (s, id) => (s.assignGroup(id, s.groupId), s.assign(id, s.agentId), s.resolve(id)),
    ],
    ["conversation_reopen", "current", (s, id) => (s.resolve(id), s.reopen(id))],
    [
      "conversation_reopen.assigned-group",
      "2021",
      (s, id) => (s.assignGroup(id, s.groupId), s.resolve(id), s.reopen(id)),
    ],
    ["conversation_reopen.legacy-2018", "2018", (s, id) => (s.assign(id, s.agentId), s.resolve(id), s.reopen(id))],
  ] as [string, "current" | "bare" | "2021" | "2019" | "2018", (s: FreshchatSimulator, id: string) => unknown][])(
    "%s",
    async (name, payloads, act) => {
      const hook = await receiver();
      const simulator = await freshchat({ payloads, webhookWorkers: 1 });
      const { call, id, userId } = await conversationOf(simulator);
      const properties = [{ name: "plan", value: "pro" }];
      await call("PUT", `users/${userId}`, { avatar: { url: "https://shop.example/a.png" }, properties });
      simulator.setWebhookUrl(hook.url);
      act(simulator, id);
      await simulator.settled();
      expect(keysOf(hook.received.at(-1)!.body)).toEqual(keysOf(sample(name)));
    },
  );

  test.runIf(isThere)("and every sample is compared", () => {
    expect(readdirSync(folder).filter((name) => /^(message|conversation)_/.test(name))).toHaveLength(12);
  });

  test.runIf(isThere)("conversation and message as the API shows them", async () => {
    const simulator = await freshchat();
    const { call, id } = await conversationOf(simulator);
    await call("PUT", `conversations/${id}`, { properties: { priority: "Low" } });
    const conversation = await call("GET", `conversations/${id}`);
    expect(keysOf(conversation.body)).toEqual(keysOf(sample("api-objects/conversation.2025")));
    const { body } = await call("GET", `conversations/${id}/messages`);
    const keys = keysOf(body.messages[0]).filter((key) => key !== "message_source");
    expect(keys).toEqual(keysOf(sample("api-objects/message.2025")));
  });

  test.runIf(isThere)("app events hold every key of theirs that a connector may read", async () => {
    const simulator = await freshchat();
    const { call, id, userId, mine } = await conversationOf(simulator);
    await call("POST", "conversations", {
      channel_id: simulator.channelId,
      users: [{ id: userId }],
      messages: [{ ...mine, message_parts: text("a") }],
      assigned_group_id: simulator.groupId,
    });
    simulator.assignGroup(id, simulator.groupId);
    simulator.agentReplies(id, { content: "a" });
    simulator.assign(id, simulator.agentId);
    simulator.resolve(id);
    simulator.reopen(id);
    simulator.agentStatus(simulator.agentId, { availability: "UNAVAILABLE" });
    const isRead =
      /^(event|account_id|region|timestamp|version|domain|data\.(message|conversation|changes|agent_activity)\b.*)$/;
    // Of an agent's own status, which nobody has here.
    const isSpare = /emoji|custom_status_id/;
    for (const name of ["onMessageCreate", "onConversationUpdate", "onConversationCreate", "onAgentActivityCreate"]) {
      const wanted = keysOf(sample(`app-events/${name}`)).filter((key) => isRead.test(key) && !isSpare.test(key));
      const events = simulator.appEvents().filter((event) => event.event === name);
      const told = new Set(events.flatMap((event) => keysOf(event)));
      expect([name, wanted.filter((key) => !told.has(key))]).toEqual([name, []]);
    }
  });
});

describe("app events", () => {
  test("tell messages, changes with old and new value, new conversations and who came or went", async () => {
    const simulator = await freshchat();
    const heard: { event: string; data: Json }[] = [];
    const stop = simulator.onAppEvent((event) => heard.push(event));
    const { id, userId } = await conversationOf(simulator, "hi");
    simulator.assign(id, simulator.agentId);
    simulator.agentReplies(id, { content: "hello" });
    simulator.resolve(id);
    simulator.agentStatus(simulator.agentId, { availability: "UNAVAILABLE" });
    stop();
    simulator.systemSays(id, "not heard any more");
    expect(heard.map((event) => event.event)).toEqual([
      "onMessageCreate",
      "onConversationCreate",
      "onConversationUpdate",
      "onMessageCreate",
      "onConversationUpdate",
      "onAgentActivityCreate",
    ]);
    expect(heard[0]!.data).toMatchObject({
      actor: { type: "user", id: userId },
      associations: { channel: { id: simulator.channelId }, user: { id: userId } },
      message: {
        conversation_id: id,
        status: "new",
        messages: [{ actor_type: "user", message_parts: [{ text: { content: "hi" }, image: null, file: null }] }],
      },
    });
    expect(heard[2]!.data["changes"]).toEqual({
      model_changes: { status: ["new", "assigned"], assigned_agent_id: [null, simulator.agentId] },
    });
    expect(heard[3]!.data).toMatchObject({ actor: { type: "agent", first_name: "Alex" } });
    expect(heard[4]!.data).toMatchObject({
      conversation: { conversation_id: id, status: "resolved" },
      changes: { model_changes: { status: ["assigned", "resolved"] } },
    });
    expect(heard[5]!.data).toMatchObject({ agent_activity: { status: "UNAVAILABLE", prev_status: "AVAILABLE" } });
    expect(simulator.appEvents()).toHaveLength(7);
  });
});

describe("the agents' side", () => {
  test("everything that can be said, by whom it comes and of which type", async () => {
    const simulator = await freshchat();
    const { id } = await conversationOf(simulator);
    const card = { url_button: { label: "Track", url: "https://shop.example/t/1" } };
    simulator.agentReplies(id, { content: "hello", parts: [card] });
    simulator.agentPickQuickReplies(id, { content: "Which size?", labels: ["S", "M"] });
    simulator.agentSendsLongText(id, { content: "a".repeat(9000) });
    simulator.botSays(id, { content: "I am a bot" });
    simulator.botSays(id, { content: "for agents", isPrivateNote: true });
    simulator.systemSays(id, "Conversation was assigned");
    simulator.welcomes(id);
    simulator.visitorWritesInWidget(id, "me again");
    const { messages } = (await client(simulator)("GET", `conversations/${id}/messages`)).body;
    const shown = messages.toReversed().slice(1) as Json[];
    expect(shown.map((item) => [item["actor_type"], item["message_type"], item["botsPrivateNote"]])).toEqual([
      ["agent", "normal", false],
      ["agent", "normal", false],
      ["agent", "normal", false],
      ["bot", "normal", false],
      ["bot", "normal", true],
      ["system", "normal", false],
      ["system", "normal", false],
      ["user", "normal", false],
    ]);
    expect(shown[0]!["message_parts"]).toEqual([{ text: { content: "hello" } }, card]);
    expect(shown[1]!["reply_parts"]).toEqual([
      { collection: { sub_parts: [{ quick_reply_button: { label: "S" } }, { quick_reply_button: { label: "M" } }] } },
    ]);
    const [long] = shown[2]!["message_parts"] as { file: Json }[];
    expect(long!.file).toMatchObject({ content_type: "text/plain", file_size_in_bytes: 9000 });
    expect(await (await fetch(String(long!.file["url"]))).text()).toBe("a".repeat(9000));
    expect(shown[6]!["message_parts"]).toEqual(text("Hello! Ask us anything."));
  });

  test("a channel may say hello by itself in a new conversation", async () => {
    const simulator = await freshchat({ sendsWelcome: true });
    const { id } = await conversationOf(simulator, "hi");
    expect(lines(simulator, id)).toEqual(["user: hi", "system: Hello! Ask us anything."]);
  });

  test("conversations answer to their number too; unknown names are told", async () => {
    const simulator = await freshchat();
    const { id } = await conversationOf(simulator);
    expect(simulator.conversation(String(simulator.conversation(id).number)).id).toBe(id);
    expect(() => simulator.conversation("nowhere")).toThrow("the simulator has no conversation nowhere");
    expect(() => simulator.agentReplies(id, { agentId: "nobody", content: "a" })).toThrow("no agent nobody");
  });

  test("waitFor gives what it waited for, or says what happened instead", async () => {
    const simulator = await freshchat();
    const waiting = simulator.waitFor(() => simulator.conversations()[0]);
    const { id } = await conversationOf(simulator);
    expect((await waiting).id).toBe(id);
    await expect(simulator.waitFor(() => false, 5)).rejects.toThrow("POST /v2/conversations 200");
  });
});

describe("limits", () => {
  test.each([
    ["unix", "1772442060"],
    ["unix_ms", "1772442060000"],
    ["seconds_left", "45"],
  ] as const)("requests of a minute are counted; the reset is told as %s", async (rateLimitReset, reset) => {
    let now = at("15.000");
    const simulator = await freshchat({ clock: () => now, requestsPerMinute: 2, rateLimitReset });
    const call = client(simulator);
    expect(limitsIn((await call("GET", "groups")).headers)).toEqual(["2", "1", reset, null]);
    expect(limitsIn((await call("GET", "groups")).headers)).toEqual(["2", "0", reset, null]);
    const refused = await call("GET", "groups");
    expect([refused.status, refused.body.status, ...limitsIn(refused.headers)]).toEqual([
      429,
      "TOO_MANY_REQUESTS",
      "2",
      "0",
      reset,
      null,
    ]);
    simulator.set({ retryAfter: true, rateLimitHeaders: false });
    expect(limitsIn((await call("GET", "groups")).headers)).toEqual([null, null, null, "45"]);
    now = new Date("2026-03-02T09:01:00Z");
    expect((await call("GET", "groups")).status).toBe(200);
  });

  test("a 429 on demand, with and without its headers", async () => {
    const simulator = await freshchat({ clock: () => at("00.000") });
    const call = client(simulator);
    simulator.trouble.rateLimitNext(1, { seconds: 30 });
    simulator.trouble.rateLimitNext(1, { seconds: 30, retryAfter: true, reset: null });
    const [first, second, third] = [
      await call("GET", "groups"),
      await call("GET", "groups"),
      await call("GET", "groups"),
    ];
    const told = ({ status, headers }: typeof first) => [
      status,
      headers.get("x-ratelimit-remaining"),
      headers.get("x-ratelimit-reset"),
      headers.get("retry-after"),
    ];
    expect(told(first)).toEqual([429, "0", "1772442030", null]);
    expect(told(second)).toEqual([429, null, null, "30"]);
    expect(third.status).toBe(200);
  });
});

const messageCreates = (method: string, path: string) => method === "POST" && path.endsWith("/messages");

describe("trouble", () => {
  test("failing and HTML: nothing is done, and only for what matches", async () => {
    const simulator = await freshchat();
    const { call, id, say } = await conversationOf(simulator, "0");
    simulator.trouble.failNext(1, { match: messageCreates, status: 400 });
    simulator.trouble.failNext(1, { match: messageCreates, status: 503, headers: { "retry-after": "7" } });
    simulator.trouble.htmlAnswer(1, messageCreates);
    expect((await call("GET", "groups")).status).toBe(200);
    expect((await say("a")).body).toMatchObject({ code: 400, status: "INVALID_VALUE" });
    const down = await say("a");
    expect([down.status, down.headers.get("retry-after"), down.body]).toEqual([503, "7", null]);
    const page = await say("a");
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html"]);
    expect(lines(simulator, id)).toEqual(["user: 0"]);
    expect((await say("a")).status).toBe(200);
  });

  test("a 400 for a message that is stored and told all the same", async () => {
    const hook = await receiver();
    const simulator = await freshchat({ webhookUrl: hook.url });
    const { id, say } = await conversationOf(simulator, "0");
    simulator.trouble.refuseButDeliver(1);
    const refused = await say("a");
    expect([refused.status, refused.body.status]).toEqual([400, "INVALID_VALUE"]);
    await simulator.settled();
    expect(lines(simulator, id)).toEqual(["user: 0", "user: a"]);
    expect(hook.received).toHaveLength(2);
  });

  test("a time-out after the work, a cut before and after it, a late commit", async () => {
    const simulator = await freshchat();
    const { id, say } = await conversationOf(simulator, "0");
    const said = (words: string) => lines(simulator, id).includes(`user: ${words}`);
    simulator.trouble.resetBeforeWork(1);
    await expect(say("reset")).rejects.toThrow("fetch failed");
    expect(said("reset")).toBe(false);
    simulator.trouble.timeoutAfterDoingTheWork(1, undefined, "destroy");
    await expect(say("cut")).rejects.toThrow("fetch failed");
    expect(said("cut")).toBe(true);
    simulator.trouble.timeoutAfterDoingTheWork(1, messageCreates, "hang");
    const hanging = say("hang").catch(() => "no answer");
    await simulator.waitFor(() => said("hang"));
    simulator.trouble.commitLate(1, 20);
    const late = say("late").catch(() => "no answer");
    await simulator.waitFor(() => said("late"));
    expect(simulator.requests().slice(-2)).toMatchObject([{ status: null }, { status: null }]);
    await simulator.stop();
    expect(await Promise.all([hanging, late])).toEqual(["no answer", "no answer"]);
  });

  test("down and up again on the same port, with everything still there", async () => {
    const simulator = await freshchat();
    const { call, id } = await conversationOf(simulator);
    await simulator.trouble.down();
    await expect(call("GET", "groups")).rejects.toThrow("fetch failed");
    await simulator.trouble.up();
    expect((await call("GET", `conversations/${id}`)).status).toBe(200);
    await simulator.trouble.down("503");
    expect((await call("GET", "groups")).status).toBe(503);
    await simulator.trouble.up();
    expect((await call("GET", "groups")).status).toBe(200);
  });
});

describe("requests that FreshChat would not understand are recorded", () => {
  const check = loadOpenApiCheck(freshchatApi);
  const mine = { actor_type: "user", actor_id: "u-1" };
  const messages = "conversations/c-1/messages";

  test.runIf(check).each([
    [
      "a field of our own",
      "POST",
      messages,
      { ...mine, message_parts: text("a"), idempotency_key: "k" },
      "must NOT have additional properties: idempotency_key",
    ],
    [
      "a user without id",
      "POST",
      messages,
      { actor_type: "user", message_parts: text("a") },
      "must have required property 'actor_id'",
    ],
    [
      "a part of two kinds",
      "POST",
      messages,
      { ...mine, message_parts: [{ ...text("a")[0], image: { url: "u" } }] },
      "must NOT have more than 1 properties",
    ],
    ["a wrong type", "POST", "users", { first_name: 7 }, "body/first_name must be string"],
    ["no field at all", "PUT", "conversations/c-1", {}, "must NOT have fewer than 1 properties"],
    ["properties as an array", "PUT", "conversations/c-1", { properties: [] }, "body/properties must be object"],
    [
      "too large a page",
      "GET",
      "channels?items_per_page=100",
      undefined,
      "query items_per_page data/value must be <= 50",
    ],
    ["an unknown query", "GET", "groups?size=3", undefined, "query size is not in the description"],
    [
      "a method that is not there",
      "PATCH",
      "conversations/c-1",
      {},
      "PATCH /v2/conversations/c-1 is in no API description",
    ],
    ["a path that is not there", "GET", "handoffs", undefined, "GET /v2/handoffs is in no API description"],
    ["a form without its file", "POST", "files/upload", new FormData(), "must have required property 'file'"],
  ] as [string, string, string, unknown, string][])("%s", async (_case, method, path, body, problem) => {
    const simulator = await freshchat();
    await client(simulator)(method, path, body);
    expect(() => simulator.assertNoViolations()).toThrow(problem);
    simulator.clearViolations();
    simulator.assertNoViolations();
  });

  test.runIf(check)("of the kinds of message only the one that is meant is spoken of", () => {
    const body = { ...mine, message_parts: text("a"), idempotency_key: "k" };
    const about = { method: "POST", path: `/v2/${messages}`, query: new URLSearchParams(), body };
    expect(check?.({ ...about, contentType: "application/json; charset=utf-8" })).toEqual([
      "body must NOT have additional properties: idempotency_key",
      "body must match exactly one schema in oneOf",
    ]);
    expect(check?.({ ...about, contentType: "text/plain" })).toEqual([
      'a body of type "text/plain" where application/json is due',
    ]);
  });

  test("without the description, what this simulator does not know is one still", async () => {
    const simulator = await freshchat();
    await client(simulator)("GET", "groups?size=3");
    expect(simulator.violations()).toContainEqual({
      request: "GET /v2/groups",
      problem: 'query: Unrecognized key: "size"',
      source: "simulator",
    });
  });
});

test("the same calls give the same ids in every run, other ones in another account", async () => {
  const first = await idsIn({});
  expect(await idsIn({})).toEqual(first);
  const other = await idsIn({ accountId: "227650000000002" });
  expect(other.some((id) => first.includes(id))).toBe(false);
});

test("as a program of its own, driven over /__control", async () => {
  const program = spawn(process.execPath, [join(import.meta.dirname, "freshchat/serve.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push({ stop: () => program.kill() });
  const line = await new Promise<string>((resolve) =>
    program.stdout.once("data", (data: Buffer) => resolve(String(data))),
  );
  const { url, apiToken, publicKeyAsShown } = JSON.parse(line) as Record<string, string>;
  expect(publicKeyAsShown).toContain("BEGIN RSA PUBLIC KEY");
  const control = async (name: string, ...args: unknown[]) => {
    const answer = await fetch(`${url}/__control/${name}`, { method: "POST", body: JSON.stringify({ args }) });
    return (await answer.json()) as { result?: Json; error?: string };
  };
  const stranger = await control("foreignConversation", { name: "Sam" });
  expect(stranger.result).toMatchObject({ status: "new", madeBy: "product" });
  await control("set", { businessHoursAnswer: "bare" });
  expect((await control("settings")).result).toMatchObject({ businessHoursAnswer: "bare" });
  await control("trouble/failNext", 1, { status: 503, match: { method: "GET", path: "/agents$" } });
  const get = (path: string) => fetch(`${url}/v2/${path}`, { headers: { authorization: `Bearer ${apiToken}` } });
  expect((await get("groups")).status).toBe(200);
  expect([(await get("agents")).status, (await get("agents")).status]).toEqual([503, 200]);
  expect(await control("stop")).toEqual({ error: 'no control function "stop"' });
});
