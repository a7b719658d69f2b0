import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { chatwootBench } from "../../test/contracts/chatwoot-bench.ts";
import type { ChatwootBench } from "../../test/contracts/chatwoot-bench.ts";
import { ledger } from "../../test/contracts/effects.ts";
import type { ChatwootOptions } from "../../test/simulators/chatwoot/index.ts";
import type { Attachment, Message } from "../../src/domain/conversation.ts";
import type { HelpdeskRef, Lead } from "../../src/domain/handoff.ts";
import type { LeadRequest } from "../../src/ports.ts";

let bench: ChatwootBench;
const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await bench.stop();
});

const destination = { id: "con_contract", team: null, priority: null, labels: [] };
const nobody = { id: null, name: null, email: null, phone: null, attributes: {} };
const brief = { visitor: nobody, products: [], messages: [] };

/** A bench with one handed over conversation. */
async function handedOver(options: ChatwootOptions = {}): Promise<HelpdeskRef> {
  bench = await chatwootBench(options);
  const request = {
    handoffId: "hnd_1",
    conversationId: "cnv_1",
    destination,
    brief,
    lastWords: null,
    continues: null,
    agentId: null,
  };
  return bench.connector.open(request, ledger("dlv_open").attempt());
}

const message = (given: Partial<Message>): Message => ({
  id: "msg_1",
  conversationId: "cnv_1",
  handoffId: "hnd_1",
  seq: 1,
  role: "visitor",
  text: "",
  authorName: null,
  at: new Date("2026-11-20T09:00:00Z"),
  attachments: [],
  externalId: null,
  ...given,
});

const send = (ref: HelpdeskRef, given: Partial<Message>, key = "dlv_1") =>
  bench.connector.send(ref, message(given), ledger(key).attempt());

const linesOf = (ref: HelpdeskRef) =>
  bench.far.conversations().find(({ id }) => id === ref.conversationId)?.lines ?? [];
const spoken = (ref: HelpdeskRef) => linesOf(ref).filter((line) => line.by === "visitor");

/** A server with the bot's files. */
async function fileServer(files: Record<string, { type?: string; bytes: Buffer }>): Promise<string> {
  const server = createServer((request, response) => {
    const file = files[request.url ?? ""];
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, file.type ? { "content-type": file.type } : {}).end(file.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(
    () => void server.close(),
    () => server.closeAllConnections(),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const file = (url: string, given: Partial<Attachment> = {}): Attachment => ({
  url,
  name: null,
  contentType: null,
  size: null,
  ...given,
});

describe("a visitor's message", () => {
  test("arrives with its files", async () => {
    const ref = await handedOver();
    const base = await fileServer({
      "/photo.png": { type: "image/png", bytes: Buffer.from([1, 2, 3]) },
      "/b%20c": { bytes: Buffer.from("x") },
    });
    await send(ref, {
      text: "Look at this",
      attachments: [
        file(`${base}/photo.png`),
        file(`${base}/b%20c`, { name: "bill.pdf", contentType: "application/pdf" }),
      ],
    });
    const stored = bench.simulator.messages(Number(ref.conversationId)).at(-1);
    expect(stored).toMatchObject({ content: "Look at this", messageType: "incoming", private: false });
    expect(stored?.attachments).toMatchObject([
      { fileName: "photo.png", contentType: "image/png", bytes: new Uint8Array([1, 2, 3]) },
      { fileName: "bill.pdf", contentType: "application/pdf" },
    ]);
    expect(stored?.contentAttributes).toEqual({ baton_key: "dlv_1/part-0" });
    expect(stored?.sourceId).toBe("baton:dlv_1/part-0");
  });

  test("arrives with links to the files that cannot be fetched, and loses nothing", async () => {
    const ref = await handedOver();
    const base = await fileServer({ "/ok.txt": { type: "text/plain", bytes: Buffer.from("ok") } });
    const gone = `${base}/gone.png`;
    const huge = file(`${base}/ok.txt`, { size: 26 * 1024 * 1024, name: "film.mp4" });
    await send(ref, { text: "Three files", attachments: [file(`${base}/ok.txt`), file(gone), huge] });
    expect(spoken(ref)).toEqual([
      { by: "visitor", text: `Three files\n${gone}\nfilm.mp4: ${base}/ok.txt`, files: ["ok.txt"] },
    ]);
  });

  test("without words that has only a lost file is its link", async () => {
    const ref = await handedOver();
    await send(ref, { attachments: [file("http://127.0.0.1:9/never.png")] });
    expect(spoken(ref).map(({ text }) => text)).toEqual(["http://127.0.0.1:9/never.png"]);
  });

  test.each([413, 415, 422])("arrives with links when Chatwoot answers files with %i", async (status) => {
    const intercept: ChatwootOptions["intercept"] = (request, response) => {
      if (!request.headers["content-type"]?.startsWith("multipart/")) return false;
      request.resume();
      response
        .writeHead(status, { "content-type": "application/json" })
        .end('{"error":"Attachments file size is too big"}');
      return true;
    };
    const ref = await handedOver({ intercept });
    const base = await fileServer({ "/big.bin": { bytes: Buffer.alloc(1024) } });
    await send(ref, { text: "Here", attachments: [file(`${base}/big.bin`), file(`${base}/gone.bin`)] });
    expect(spoken(ref)).toEqual([{ by: "visitor", text: `Here\n${base}/gone.bin\n${base}/big.bin`, files: [] }]);
  });

  test("beyond Chatwoot's length arrives in parts, in order, that join to it", async () => {
    const ref = await handedOver();
    const text = Array.from({ length: 40_000 }, (_, i) => `word${i}`).join(" ");
    expect(text.length).toBeGreaterThan(300_000);
    await send(ref, { text });
    expect(spoken(ref).length).toBeGreaterThan(2);
    expect(
      spoken(ref)
        .map((line) => line.text)
        .join(""),
    ).toBe(text);
  });

  test("opens a resolved conversation again, as Chatwoot does by itself", async () => {
    const ref = await handedOver();
    bench.simulator.resolve(Number(ref.conversationId), bench.simulator.agentId);
    await send(ref, { text: "One more thing" });
    expect(bench.simulator.conversation(Number(ref.conversationId)).status).toBe("open");
  });

  test("too many in a minute is a reason to wait, not to give up", async () => {
    const ref = await handedOver({ messagesPerMinute: 3 });
    await send(ref, { text: "one" }, "dlv_1");
    await send(ref, { text: "two" }, "dlv_2");
    const refused = send(ref, { text: "three" }, "dlv_3");
    await expect(refused).rejects.toMatchObject({ kind: "rate_limited", ambiguous: false, retryAfterSeconds: 30 });
  });

  test("into a conversation that was deleted is refused for good", async () => {
    const ref = await handedOver();
    const gone = send({ ...ref, conversationId: "999" }, { text: "hello" });
    await expect(gone).rejects.toMatchObject({ kind: "permanent" });
  });

  test("that is a bot's or an agent's is a note, so that nobody takes it for the visitor's", async () => {
    const ref = await handedOver();
    await send(ref, { role: "bot", text: "I am {{ agent.email }}", authorName: "Shop bot" });
    expect(linesOf(ref).at(-1)).toEqual({ by: "note", text: "Shop bot: I am {{ agent.email }}", files: [] });
  });

  test("is found however much was said since it may have been stored", async () => {
    const ref = await handedOver();
    const sending = ledger("dlv_1");
    bench.far.cutAfterWrite(0);
    await expect(bench.connector.send(ref, message({ text: "once" }), sending.attempt())).rejects.toMatchObject({
      ambiguous: true,
    });
    for (let i = 0; i < 70; i += 1) bench.far.agentSays(ref.conversationId, `answer ${i}`);
    await bench.connector.send(ref, message({ text: "once" }), sending.attempt({ mayHaveHappened: true }));
    expect(spoken(ref)).toHaveLength(1);
  });

  test("whose fate cannot be looked up stays in doubt", async () => {
    const ref = await handedOver();
    bench.simulator.trouble.failNext(1, { match: (method) => method === "GET", status: 429 });
    const retried = bench.connector.send(
      ref,
      message({ text: "once" }),
      ledger("dlv_1").attempt({ mayHaveHappened: true }),
    );
    await expect(retried).rejects.toMatchObject({ kind: "rate_limited", ambiguous: true });
    expect(spoken(ref)).toEqual([]);
  });
});

describe("looking at a conversation", () => {
  test("reads every page, from the start or from where it was left, each message once", async () => {
    let at = Date.parse("2026-11-20T09:00:00Z");
    const ref = await handedOver({ clock: () => new Date((at += 1_000)), messagesPerMinute: 1_000 });
    for (let i = 0; i < 230; i += 1) bench.far.agentSays(ref.conversationId, `answer ${i}`);
    const all = Array.from({ length: 230 }, (_, i) => `answer ${i}`);
    const first = await bench.connector.look(ref, null);
    expect(first.messages.map(({ text }) => text)).toEqual(all);
    bench.far.agentSays(ref.conversationId, "the last");
    const second = await bench.connector.look(ref, first.cursor);
    const repeated = second.messages.map(({ text }) => text);
    expect(repeated.at(-1)).toBe("the last");
    // The last minute is read again: an id can be older than what was seen, and appear later.
    expect(repeated.length).toBeGreaterThan(5);
    expect(repeated.length).toBeLessThan(70);
  });

  test("reads again what was said within the last minute, however often it looks", async () => {
    const ref = await handedOver();
    bench.far.agentSays(ref.conversationId, "hello");
    const first = await bench.connector.look(ref, null);
    const second = await bench.connector.look(ref, first.cursor);
    expect(second.messages).toEqual(first.messages);
  });

  test("tells the same message as its webhook does", async () => {
    const ref = await handedOver({ webhookUrl: "http://127.0.0.1:9/nobody" });
    const { simulator, connector } = bench;
    simulator.assign(Number(ref.conversationId), simulator.agentId);
    const files = [{ name: "label.pdf", type: "application/pdf", bytes: new Uint8Array(5) }];
    simulator.agentReplies(Number(ref.conversationId), {
      agentId: simulator.agentId,
      content: "Here",
      attachments: files,
    });
    await simulator.settled();
    const webhook = simulator
      .webhooksSent()
      .find(({ event, payload }) => event === "message_created" && payload["content"] === "Here");
    const told = connector.toInbound(webhook?.payload).events.find((event) => event.type === "message");
    const { messages, assignee } = await connector.look(ref, null);
    expect(messages).toHaveLength(1);
    // A list gives whole seconds only.
    const { at: _, ...looked } = messages[0]!;
    expect(told?.message).toMatchObject(looked);
    expect(assignee).toEqual({ id: String(simulator.agentId), name: "Alex" });
  });

  test("leaves out what was deleted, and says so for a conversation that is gone", async () => {
    const ref = await handedOver();
    bench.far.agentSays(ref.conversationId, "oops");
    bench.simulator.deleteMessage(bench.simulator.messages(Number(ref.conversationId)).at(-1)!.id);
    expect((await bench.connector.look(ref, null)).messages).toEqual([]);
    await expect(bench.connector.look({ ...ref, conversationId: "999" }, null)).rejects.toMatchObject({
      kind: "permanent",
    });
  });

  test("does not take a bot for a person", async () => {
    const ref = await handedOver({ activeBot: true });
    expect((await bench.connector.look(ref, null)).assignee).toBeNull();
  });
});

const close = (ref: HelpdeskRef | null, handoffId = "hnd_1") =>
  bench.connector.close(
    { handoffId, conversationId: "cnv_1", ref, progress: {}, note: "Over" },
    ledger("dlv_c").attempt(),
  );

describe("closing", () => {
  test("leaves alone what an agent has resolved", async () => {
    const ref = await handedOver();
    bench.far.resolve(ref.conversationId);
    await close(ref);
    expect(linesOf(ref).some((line) => line.text === "Over")).toBe(false);
  });

  test("leaves alone what a newer handoff has taken over", async () => {
    const ref = await handedOver({ lockToSingleConversation: true });
    const request = {
      handoffId: "hnd_2",
      conversationId: "cnv_1",
      destination,
      brief,
      lastWords: null,
      continues: null,
      agentId: null,
    };
    await bench.connector.open(request, ledger("dlv_2").attempt());
    await close(ref, "hnd_1");
    expect(bench.simulator.conversation(Number(ref.conversationId)).status).toBe("open");
  });

  test("what was deleted is done", async () => {
    const ref = await handedOver();
    await expect(close({ ...ref, conversationId: "999" })).resolves.toBeUndefined();
  });

  test("finds the conversation by what opening had reached", async () => {
    const ref = await handedOver();
    const request = {
      handoffId: "hnd_1",
      conversationId: "cnv_1",
      ref: null,
      progress: { conversationId: ref.conversationId },
      note: "",
    };
    await bench.connector.close(request, ledger("dlv_c").attempt());
    expect(bench.simulator.conversation(Number(ref.conversationId)).status).toBe("resolved");
  });
});

describe("a lead", () => {
  const lead: Lead = {
    id: "led_1",
    workspaceId: "wsp_1",
    botId: "bot_1",
    conversationId: "cnv_1",
    handoffId: "hnd_1",
    contact: { name: "Ana Pop", email: "ana@example.com", phone: "+40712345678", issue: "Order {{ agent.email }}" },
    consent: {
      business: "Lampion",
      purpose: "answer",
      text: "I agree to be called.",
      version: "1",
      locale: "en",
      url: "https://baton.example/terms",
      hash: "00",
      agreedAt: new Date("2026-11-20T09:05:00Z"),
      method: "checkbox",
    },
    pageUrl: null,
    locale: "en",
    transcriptSeq: 0,
    createdAt: new Date("2026-11-20T09:05:01Z"),
  };
  const keep = (given: Partial<LeadRequest>, keeping = ledger("dlv_l")) =>
    bench.connector.lead({ lead, brief, destination, ref: null, ...given }, keeping.attempt());

  test("is a contact with what was left, and the consent in the note", async () => {
    bench = await chatwootBench();
    const ref = await keep({});
    expect(bench.simulator.contacts()[0]).toMatchObject({
      name: "Ana Pop",
      email: "ana@example.com",
      phoneNumber: "+40712345678",
      customAttributes: {
        lead_name: "Ana Pop",
        lead_email: "ana@example.com",
        lead_issue: "Order {{ agent.email }}",
        lead_at: "2026-11-20T09:05:01.000Z",
        lead_consent_at: "2026-11-20T09:05:00.000Z",
      },
    });
    const note = linesOf(ref)[0];
    expect(note?.by).toBe("note");
    expect(note?.text).toContain("I agree to be called.");
    expect(note?.text).toContain("Order {{ agent.email }}");
    expect(bench.far.conversations()[0]?.labels).toEqual(["lead"]);
  });

  test("stays in the handoff's conversation, also when only Chatwoot knows of that", async () => {
    const live = await handedOver();
    expect(await keep({ ref: live })).toEqual(live);
    expect((await keep({}, ledger("dlv_again"))).conversationId).toBe(live.conversationId);
    expect(bench.far.conversations()).toHaveLength(1);
  });

  test("is kept anew when the handoff's conversation was deleted", async () => {
    const live = await handedOver();
    const other = await keep({ ref: { ...live, conversationId: "999" }, lead: { ...lead, handoffId: "hnd_9" } });
    expect(other.conversationId).not.toBe(live.conversationId);
  });

  test("keeps the contact's own email, and shows the one that was left beside it", async () => {
    bench = await chatwootBench();
    await keep({});
    const changed = { ...lead, id: "led_2", contact: { ...lead.contact, email: "other@example.com" } };
    await keep({ lead: changed }, ledger("dlv_l2"));
    expect(bench.simulator.contacts()).toHaveLength(1);
    expect(bench.simulator.contacts()[0]).toMatchObject({
      email: "ana@example.com",
      customAttributes: { lead_email: "other@example.com" },
    });
  });

  test("needs no administrator: without one the label is not defined, and set all the same", async () => {
    bench = await chatwootBench();
    const connector = bench.connectorWith({ apiAccessToken: bench.simulator.agentAccessToken });
    await connector.lead({ lead, brief, destination, ref: null }, ledger("dlv_l").attempt());
    expect(bench.far.conversations()[0]?.labels).toEqual(["lead"]);
  });
});
