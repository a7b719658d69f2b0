import { beforeEach, describe, expect, test } from "vitest";
import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { OutgoingRequest, OutgoingResponse } from "../../src/ports.ts";
import { OutgoingError } from "../../src/ports.ts";
import { createClient } from "./client.ts";
import { parseConfig } from "./config.ts";
import type { Desk } from "./desk.ts";
import { lookAt } from "./look.ts";

type Json = Record<string, unknown>;

const noon = Date.parse("2026-11-20T12:00:00.000Z");
const time = (seconds: number) => new Date(noon + seconds * 1_000).toISOString();
const ref: HelpdeskRef = { conversationId: "conv/1", contactId: "usr_1", url: null, otherId: "4711" };
const pathOfMessages = "/v2/conversations/conv%2F1/messages";

/** An account of FreshChat's by hand: what it answers to each path, and what it was asked. */
interface Account {
  conversation: Json;
  messages: Json[];
  /** Answers by path with query; they come before what is made from the two above. */
  answers: Map<string, unknown>;
  /** What download gives, by address. */
  files: Map<string, { status: number; type: string; bytes: Buffer } | OutgoingError>;
  asked: string[];
  downloaded: string[];
  named: string[];
  now: number;
  warnings: string[];
}
let account: Account;
let desk: Desk;

function response(status: number, bytes: Buffer, type: string): OutgoingResponse {
  const text = () => bytes.toString("utf8");
  return { status, headers: { "content-type": type }, bytes, text, json: () => JSON.parse(text()) as unknown };
}
const json = (status: number, body: unknown) => response(status, Buffer.from(JSON.stringify(body)), "application/json");

function answer({ url }: OutgoingRequest): OutgoingResponse {
  const { pathname, search } = new URL(url);
  account.asked.push(pathname + search);
  const given = account.answers.get(pathname + search) ?? account.answers.get(pathname);
  if (given === 404) return json(404, { code: 404, status: "NOT_FOUND", message: "not found" });
  if (given !== undefined) return json(200, given);
  if (pathname.endsWith("/messages")) return json(200, { messages: account.messages.toReversed() });
  return json(200, account.conversation);
}

const clock = () => new Date(account.now);

const silent = () => undefined;

function createTestDesk(agentId: string | null = null): Desk {
  const config = parseConfig({ baseUrl: "https://acme.freshchat.com", apiToken: "t0ken", agentId });
  const outgoing: Desk["outgoing"] = {
    request: (request) => Promise.resolve(answer(request)),
    download(url) {
      account.downloaded.push(url);
      const file = account.files.get(url);
      if (file === undefined || file instanceof OutgoingError)
        return Promise.reject(file ?? new OutgoingError("connect", "gone", { ambiguous: false }));
      return Promise.resolve(response(file.status, file.bytes, file.type));
    },
    urlFault: () => null,
    close: () => undefined,
  };
  const log: Desk["log"] = {
    debug: silent,
    info: silent,
    warn: (event) => void account.warnings.push(event),
    error: silent,
    with: () => log,
  };
  return {
    config,
    client: createClient(config, { outgoing, clock }),
    outgoing,
    clock,
    log,
    connectionId: "con_1",
    batonUrl: "https://baton.example",
    agents: {
      nameOf(id) {
        account.named.push(id);
        return Promise.resolve({ id, name: id === "agt_1" ? "Alex" : null, avatarUrl: null });
      },
    },
  };
}

const said = (id: string, at: string | null, content: string, more: Json = {}): Json => ({
  id,
  actor_type: "agent",
  actor_id: "agt_1",
  message_type: "normal",
  created_time: at,
  message_parts: [{ text: { content } }],
  ...more,
});
const withFile = (id: string, at: string, file: Json) => said(id, at, "", { message_parts: [{ file }] });
const look = (cursor: string | null = null) => lookAt(desk, ref, cursor);
const texts = async (cursor: string | null = null) => (await look(cursor)).messages.map(({ text }) => text);

beforeEach(() => {
  account = {
    conversation: { conversation_id: "conv/1", status: "assigned", assigned_agent_id: "agt_1", updated_time: time(5) },
    messages: [],
    answers: new Map(),
    files: new Map(),
    asked: [],
    downloaded: [],
    named: [],
    now: noon + 120_000,
    warnings: [],
  };
  desk = createTestDesk();
});

describe("the state of a conversation", () => {
  test.each([
    ["new", "open"],
    ["assigned", "open"],
    ["reopened", "open"],
    ["reopen", "open"],
    ["waiting on customer", "open"],
    ["something new", "open"],
    [null, "open"],
    ["resolved", "resolved"],
    ["Resolved", "resolved"],
  ])("%j is %s", async (status, expected) => {
    account.conversation["status"] = status;
    expect((await look()).status).toBe(expected);
  });

  test("has its assignee by name, and the time of its last change in milliseconds", async () => {
    expect(await look()).toMatchObject({ assignee: { id: "agt_1", name: "Alex" }, version: noon + 5_000 });
    delete account.conversation["updated_time"];
    account.messages = [said("m1", time(7), "hi")];
    expect((await look()).version).toBe(noon + 7_000);
  });

  test.each(["", null, undefined, "seat"])("assigned to %j it is nobody's", async (id) => {
    desk = createTestDesk("seat");
    account.conversation["assigned_agent_id"] = id;
    expect((await look()).assignee).toBeNull();
  });

  test("is read by its number where its id is unknown, and so are its messages", async () => {
    account.answers.set("/v2/conversations/conv%2F1", 404);
    account.answers.set(pathOfMessages, 404);
    account.messages = [said("m1", time(0), "hi")];
    expect(await texts()).toEqual(["hi"]);
    expect(account.asked.at(-1)).toMatch(/^\/v2\/conversations\/4711\/messages\?/);
  });

  test("that is unknown by both is a refusal for good", async () => {
    for (const id of ["conv%2F1", "4711"]) account.answers.set(`/v2/conversations/${id}`, 404);
    await expect(look()).rejects.toMatchObject({ kind: "permanent" });
    await expect(lookAt(desk, { ...ref, otherId: null }, null)).rejects.toMatchObject({ kind: "permanent" });
  });
});

describe("messages", () => {
  test("are those by people for the visitor, oldest first, with their names", async () => {
    account.messages = [
      said("m1", time(1), "visitor", { actor_type: "user", actor_id: "usr_1" }),
      said("m2", time(2), "**one**"),
      said("m3", time(3), "note", { message_type: "private" }),
      said("m4", time(4), "two", { actor_id: "agt_2" }),
      said("m5", time(5), "three", { actor_id: null }),
      said("m6", time(6), "bot", { actor_type: "bot" }),
      said("m7", time(7), "four"),
      { id: 7, broken: true },
      "broken",
    ] as Json[];
    expect((await look()).messages.map(({ text, agent }) => [text, agent.name])).toEqual([
      ["one", "Alex"],
      ["two", null],
      ["three", null],
      ["four", "Alex"],
    ]);
    // The assignee, and each speaker once.
    expect(account.named.filter((id) => id === "agt_2")).toHaveLength(1);
    expect(account.named.length).toBeLessThanOrEqual(3);
  });

  test("by Baton's own seat are not among them", async () => {
    desk = createTestDesk("agt_1");
    account.messages = [said("m1", time(1), "mine"), said("m2", time(2), "theirs", { actor_id: "agt_2" })];
    expect(await texts()).toEqual(["theirs"]);
  });

  test("are each given once and in order, however the list has them; the list's order decides ties", async () => {
    const [a, b, c, d] = [
      said("a", time(1), "a"),
      said("b", time(2), "b"),
      said("c", time(2), "c"),
      said("d", time(3), "d"),
    ];
    account.answers.set(`${pathOfMessages}?items_per_page=50`, { messages: [d, c, d, b, a, c] });
    expect(await texts()).toEqual(["a", "b", "c", "d"]);
    account.answers.set(`${pathOfMessages}?items_per_page=50`, { messages: [a, b, c, d] });
    expect(await texts()).toEqual(["a", "b", "c", "d"]);
    account.answers.set(`${pathOfMessages}?items_per_page=50`, { messages: [d, a, c, b] });
    expect(await texts()).toEqual(["a", "b", "c", "d"]);
  });

  test("without a time stand where the list has them", async () => {
    account.messages = [said("a", time(1), "a"), said("b", null, "b"), said("c", time(3), "c")];
    expect(await texts()).toEqual(["a", "b", "c"]);
  });
});

const page = (href: string | null, ...ids: number[]) => ({
  messages: ids.map((id) => said(`m${id}`, time(id), `${id}`)),
  ...(href === null ? {} : { link: { href, rel: "next" } }),
});

describe("pages", () => {
  const first = `${pathOfMessages}?items_per_page=50`;

  test("are followed into the past by the query of their link alone", async () => {
    account.answers.set(
      first,
      page("https://evil.example/v2/conversations/other/messages?from_time=2026-11-20T12:00:05%2B00:00", 9, 8),
    );
    account.answers.set(`${pathOfMessages}?from_time=2026-11-20T12:00:05%2B00:00`, page("/v2/x?from_time=2", 7, 6));
    account.answers.set(`${pathOfMessages}?from_time=2`, page(null, 5));
    expect(await texts()).toEqual(["5", "6", "7", "8", "9"]);
    expect(account.asked.filter((path) => !path.includes("conv%2F1"))).toEqual([]);
  });

  test("end where all that is older was seen a minute before the cursor", async () => {
    account.answers.set(first, page("?from_time=1", 100, 90));
    account.answers.set(`${pathOfMessages}?from_time=1`, page("?from_time=2", 50, 35));
    account.answers.set(`${pathOfMessages}?from_time=2`, page(null, 20));
    expect(await texts(time(100))).toEqual(["50", "90", "100"]);
    expect(account.asked.filter((path) => path.includes("from_time=2"))).toEqual([]);
    expect(await texts(time(95))).toEqual(["35", "50", "90", "100"]);
    expect(await texts("no time")).toEqual(["20", "35", "50", "90", "100"]);
  });

  test.each([
    ["that leads to itself", "?items_per_page=50"],
    ["that leads to the same messages over and over", "?from_time=1"],
    ["that leads nowhere", "http://[broken"],
    ["without query", "/v2/conversations/x/messages"],
  ])("a link %s ends them", async (_what, href) => {
    account.answers.set(pathOfMessages, page(href, 2, 1));
    expect(await texts()).toEqual(["1", "2"]);
    expect(account.asked.length).toBeLessThan(6);
  });

  test("without end are left after forty, and the log says so", async () => {
    for (let i = 0; i < 100; i += 1) {
      const query = i === 0 ? "?items_per_page=50" : `?from_time=${i}`;
      account.answers.set(pathOfMessages + query, page(`?from_time=${i + 1}`, -i));
    }
    expect(await texts()).toHaveLength(40);
    expect(account.warnings).toEqual(["freshchat_messages_left_unread"]);
  });
});

describe("the cursor", () => {
  test("is the time of the newest message, whoever wrote it", async () => {
    account.messages = [said("a", time(1), "a"), said("b", time(9), "b", { message_type: "private" })];
    expect((await look()).cursor).toBe(time(9));
  });
  test("never goes back, nor past now, and stays where nothing was said", async () => {
    expect((await look(null)).cursor).toBeNull();
    expect((await look(time(50))).cursor).toBe(time(50));
    account.messages = [said("a", time(1), "a")];
    expect((await look(time(50))).cursor).toBe(time(50));
    account.messages = [said("a", time(100_000), "a")];
    expect((await look(time(50))).cursor).toBe(time(120));
  });
});

describe("a file without its address", () => {
  beforeEach(() => {
    account.messages = [
      said("m1", time(0), "one"),
      withFile("m2", time(10), { name: "label.pdf", url: null }),
      said("m3", time(20), "three"),
    ];
  });

  test("holds back its message and all that follow it, for a minute", async () => {
    account.now = noon + 69_999;
    const view = await look();
    expect(view.messages.map(({ text }) => text)).toEqual(["one"]);
    expect(view).toMatchObject({ isIncomplete: true, cursor: time(0) });
    account.now = noon + 70_000;
    const late = await look(view.cursor);
    expect(late.messages.map(({ text }) => text)).toEqual(["one", "label.pdf", "three"]);
    expect(late).toMatchObject({ isIncomplete: false, cursor: time(20) });
  });

  test("comes as one as soon as it has it", async () => {
    account.now = noon + 30_000;
    expect((await look()).isIncomplete).toBe(true);
    account.messages[1] = withFile("m2", time(10), { name: "label.pdf", url: "https://f.example/label.pdf" });
    const view = await look();
    expect(view.isIncomplete).toBe(false);
    expect(view.messages[1]).toMatchObject({ text: "", attachments: [{ name: "label.pdf" }] });
  });

  test("is waited for no longer where FreshChat's clock is ahead", async () => {
    account.now = noon - 3_600_000;
    expect((await look()).isIncomplete).toBe(true);
    account.now += 60_000;
    expect((await look()).isIncomplete).toBe(false);
  });

  test("in a note holds nothing back", async () => {
    account.now = noon + 30_000;
    account.messages[1] = { ...account.messages[1], message_type: "private" };
    expect(await look()).toMatchObject({ isIncomplete: false, messages: [{ text: "one" }, { text: "three" }] });
  });
});

describe("a message that is only a text file", () => {
  const url = "https://f.example/long.txt";
  const file = { name: "long.txt", url, content_type: "text/plain; charset=utf-8" };
  const serve = (bytes: Buffer, type = "text/plain", status = 200) => account.files.set(url, { status, type, bytes });
  beforeEach(() => void (account.messages = [withFile("m1", time(0), file)]));

  test("is given as its words, with the file, and fetched once", async () => {
    serve(Buffer.from("\ufeffGrüße, **Ana**!\nMore."));
    for (const _ of [1, 2]) {
      expect((await look()).messages).toMatchObject([
        { text: "Grüße, Ana!\nMore.", attachments: [{ url, name: "long.txt" }] },
      ]);
    }
    expect(account.downloaded).toEqual([url]);
  });

  test.each<[string, () => unknown]>([
    ["gone", () => serve(Buffer.from("x"), "text/plain", 404)],
    ["unreachable", () => account.files.set(url, new OutgoingError("timeout", "late", { ambiguous: true }))],
    ["no UTF-8", () => serve(Buffer.from([0x48, 0xff, 0xfe]))],
    ["blank", () => serve(Buffer.from(" \n"))],
    ["a page instead", () => serve(Buffer.from("<html>Sign in</html>"), "text/html; charset=utf-8")],
  ])("that is %s is the file alone", async (_what, given) => {
    given();
    for (const _ of [1, 2]) expect((await look()).messages).toMatchObject([{ text: "", attachments: [{ url }] }]);
    expect(account.downloaded).toHaveLength(1);
  });

  test.each<[string, Json]>([
    ["too large", withFile("m1", time(0), { ...file, file_size_in_bytes: 262_145 })],
    ["beside words", said("m1", time(0), "", { message_parts: [{ text: { content: "See" } }, { file }] })],
    ["beside another", said("m1", time(0), "", { message_parts: [{ file }, { file }] })],
    ["of another type", withFile("m1", time(0), { ...file, content_type: "text/html" })],
    ["in a note", { ...withFile("m1", time(0), file), message_type: "private" }],
  ])("%s is not fetched", async (_what, message) => {
    account.messages = [message];
    await look();
    expect(account.downloaded).toEqual([]);
  });
});
