import { z } from "zod";
import { messageListMeta, messageShape } from "../api-shapes.ts";
import { couldNotCreate, notFound } from "../errors.ts";
import { contentTypes, createMessage, deleteMessage, setMessageStatus } from "../messages.ts";
import { conversationOf, route, senderOf, type Context } from "../router.ts";
import { messagesOf, type Attachment, type Conversation, type Json, type Message, type State } from "../state.ts";
import { Refusal } from "../../refusal.ts";

const account = "/api/v1/accounts/:account_id";
const list = `${account}/conversations/:conversation_id/messages`;
const Id = z.string().regex(/^\d+$/).optional();

const fields = {
  content: z.string().optional(),
  message_type: z.enum(["incoming", "outgoing"]).optional(),
  content_type: z.enum(contentTypes).optional(),
  source_id: z.string().optional(),
  echo_id: z.string().optional(),
  sender_type: z.string().optional(),
};
const JsonBody = z
  .strictObject({
    ...fields,
    private: z.boolean().optional(),
    content_attributes: z.record(z.string(), z.unknown()).optional(),
    external_created_at: z.union([z.int(), z.string()]).optional(),
    sender_id: z.int().optional(),
  })
  .refine((body) => (body.content ?? "") !== "", { message: "a message without text and without files" });
// In a form everything is text; attributes travel as a JSON string (5.5).
const FormBody = z.strictObject({
  ...fields,
  private: z.enum(["true", "false"]).optional(),
  content_attributes: z.string().refine(isJsonObject, { message: "not a JSON object" }).optional(),
  external_created_at: z.string().optional(),
  sender_id: z.string().regex(/^\d+$/).optional(),
});
const Body = z.union([JsonBody, FormBody]);

export const messageRoutes = [
  route(`GET ${list}`, {
    who: "users",
    query: z.strictObject({ after: Id, before: Id, filter_internal_messages: z.string().optional() }),
    handle: (context) => {
      const { state, query, baseUrl } = context;
      const conversation = conversationOf(context);
      const all = messagesOf(state, conversation.id).filter(
        (m) => query.filter_internal_messages === undefined || !(m.private || m.messageType === "activity"),
      );
      return {
        body: {
          meta: messageListMeta(state, conversation),
          payload: pageOfMessages(all, query.after, query.before).map((m) => messageShape(state, m, baseUrl)),
        },
      };
    },
  }),
  route(`POST ${list}`, { who: "bots_too", body: Body, handle: create }),
  route(`PATCH ${list}/:message_id`, {
    who: "users",
    body: z.strictObject({
      status: z.enum(["sent", "delivered", "read", "failed"]),
      external_error: z.string().optional(),
    }),
    handle: (context) => {
      const { state, body } = context;
      const conversation = conversationOf(context);
      if (state.inboxes.get(conversation.inboxId)!.channelType !== "Channel::Api") {
        throw new Refusal(403, { error: "Message status update is only allowed for API inboxes" });
      }
      const message = messageOf(state, conversation, context.params["message_id"]);
      setMessageStatus(state, message, body.status, body.external_error);
      return { body: messageShape(state, message, context.baseUrl) };
    },
  }),
  route(`DELETE ${list}/:message_id`, {
    who: "users",
    handle: (context) => {
      const message = messageOf(context.state, conversationOf(context), context.params["message_id"]);
      deleteMessage(context.state, message);
      return { body: messageShape(context.state, message, context.baseUrl) };
    },
  }),
  // Not part of the API: where `data_url` of an attachment leads, by one redirect, without a token.
  route("GET /rails/active_storage/blobs/redirect/:id/:name", {
    who: "anyone",
    isChecked: false,
    handle: ({ state, params, baseUrl }) => {
      attachmentOf(state, params["id"]);
      const name = encodeURIComponent(params["name"] ?? "");
      return { status: 302, headers: { location: `${baseUrl}/rails/active_storage/disk/${params["id"]}/${name}` } };
    },
  }),
  route("GET /rails/active_storage/disk/:id/:name", {
    who: "anyone",
    isChecked: false,
    handle: ({ state, params }) => {
      const { contentType, bytes } = attachmentOf(state, params["id"]);
      return { body: bytes, headers: { "content-type": contentType } };
    },
  }),
];

/** The paging of 8.7: 20 newest; 20 before; 100 after, ascending; 1000 between, the first one included. */
function pageOfMessages(all: Message[], after: string | undefined, before: string | undefined): Message[] {
  if (after && before) return all.filter((m) => m.id >= Number(after) && m.id < Number(before)).slice(0, 1000);
  if (before) return all.filter((m) => m.id < Number(before)).slice(-20);
  if (!after) return all.slice(-20);
  let from = all.length;
  while (from > 0 && all[from - 1]!.id > Number(after)) from -= 1;
  return all.slice(from, from + 100);
}

function create(context: Context<z.infer<typeof Body>>) {
  const { state, body, baseUrl } = context;
  const conversation = conversationOf(context);
  const messageType = body.message_type ?? "outgoing";
  const attributes = attributesOf(body.content_attributes);
  const at = body.external_created_at;
  if (messageType === "incoming" && state.inboxes.get(conversation.inboxId)!.channelType !== "Channel::Api") {
    throw couldNotCreate("Incoming messages are only allowed in Api inboxes");
  }
  const asBot = body.sender_type === "AgentBot" ? state.bots.get(Number(body.sender_id))?.id : undefined;
  const message = createMessage(state, conversation, {
    content: body.content ?? null,
    messageType,
    private: body.private === true || body.private === "true",
    contentType: body.content_type ?? "text",
    contentAttributes: at === undefined || at === "" ? attributes : { ...attributes, external_created_at: at },
    sourceId: body.source_id ?? null,
    sender: senderOfMessage(context, conversation, messageType, asBot),
    files: context.files.filter((file) => file.field === "attachments[]"),
  });
  return { body: messageShape(state, message, baseUrl, body.echo_id) };
}

function senderOfMessage(context: Context<unknown>, conversation: Conversation, messageType: string, asBot?: number) {
  if (messageType !== "outgoing") return { type: "Contact" as const, id: conversation.contactId };
  return asBot === undefined ? senderOf(context) : { type: "AgentBot" as const, id: asBot };
}

/** Text that is not a JSON object counts as no attributes. */
function attributesOf(value: unknown): Json {
  if (typeof value !== "string") return (value as Json | undefined) ?? {};
  return isJsonObject(value) ? (JSON.parse(value) as Json) : {};
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function messageOf(state: State, conversation: Conversation, id: unknown): Message {
  const message = messagesOf(state, conversation.id).find((m) => m.id === Number(id));
  if (!message) throw notFound();
  return message;
}

function attachmentOf(state: State, id: unknown): Attachment {
  for (const messages of state.messages.values()) {
    for (const { attachments } of messages) {
      const found = attachments.find((item) => item.id === Number(id));
      if (found) return found;
    }
  }
  throw notFound();
}
