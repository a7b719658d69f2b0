import { z } from "zod";
import { TurnAnswer } from "../domain/bot-turn.ts";
import type { Components, Json } from "./openapi-schemas.ts";
import type { Operation } from "./openapi.ts";
import { ConversationView, MessageSchema } from "./views.ts";

/** What a bot is asked: the schema is for its developer to read, and for a test to hold against what is sent. */
export const TurnRequested = z
  .object({
    type: z.literal("turn.requested"),
    timestamp: z.iso.datetime(),
    data: z.object({
      conversation: ConversationView.pick({ id: true, visitor: true, locale: true, channel: true, pageUrl: true }),
      epoch: z.int().meta({ description: "Of the control; name it in a message that is posted later" }),
      messages: z
        .array(MessageSchema)
        .meta({ description: "The visitor's words that nobody has answered, oldest first" }),
      history: z.array(MessageSchema).meta({ description: "The latest lines before and between them" }),
    }),
  })
  .meta({ id: "TurnRequested" });

const signedHeaders: readonly Json[] = [
  header("webhook-id", "Stable over all attempts. The answer carries the same"),
  header("webhook-timestamp", "Seconds since 1970, at most five minutes from the receiver's clock"),
  header("webhook-signature", "`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; several with spaces between"),
];

function header(name: string, description: string): Json {
  return { name, in: "header", required: true, description, schema: { type: "string" } };
}

/** The same headers as they stand in an answer. */
const answerHeaders = (): Json =>
  Object.fromEntries(signedHeaders.map(({ name, in: _in, ...rest }) => [String(name), rest]));

/** What Baton asks of a bot, as OpenAPI 3.1's `webhooks`. Names are put in by {@link Components.named}. */
export function webhookOperations(schemas: Components): Record<string, Record<string, Operation>> {
  return {
    "turn.requested": {
      post: {
        operationId: "webhook_turn_requested",
        summary: "What does the bot say",
        description:
          "Sent to a bot's `messageUrl`, in conversations that Baton hosts. Signed per Standard Webhooks with the bot's signing secret " +
          "(GET /v1/bots/{id}/secret), and so must be the answer: same `webhook-id`, its own `webhook-timestamp`, `webhook-signature` " +
          "over the bytes of its body. Anything else is not said to the visitor. Answer within 10 seconds, or with 202 and then " +
          "POST /v1/conversations/{id}/messages. A bot that fails or stays silent leads the visitor to a person.",
        tags: ["Bots"],
        security: [],
        parameters: signedHeaders,
        requestBody: {
          required: true,
          content: { "application/json": { schema: schemas.convert(TurnRequested, "output") } },
        },
        responses: {
          "200": {
            description: "What the bot says, signed; at most 1 MB",
            headers: answerHeaders(),
            content: { "application/json": { schema: schemas.convert(TurnAnswer, "input") } },
          },
          "202": { description: "The bot answers by POST /v1/conversations/{id}/messages. Needs no signature" },
          "204": { description: "There is nothing to say. Needs no signature" },
        },
      },
    },
  };
}
