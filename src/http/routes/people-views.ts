import { z } from "zod";
import { IDENTIFIER_KINDS } from "../../domain/person.ts";
import { AUDIT_ACTORS } from "../../ports-audit.ts";
import type { Erasure, HelpdeskCopy } from "../../ports-people.ts";
import type { Connection } from "../../ports-store.ts";
import { Instant, instantOrNull } from "../shapes.ts";

const text = z.string().nullable();
const Count = z.int().nonnegative();

export const Counts = z
  .strictObject({
    conversations: Count,
    messages: Count,
    events: Count,
    handoffs: Count,
    leads: Count,
    consents: Count,
    deliveries: Count,
    webhooks: Count,
    answers: Count,
  })
  .meta({ id: "ErasureCounts", description: "Rows that were deleted or emptied, by table" });

const CopyKept = z.strictObject({ connectionId: z.string(), conversationId: text, url: text });
export const SentMailShown = z.strictObject({ to: z.string(), sentAt: Instant });

export const ErasureShown = z
  .strictObject({
    id: z.string().max(100),
    startedAt: Instant,
    finishedAt: Instant.nullable().meta({ description: "Null while it is under way, or was cut off: erase once more" }),
    actor: z.strictObject({ kind: z.enum(AUDIT_ACTORS), id: text, name: text }),
    identifiers: z
      .array(z.strictObject({ kind: z.enum(IDENTIFIER_KINDS), hash: z.string().max(200) }))
      .meta({ description: "Keyed hashes, by which the same person is known again and nothing is told about them" }),
    counts: Counts,
    copies: z.array(CopyKept),
    mails: z.array(SentMailShown),
  })
  .meta({ id: "Erasure", description: "Proof that somebody was erased, without a word about them" });

export const showErasure = (one: Erasure): z.infer<typeof ErasureShown> => ({
  id: one.id,
  startedAt: one.startedAt.toISOString(),
  finishedAt: instantOrNull(one.finishedAt),
  actor: { ...one.actor },
  identifiers: one.identifiers.map(({ kind, hash }) => ({ kind, hash })),
  counts: { ...one.counts },
  copies: one.copies.map(({ connectionId, conversationId, url }) => ({ connectionId, conversationId, url })),
  mails: one.mails.map(({ to, sentAt }) => ({ to, sentAt: sentAt.toISOString() })),
});

export const CopyShown = CopyKept.extend({ type: text, name: text }).meta({
  id: "HelpdeskCopy",
  description:
    "A copy that a helpdesk was given: it must be erased there. `type` and `name` are the connection's, if it is still there",
});

export const showCopy = (copy: HelpdeskCopy, connections: readonly Connection[]): z.infer<typeof CopyShown> => {
  const connection = connections.find(({ id }) => id === copy.connectionId);
  const { connectionId, conversationId, url } = copy;
  return { connectionId, conversationId, url, type: connection?.type ?? null, name: connection?.name ?? null };
};

export const Receipt = z
  .strictObject({
    erasure: ErasureShown.nullable().meta({
      description: "Its record; null when nobody of that name is known, nor ever was erased",
    }),
    copies: z.array(CopyShown),
    mails: z.array(SentMailShown).meta({ description: "Mails about the person that your team was sent" }),
    stays: z.array(z.string()).meta({ description: "What is left for you to do, in words" }),
  })
  .meta({ id: "ErasureReceipt" });

export const PersonFound = z
  .strictObject({
    conversations: z.array(
      z.strictObject({
        id: z.string(),
        botId: z.string(),
        conversationId: z.string().meta({ description: "The bot's own id" }),
        visitor: z.strictObject({ id: text, name: text, email: text, phone: text }),
        createdAt: Instant,
        handoffs: z.int(),
        openHandoffs: z.int(),
        leads: z.array(z.strictObject({ id: z.string(), name: text, email: text, phone: text, createdAt: Instant })),
      }),
    ),
    others: z.int().meta({ description: "Conversations beyond the first hundred" }),
    erasures: z.array(ErasureShown).meta({ description: "Times that the person was erased" }),
  })
  .meta({ id: "PersonFound" });
