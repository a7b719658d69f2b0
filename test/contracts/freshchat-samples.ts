import type { Message } from "../../src/domain/conversation.ts";
import type { Lead } from "../../src/domain/handoff.ts";
import type { Destination } from "../../src/domain/settings.ts";
import type { HandoffBrief } from "../../src/domain/transcript.ts";
import type { OpenRequest } from "../../src/ports.ts";

/** Requests to the FreshChat connector that its tests share. */

export type Visitor = NonNullable<HandoffBrief["visitor"]>;

const at = new Date("2026-11-20T09:00:00Z");

export const anywhere: Destination = { id: "con_contract", team: null, priority: null, labels: [] };

export const ana: Visitor = {
  id: "v-5",
  name: "Ana Maria Pop",
  email: "ana@example.com",
  phone: "+40712345678",
  attributes: { plan: "pro" },
};

export const says = (text: string, seq = 1, given: Partial<Message> = {}): Message => ({
  id: `msg_${seq}`,
  conversationId: "cnv_1abc",
  handoffId: "hnd_1",
  seq,
  role: "visitor",
  text,
  authorName: null,
  at,
  attachments: [],
  externalId: null,
  ...given,
});

export const handoff = (given: Partial<OpenRequest> = {}, visitor: Visitor = ana): OpenRequest => ({
  handoffId: "hnd_1",
  conversationId: "cnv_1abc",
  destination: anywhere,
  brief: {
    visitor,
    products: [],
    messages: [{ role: "visitor", text: "Where is my order?", at, attachments: [] }],
    pageUrl: "https://shop.example/p/7",
    locale: "fr",
    botName: "Shop bot",
    reason: "asked for a person",
  },
  lastWords: says("A person, please"),
  continues: null,
  agentId: null,
  ...given,
});

export const leftDetails = (contact: Partial<Lead["contact"]> = {}): Lead => ({
  id: "led_1",
  workspaceId: "wsp_1",
  botId: "bot_1",
  conversationId: "cnv_1abc",
  handoffId: "hnd_1",
  contact: { name: "Ana Pop", email: "ana@example.com", phone: null, issue: "Call me about order 1042", ...contact },
  consent: null,
  pageUrl: null,
  locale: "en",
  transcriptSeq: 1,
  createdAt: at,
});
