import { describe, expect, test } from "vitest";
import { connectorContract } from "../../test/contracts/connector-contract.ts";
import { ledger } from "../../test/contracts/effects.ts";
import { HandoffError } from "../../src/domain/errors.ts";
import type { Lead } from "../../src/domain/handoff.ts";
import type { Message } from "../../src/domain/conversation.ts";
import type { Destination } from "../../src/domain/settings.ts";
import { createInboxConnector } from "./index.ts";

connectorContract("inbox", {
  outside: false,
  create: () =>
    Promise.resolve({
      connector: createInboxConnector({ onlineMembers: () => Promise.resolve(1) }),
      far: null,
      secrets: [],
      stop: () => Promise.resolve(),
    }),
  sign: null,
  samples: null,
});

const destination: Destination = { id: "inbox", team: null, priority: null, labels: [] };
const at = new Date("2026-11-20T12:00:00Z");
const brief = { products: [], messages: [] };
const words: Message = {
  id: "msg_1",
  conversationId: "cnv_1",
  handoffId: "hnd_1",
  seq: 1,
  role: "visitor",
  text: "Hello",
  authorName: null,
  at,
  attachments: [],
  externalId: null,
};
const lead: Lead = {
  id: "led_1",
  workspaceId: "wsp_1",
  botId: "bot_1",
  conversationId: "cnv_1",
  handoffId: "hnd_9",
  contact: { name: "Ana", email: "ana@example.com", phone: null, issue: null },
  consent: null,
  pageUrl: null,
  locale: null,
  transcriptSeq: 1,
  createdAt: at,
};

const inbox = createInboxConnector({ onlineMembers: () => Promise.resolve(3) });

describe("the inbox", () => {
  test("has nothing outside, and nothing to wait for", () => {
    expect(inbox).toMatchObject({ type: "inbox", can: { local: true, look: false }, settleMs: 0 });
  });

  test("opens a handoff as itself", async () => {
    const request = {
      handoffId: "hnd_1",
      conversationId: "cnv_1",
      destination,
      brief,
      lastWords: null,
      continues: null,
      agentId: null,
    };
    const ref = await inbox.open(request, ledger("dlv_1").attempt());
    expect(ref).toEqual({ conversationId: "hnd_1", contactId: null, url: null });
  });

  test("sends, closes and looks without doing anything", async () => {
    const ref = { conversationId: "hnd_1", contactId: null, url: null };
    const effects = ledger("dlv_2");
    await expect(inbox.send(ref, words, effects.attempt())).resolves.toBe("sent");
    const closing = { handoffId: "hnd_1", conversationId: "cnv_1", ref, progress: {}, note: "The visitor left" };
    await expect(inbox.close(closing, effects.attempt())).resolves.toBeUndefined();
    expect(await inbox.look(ref, "c7")).toEqual({
      messages: [],
      cursor: "c7",
      status: "open",
      assignee: null,
      version: 0,
      isIncomplete: false,
    });
    expect(effects.progress).toEqual({});
  });

  test("keeps a lead with its handoff, or where the handoff stands already", async () => {
    const elsewhere = { conversationId: "hnd_2", contactId: null, url: null };
    const alone = await inbox.lead({ lead, brief, destination, ref: null }, ledger("dlv_3").attempt());
    expect(alone).toEqual({ conversationId: "hnd_9", contactId: null, url: null });
    expect(await inbox.lead({ lead, brief, destination, ref: elsewhere }, ledger("dlv_4").attempt())).toEqual(
      elsewhere,
    );
  });

  test("asks anew each time who is online", async () => {
    let online = 0;
    const changing = createInboxConnector({ onlineMembers: () => Promise.resolve(online) });
    expect(await changing.presence(destination)).toBe(0);
    online = 2;
    expect(await changing.presence(destination)).toBe(2);
  });

  test("is always fine", async () => {
    const report = await inbox.check({ lastWebhookAt: null });
    expect(report.ok).toBe(true);
    expect(report.findings).toEqual([
      { step: "inbox", ok: true, message: "The inbox is part of Baton and needs no connection.", fix: null },
    ]);
  });

  test("takes no webhook, whatever it carries", () => {
    const request = { headers: { "webhook-signature": "v1,x" }, body: Buffer.from("{}"), pathSecret: "guessed" };
    const failure = failureOf(() => inbox.verify(request, at));
    expect(failure).toBeInstanceOf(HandoffError);
    expect(failure).toMatchObject({ code: "invalid_signature", status: 401 });
    expect(failureOf(() => inbox.toInbound({ event: "message_created" }))).toMatchObject({ status: 401 });
  });
});

function failureOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return null;
}
