import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ledger } from "../../test/contracts/effects.ts";
import { freshchatBench, lineOf } from "../../test/contracts/freshchat-bench.ts";
import type { FreshchatBench } from "../../test/contracts/freshchat-bench.ts";
import { handoff, says } from "../../test/contracts/freshchat-samples.ts";
import type { FreshchatOptions } from "../../test/simulators/freshchat/index.ts";
import type { Attachment, Message } from "../../src/domain/conversation.ts";
import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { CloseRequest } from "../../src/ports.ts";

/** A bot's file store. */
const files = createServer((request, response) => {
  if (request.url?.startsWith("/missing")) return response.writeHead(404).end();
  const isImage = request.url?.endsWith(".png");
  return response.writeHead(200, { "content-type": isImage ? "image/png" : "application/pdf" }).end("content");
});
let store = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
  store = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
});
afterAll(() => void files.close());

let bench: FreshchatBench;
let ref: HelpdeskRef;
afterEach(() => bench.stop());
const start = async (options: FreshchatOptions = {}) => {
  bench = await freshchatBench(options);
  ref = await bench.connector.open(handoff(), ledger("dlv_open").attempt());
  return bench.simulator;
};

let attempts = 0;
const anew = () => ledger(`dlv_${(attempts += 1)}`);
const send = (message: Message, connector = bench.connector, sending = anew()) =>
  connector.send(ref, message, sending.attempt());
const isMessage = (method: string, path: string) => method === "POST" && path.endsWith("/messages");
const isList = (method: string, path: string) => method === "GET" && path.endsWith("/messages");
const lines = () => bench.simulator.messages(ref.conversationId).map(lineOf);
/** What the visitor said after the opening. */
const said = () =>
  lines()
    .filter(({ by }) => by === "visitor")
    .slice(1);
const texts = () => said().map(({ text }) => text);
const file = (url: string, name: string | null = null, contentType: string | null = null): Attachment => ({
  url,
  name,
  contentType,
  size: null,
});

describe("a visitor's message", () => {
  test("is the user's, as it was written", async () => {
    const simulator = await start();
    const text = '  <b>"R&D" &amp; it\'s</b>\r\n\tline \u{1F469}‍\u{1F467}  ';
    expect(await send(says(text, 2))).toBe("sent");
    expect(texts()).toEqual([text]);
    expect(simulator.messages(ref.conversationId).at(-1)?.actor).toEqual({ type: "user", id: ref.contactId });
  });

  test("in a row needs no look before it: one request each", async () => {
    const simulator = await start();
    const before = simulator.requests().length;
    for (const seq of [2, 3, 4]) await send(says("ok", seq));
    expect(
      simulator
        .requests()
        .slice(before)
        .map(({ method }) => method),
    ).toEqual(["POST", "POST", "POST"]);
    expect(texts()).toEqual(["ok", "ok", "ok"]);
  });

  test("by somebody else is a note with the author's name", async () => {
    await start();
    await send(says("I can help", 2, { role: "bot" }));
    await send(
      says("Look here", 3, { role: "agent", authorName: "Mia", attachments: [file("https://f.example/a.pdf")] }),
    );
    expect(said()).toEqual([]);
    expect(lines().slice(-2)).toEqual([
      { by: "note", text: "Bot: I can help", files: [] },
      { by: "note", text: "Mia: Look here\nhttps://f.example/a.pdf", files: [] },
    ]);
  });

  test("that is long arrives whole, in pieces between grapheme clusters", async () => {
    await start({ maxTextLength: 5_000 });
    const text = "\u{1F469}‍\u{1F467}".repeat(2_500);
    await send(says(text, 2));
    expect(texts().join("")).toBe(text);
    for (const piece of texts()) expect(piece.length % "\u{1F469}‍\u{1F467}".length).toBe(0);
  });
});

describe("a message whose answer was lost", () => {
  test.each([
    [
      "is there once",
      (simulator: FreshchatBench["simulator"]) => simulator.trouble.timeoutAfterDoingTheWork(1, isMessage, "destroy"),
    ],
    [
      "and never arrived is sent again",
      (simulator: FreshchatBench["simulator"]) => simulator.trouble.resetBeforeWork(1, isMessage),
    ],
    [
      "to a 500 is there once",
      (simulator: FreshchatBench["simulator"]) =>
        simulator.trouble.failAfterDoingTheWork(1, { status: 500, match: isMessage }),
    ],
  ])("%s, although the one before it says the same", async (_what, trouble) => {
    const simulator = await start();
    await send(says("ok", 2));
    trouble(simulator);
    const sending = anew();
    await expect(send(says("ok", 3), bench.connector, sending)).rejects.toMatchObject({ ambiguous: true });
    expect(await send(says("ok", 3), bench.connectorWith(), sending)).toBe("sent");
    expect(texts()).toEqual(["ok", "ok"]);
  });

  test("is told from one that another process sent in the same words", async () => {
    const simulator = await start();
    await send(says("ok", 2));
    await send(says("ok", 4), bench.connectorWith());
    simulator.trouble.resetBeforeWork(1, isMessage);
    const sending = anew();
    await expect(send(says("ok", 6), bench.connector, sending)).rejects.toMatchObject({ ambiguous: true });
    await send(says("ok", 6), bench.connector, sending);
    expect(texts()).toEqual(["ok", "ok", "ok"]);
  });

  test("is found however much was said after it, and although FreshChat changed how it is written", async () => {
    const simulator = await start({ messagePageLimit: 5, messagePagesOverlap: true });
    simulator.trouble.timeoutAfterDoingTheWork(1, isMessage, "destroy");
    const sending = anew();
    const text = 'a < b\r\nsays "Tom"  ';
    await expect(send(says(text, 2), bench.connector, sending)).rejects.toMatchObject({ ambiguous: true });
    const stored = simulator.messages(ref.conversationId).at(-1)!;
    stored.parts[0] = { text: { content: "a &lt; b\nsays &quot;Tom&quot;" } };
    for (let i = 0; i < 23; i += 1) simulator.agentReplies(ref.conversationId, { content: `answer ${i}` });
    await send(says(text, 2), bench.connector, sending);
    expect(said()).toHaveLength(1);
  });

  test("is found before it is sent again; while the list cannot be read nothing is sent", async () => {
    const simulator = await start();
    simulator.trouble.timeoutAfterDoingTheWork(1, isMessage, "destroy");
    const sending = anew();
    await expect(send(says("once", 2), bench.connector, sending)).rejects.toMatchObject({ ambiguous: true });
    simulator.trouble.failNext(1, { status: 500, match: isList });
    await expect(send(says("once", 2), bench.connector, sending)).rejects.toMatchObject({ kind: "transient" });
    await send(says("once", 2), bench.connector, sending);
    expect(texts()).toEqual(["once"]);
  });
});

describe("a message that was refused with 400", () => {
  test("and delivered all the same counts as sent", async () => {
    const simulator = await start();
    simulator.trouble.refuseButDeliver(1, isMessage);
    expect(await send(says("hello", 2))).toBe("sent");
    expect(texts()).toEqual(["hello"]);
  });

  test("and is not there is refused for good", async () => {
    const simulator = await start();
    simulator.trouble.failNext(1, { status: 400, match: isMessage });
    await expect(send(says("hello", 2))).rejects.toMatchObject({ kind: "permanent", ambiguous: false });
  });

  test("leaves it open whether it was stored while the list cannot be read", async () => {
    const simulator = await start();
    simulator.trouble.refuseButDeliver(1, isMessage);
    simulator.trouble.failNext(1, { status: 500, match: isList });
    const sending = anew();
    await expect(send(says("hello", 2), bench.connector, sending)).rejects.toMatchObject({ ambiguous: true });
    await send(says("hello", 2), bench.connector, sending);
    expect(texts()).toEqual(["hello"]);
  });

  test("because the conversation takes nothing more is stale, and so is one to a conversation that is gone", async () => {
    const simulator = await start({ staleConversations: "refuse" });
    simulator.resolve(ref.conversationId);
    expect(await send(says("hello", 2))).toBe("stale");
    expect(await send(says("a note", 2, { role: "bot" }))).toBe("stale");
    const gone = { ...ref, conversationId: "deleted", otherId: null };
    expect(await bench.connector.send(gone, says("hello", 2), anew().attempt())).toBe("stale");
    expect(texts()).toEqual([]);
  });
});

describe("a visitor's file", () => {
  test("goes by its address in one message with the words: images as images, others as files", async () => {
    const simulator = await start();
    const attachments = [file("https://f.example/lamp.PNG"), { ...file("https://f.example/a/bill.pdf"), size: 99 }];
    await send(says("See these", 2, { attachments }));
    expect(simulator.messages(ref.conversationId).at(-1)?.parts).toEqual([
      { text: { content: "See these" } },
      { image: { url: "https://f.example/lamp.PNG" } },
      {
        file: {
          url: "https://f.example/a/bill.pdf",
          name: "bill.pdf",
          content_type: "application/pdf",
          file_size_in_bytes: 99,
        },
      },
    ]);
  });

  test.each(["url", "file_hash", "file_id", "all"] as const)(
    "without https is uploaded (answered with %s)",
    async (uploadAnswer) => {
      const simulator = await start({ uploadAnswer });
      await send(says("See", 2, { attachments: [file(`${store}/bill.pdf`), file(`${store}/lamp.png`)] }));
      const [text, bill, lamp] = simulator.messages(ref.conversationId).at(-1)?.parts ?? [];
      expect(text).toEqual({ text: { content: "See" } });
      expect(bill).toEqual({
        file: {
          url: expect.stringContaining("/uploads/") as string,
          name: "bill.pdf",
          content_type: "application/pdf",
          file_size_in_bytes: 7,
        },
      });
      expect(lamp).toEqual({ image: { url: expect.stringContaining("/uploads/") as string } });
    },
  );

  test("that FreshChat does not take by its address or as an upload arrives as a link", async () => {
    const simulator = await start();
    simulator.trouble.failNext(1, {
      status: 400,
      match: isMessage,
      body: { code: 400, status: "IMAGE_EMPTY_CONTENT", message: "image cannot be read" },
    });
    await send(says("See", 2, { attachments: [file("https://127.0.0.1:9/lamp.png", "lamp.png")] }));
    expect(said()).toEqual([{ by: "visitor", text: "See\nlamp.png: https://127.0.0.1:9/lamp.png", files: [] }]);
  });

  test("that cannot be had is a link beside those that can", async () => {
    await start();
    const attachments = [file(`${store}/missing.pdf`, "missing.pdf"), file(`${store}/bill.pdf`)];
    await send(says("", 2, { attachments }));
    expect(said()).toEqual([{ by: "visitor", text: `missing.pdf: ${store}/missing.pdf`, files: ["bill.pdf"] }]);
  });

  test("alone, whose answer was lost, is there once", async () => {
    const simulator = await start();
    simulator.trouble.timeoutAfterDoingTheWork(1, isMessage, "destroy");
    const sending = anew();
    const message = says("", 2, { attachments: [file(`${store}/bill.pdf`)] });
    await expect(send(message, bench.connector, sending)).rejects.toMatchObject({ ambiguous: true });
    await send(message, bench.connector, sending);
    expect(said()).toEqual([{ by: "visitor", text: "", files: ["bill.pdf"] }]);
  });
});

describe("ids", () => {
  test.each(["number", "number_everywhere"] as const)("paths that take the %s get it", async (idsInPaths) => {
    await start({ idsInPaths });
    await send(says("one", 2));
    await send(says("two", 5), bench.connectorWith());
    expect(texts()).toEqual(["one", "two"]);
    await bench.connector.close(closing(), anew().attempt());
    expect(bench.simulator.conversation(ref.conversationId).status).toBe("resolved");
  });
});

const closing = (given: Partial<CloseRequest> = {}): CloseRequest => ({
  handoffId: "hnd_1",
  conversationId: "cnv_1abc",
  ref,
  progress: {},
  note: "The visitor left",
  ...given,
});

const statusOf = (id = ref.conversationId) => bench.simulator.conversation(id).status;
const closeIt = (given: Partial<CloseRequest> = {}, ending = anew()) =>
  bench.connector.close(closing(given), ending.attempt());

describe("an end", () => {
  test("is a note and a resolved conversation, once, also when it was cut", async () => {
    const simulator = await start();
    const ending = anew();
    simulator.trouble.timeoutAfterDoingTheWork(1, isMessage, "destroy");
    await expect(closeIt({}, ending)).rejects.toMatchObject({ ambiguous: true });
    simulator.trouble.timeoutAfterDoingTheWork(1, (method) => method === "PUT", "destroy");
    await expect(closeIt({}, ending)).rejects.toMatchObject({ ambiguous: true });
    await closeIt({}, ending);
    expect(statusOf()).toBe("resolved");
    expect(lines().filter(({ text }) => text === "The visitor left")).toHaveLength(1);
  });

  test("comes although the conversation takes no note any more", async () => {
    const simulator = await start({ staleConversations: "refuse" });
    simulator.newerConversation(ref.conversationId);
    await closeIt();
    expect(statusOf()).toBe("resolved");
  });

  test("of what is resolved or gone does nothing", async () => {
    const simulator = await start();
    simulator.resolve(ref.conversationId);
    const writes = bench.far.writes();
    await closeIt();
    await closeIt({ ref: { ...ref, conversationId: "deleted", otherId: null } });
    expect(bench.far.writes()).toBe(writes);
  });

  test("never comes to a conversation that names another handoff", async () => {
    await start();
    await closeIt({ handoffId: "hnd_other" });
    expect(statusOf()).toBe("new");
  });

  test("finds a conversation whose creation was cut, though it holds the visitor's words alone", async () => {
    const simulator = await start();
    const opening = anew();
    simulator.trouble.timeoutAfterDoingTheWork(
      1,
      (method, path) => method === "POST" && path === "/v2/conversations",
      "destroy",
    );
    const request = handoff({ handoffId: "hnd_2", lastWords: says("Never mind") });
    await expect(bench.connector.open(request, opening.attempt())).rejects.toMatchObject({ ambiguous: true });
    const cut = simulator.conversations().at(-1)!.id;
    // Somebody else's conversation with the same person, made since.
    const others = simulator.newerConversation(cut, "Another matter").id;
    await bench
      .connectorWith()
      .close(
        closing({ handoffId: "hnd_2", ref: null, progress: opening.progress }),
        opening.attempt({ mayHaveHappened: true }),
      );
    expect([statusOf(cut), statusOf(others), statusOf()]).toEqual(["resolved", "new", "new"]);
    expect(simulator.messages(cut).map(lineOf).at(-1)).toMatchObject({ by: "note", text: "The visitor left" });
  });
});
