import { isUtf8 } from "node:buffer";
import { Router } from "express";
import type { Request } from "express";
import type { IncomingMessage } from "node:http";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { z } from "zod";
import { ConversationKey } from "../src/domain/conversation.ts";
import { HandoffError } from "../src/domain/errors.ts";
import type { Deps } from "../src/handoffs/deps.ts";
import { endHandoff } from "../src/handoffs/end.ts";
import { addMessage, NewMessageRequest } from "../src/handoffs/relay.ts";
import { HandoffRequest, prepareRequest, requestHandoff } from "../src/handoffs/request.ts";
import type { Prepared } from "../src/handoffs/request.ts";
import type { Tx } from "../src/ports.ts";
import { noMetrics } from "../src/ports-metrics.ts";
import type { Metrics, WebhookOutcome } from "../src/ports-metrics.ts";
import type { Bot } from "../src/ports-store.ts";
import { counted } from "./counting.ts";
import type { Receiving } from "./counting.ts";

export interface BotWebhookDeps {
  readonly handoffs: Deps;
  readonly secretOf: (bot: Bot) => string;
  /** Absent: nothing is counted. */
  readonly metrics?: Metrics;
  readonly readBytes: (request: IncomingMessage, limit: number) => Promise<Buffer>;
  readonly parseJson: (bytes: Buffer) => unknown;
  /** Turns a ZodError's faults into HandoffError `validation_failed`. */
  readonly parseGiven: <Schema extends z.ZodType>(schema: Schema, given: unknown) => z.output<Schema>;
}

const BODY_LIMIT = 8 * 1024 * 1024;

/** What a bot platform may send instead of calling the routes: the same bodies, in an envelope. */
const BotEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("conversation.escalated"), data: HandoffRequest }),
  z.object({
    type: z.literal("message.created"),
    data: z.strictObject({ conversationId: ConversationKey, message: NewMessageRequest }),
  }),
  z.object({ type: z.literal("conversation.closed"), data: z.strictObject({ conversationId: ConversationKey }) }),
]);
type BotEvent = z.infer<typeof BotEvent>;
const Typed = z.looseObject({ type: z.unknown() });
const KNOWN: ReadonlySet<unknown> = new Set(["conversation.escalated", "message.created", "conversation.closed"]);

/**
 * The bots' door: `/webhooks/bots/<botId>`, signed per Standard Webhooks with the bot's secret. What it asks for is done in
 * the commit that also keeps its `webhook-id`, so that a repeat acts once; unknown events are taken and ignored.
 */
export function botWebhooks(deps: BotWebhookDeps): Router {
  const router = Router();
  router.post("/:botId", async (request, response) => {
    const outcome = await counted(deps.metrics ?? noMetrics, (receiving) => receive(request, receiving));
    response.status(200).json({ received: true, ...(outcome === "ignored" && { ignored: true }) });
  });

  async function receive(request: Request<{ botId: string }>, receiving: Receiving): Promise<WebhookOutcome> {
    const bytes = await deps.readBytes(request, BODY_LIMIT);
    const { store } = deps.handoffs;
    const bot = await store.read.botById(request.params.botId);
    if (bot === null) throw new HandoffError("not_found");
    receiving.connector = "bot";
    const id = verify(request, bytes, deps.secretOf(bot));
    const given = deps.parseJson(bytes);
    if (given === undefined) throw new HandoffError("malformed_body", "The body is empty: send a JSON object");
    if (!KNOWN.has(Typed.safeParse(given).data?.type)) return "ignored";
    const event = deps.parseGiven(BotEvent, given);
    const prepared =
      event.type === "conversation.escalated" ? await prepareRequest(deps.handoffs, bot.workspaceId, bot.id) : null;
    return await store.write(async (tx) => {
      const scope = `webhook:${bot.id}`;
      if ((await tx.storedAnswer(scope, id)) !== null) return "repeated";
      await act(tx, deps.handoffs, bot, event, prepared);
      await tx.storeAnswer(scope, id, { requestHash: "", status: 200, body: "{}" }, deps.handoffs.clock());
      return "recorded";
    });
  }

  return router;
}

function verify(request: IncomingMessage, bytes: Buffer, secret: string): string {
  const header = (name: string) => String(request.headers[name] ?? "");
  const headers = {
    "webhook-id": header("webhook-id"),
    "webhook-timestamp": header("webhook-timestamp"),
    "webhook-signature": header("webhook-signature"),
  };
  const id = headers["webhook-id"];
  if (
    !/^[\x21-\x7e]{1,200}$/.test(id) ||
    !/^\d{1,12}$/.test(headers["webhook-timestamp"]) ||
    headers["webhook-signature"].length > 2_000
  )
    throw new HandoffError(
      "invalid_signature",
      "Sign the webhook per Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature.",
    );
  // The scheme signs text: bytes that are not UTF-8 would be read as something else than what was signed.
  if (!isUtf8(bytes)) throw new HandoffError("malformed_body", "The body is not valid UTF-8");
  const text = bytes.toString("utf8");
  const failures = secret
    .split(" ")
    .map((one) => failureOf(() => new Webhook(one).verify(text, headers, { jsonParse: false })));
  if (failures.includes(null)) return id;
  throw new HandoffError(
    failures.some((message) => message?.includes("timestamp")) ? "stale_webhook" : "invalid_signature",
  );
}

/** The message of the refusal; null when the signature fits. */
function failureOf(verify: () => unknown): string | null {
  try {
    verify();
    return null;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.message.toLowerCase();
    throw error;
  }
}

async function act(tx: Tx, deps: Deps, bot: Bot, event: BotEvent, prepared: Prepared | null): Promise<void> {
  const { workspaceId, id: botId } = bot;
  if (event.type === "conversation.escalated") {
    if (prepared !== null) await requestHandoff(tx, deps, prepared, event.data);
    return;
  }
  const key = event.data.conversationId;
  if (event.type === "message.created") {
    await addMessage(tx, deps, { workspaceId, botId, key }, event.data.message);
    return;
  }
  const conversation = await tx.conversationByKey(workspaceId, botId, key);
  if (conversation === null) throw new HandoffError("not_found", "Baton does not know this conversation.");
  if (conversation.openHandoffId === null) return;
  const lead = await tx.leadOfHandoff(workspaceId, conversation.openHandoffId);
  const open = await tx.handoff(workspaceId, conversation.openHandoffId);
  // The visitor has left, and that is why they left their details: the team goes on with them.
  if (lead !== null && open?.mode === "lead") return;
  const of = { workspaceId, botId, handoffId: conversation.openHandoffId };
  const actor = { kind: "bot", id: null, name: null } as const;
  await endHandoff(tx, deps, of, { as: "resolved", actor, because: "conversation_closed" });
}
