import { describe, expect, test } from "vitest";
import type { Conversation, Message } from "../../src/domain/conversation.ts";
import type { Handoff, Lead } from "../../src/domain/handoff.ts";
import { mailOf } from "../../src/handoffs/mail.ts";
import type { Delivery, Reads } from "../../src/ports-store.ts";

const noon = new Date("2026-11-20T12:00:00Z");

const conversation: Conversation = {
  id: "cnv_1",
  workspaceId: "wsp_1",
  botId: "bot_1",
  key: "c-981",
  locale: "en",
  channel: null,
  pageUrl: null,
  visitor: { id: null, name: "Ana", email: null, phone: null, attributes: {} },
  products: [],
  summary: null,
  control: "bot",
  epoch: 1,
  openHandoffId: "hnd_1",
  callbackUrl: null,
  host: null,
  dialog: null,
  lastEventSeq: 1,
  lastMessageSeq: 2,
  createdAt: noon,
};

const handoff = {
  id: "hnd_1",
  workspaceId: "wsp_1",
  botId: "bot_1",
  conversationId: "cnv_1",
  trigger: "visitor",
  reason: null,
  priority: null,
  transcriptSeq: 2,
} as Handoff;

const lead: Lead = {
  id: "led_1",
  workspaceId: "wsp_1",
  botId: "bot_1",
  conversationId: "cnv_1",
  handoffId: "hnd_1",
  contact: { name: "Ana Pop", email: "ana@example.com", phone: null, issue: "Call me" },
  consent: null,
  pageUrl: null,
  locale: "en",
  transcriptSeq: 2,
  createdAt: noon,
};

const message = (seq: number, text: string): Message => ({
  id: `msg_${seq}`,
  conversationId: "cnv_1",
  handoffId: null,
  seq,
  role: "visitor",
  text,
  authorName: null,
  at: noon,
  attachments: [],
  externalId: null,
});

interface World {
  readonly conversation?: Conversation;
  readonly lead?: Lead | null;
  readonly messages?: readonly Message[];
  readonly workspace?: string;
  readonly settings?: unknown;
  readonly n?: number;
}

function mail(about: "handoff" | "lead", world: World = {}) {
  const { messages = [message(1, "Hello"), message(2, "A person, please")], settings = {}, n = 7 } = world;
  const reads: Partial<Record<keyof Reads, unknown>> = {
    conversation: () => Promise.resolve(world.conversation ?? conversation),
    handoff: () => Promise.resolve(handoff),
    workspace: () => Promise.resolve({ id: "wsp_1", name: world.workspace ?? "Lamp Shop", createdAt: noon }),
    leadOfHandoff: () => Promise.resolve(world.lead === undefined ? lead : world.lead),
    bot: () => Promise.resolve({ id: "bot_1", name: "Robo", settings }),
    messages: (_workspace: string, _id: string, { afterSeq, limit }: { afterSeq: number; limit: number }) =>
      Promise.resolve(messages.filter(({ seq }) => seq > afterSeq).slice(0, limit)),
  };
  const delivery = {
    n,
    workspaceId: "wsp_1",
    conversationId: "cnv_1",
    handoffId: "hnd_1",
    payload: { about, to: "team@shop.example" },
  };
  return mailOf(reads as unknown as Reads, delivery as unknown as Delivery);
}

describe("the mail to the team", () => {
  test("about a lead is answered to the visitor, and holds the details in both parts", async () => {
    const { to, subject, replyTo, text, html } = await mail("lead");
    expect({ to, subject, replyTo }).toEqual({
      to: "team@shop.example",
      subject: "New lead: Ana Pop · Lamp Shop",
      replyTo: "ana@example.com",
    });
    for (const part of [text, html]) {
      for (const words of ["Ana Pop", "ana@example.com", "Call me", "Hello", "A person, please"])
        expect(part).toContain(words);
    }
    expect(html).toMatch(/^<!doctype html>/);
  });

  test("about a handoff is answered to nobody", async () => {
    const { subject, replyTo, text } = await mail("handoff");
    expect({ subject, replyTo }).toEqual({ subject: "Ana is waiting for a person · Lamp Shop", replyTo: null });
    expect(text).toContain("A person, please");
    expect(text).not.toContain("ana@example.com");
  });

  test("of a visitor without a name says so", async () => {
    const nameless = { ...conversation, visitor: { ...conversation.visitor, name: null } };
    expect((await mail("handoff", { conversation: nameless })).subject).toBe(
      "A visitor is waiting for a person · Lamp Shop",
    );
  });

  test("has a subject of one line and readable length", async () => {
    const contact = { ...lead.contact, name: `Ana\r\nBcc: x\u202e ${"👩‍👧".repeat(100)}` };
    const { subject } = await mail("lead", { lead: { ...lead, contact }, workspace: "S\n".repeat(100) });
    expect(subject).toMatch(/^New lead: Ana Bcc: x .*… · S S .*…$/u);
    expect(subject.length).toBeLessThanOrEqual(203);
    expect(subject.isWellFormed()).toBe(true);
  });

  test("shows times in the zone of the opening hours", async () => {
    const settings = { schedule: { timezone: "Europe/Bucharest", weekly: {} } };
    const { text, html } = await mail("lead", { settings });
    for (const part of [text, html]) {
      expect(part).toContain("imes in Europe/Bucharest");
      expect(part).toContain("14:00");
    }
    expect((await mail("lead")).html).toContain("12:00 (UTC)");
  });

  test("is known by a key of its own that no other database repeats", async () => {
    expect((await mail("lead")).key).toBe("hnd_1:lead:7");
    expect((await mail("lead", { n: 8 })).key).toBe("hnd_1:lead:8");
    expect((await mail("handoff")).key).toBe("hnd_1:handoff:7");
  });

  test("that is about something gone is given up", async () => {
    const reads = {
      conversation: () => Promise.resolve(null),
      handoff: () => Promise.resolve(null),
      workspace: () => Promise.resolve(null),
    };
    const delivery = {
      workspaceId: "wsp_1",
      conversationId: "cnv_1",
      handoffId: "hnd_1",
      payload: { about: "lead", to: "x" },
    };
    await expect(mailOf(reads as unknown as Reads, delivery as unknown as Delivery)).rejects.toMatchObject({
      kind: "permanent",
    });
  });
});

const long = (count: number, length: number) =>
  Array.from({ length: count }, (_, index) => message(index + 1, `no ${index + 1}.`.padEnd(length, "x")));

describe("a long conversation", () => {
  test("that fits is there from its first message on", async () => {
    const { text, html } = await mail("lead", { messages: long(2_000, 80) });
    for (const part of [text, html]) {
      expect(part).toContain("no 1.");
      expect(part).toContain("no 2000.");
      expect(part).not.toContain("left out");
    }
  });

  test("that no mail server would take keeps its end, and says what is missing", async () => {
    // 20,100 units each of 400,000: nineteen fit.
    const { text, html } = await mail("lead", { messages: long(500, 20_000) });
    for (const part of [text, html]) {
      expect(part).toContain("481 earlier messages are left out of this mail. Baton keeps the whole conversation.");
      expect(part).not.toContain("no 481.");
      expect(part).toContain("no 482.");
      expect(part).toContain("no 500.");
      expect(part).toContain("ana@example.com");
      expect(part.length).toBeLessThan(500_000);
    }
  });
});
