import { z } from "zod";
import { attributeDefinitionShape, labelShape, profileShape, webhookShape } from "../api-shapes.ts";
import { recordInvalid } from "../errors.ts";
import { callerUser, find, route } from "../router.ts";
import type { AttributeDefinition } from "../state.ts";

const account = "/api/v1/accounts/:account_id";
const events = [
  "conversation_created",
  "conversation_status_changed",
  "conversation_updated",
  "message_created",
  "message_updated",
  "contact_created",
  "contact_updated",
  "webwidget_triggered",
  "conversation_typing_on",
  "conversation_typing_off",
] as const;

/** The instance, the profile behind a token, and what an account defines: webhooks, labels, attributes. */
export const accountRoutes = [
  route("GET /api", {
    who: "anyone",
    handle: ({ state }) => ({
      body: {
        version: state.version,
        timestamp: state.clock().toISOString().replace("T", " ").slice(0, 19),
        queue_services: "ok",
        data_services: "ok",
      },
    }),
  }),
  route("GET /health", { who: "anyone", handle: () => ({ body: { status: "woot" } }) }),
  route("GET /api/v1/profile", {
    who: "users",
    handle: (context) => ({ body: profileShape(context.state, callerUser(context)) }),
  }),
  route(`GET ${account}/webhooks`, {
    who: "administrator",
    handle: ({ state }) => ({
      body: { payload: { webhooks: [...state.webhooks.values()].map((item) => webhookShape(state, item)) } },
    }),
  }),
  route(`POST ${account}/webhooks`, {
    who: "administrator",
    body: z.strictObject({
      url: z.string(),
      name: z.string().optional(),
      subscriptions: z.array(z.enum(events)).optional(),
    }),
    handle: ({ state, body }) => {
      if (!/^https?:\/\//.test(body.url)) throw recordInvalid([["url", "Url is invalid"]]);
      if ([...state.webhooks.values()].some((item) => item.url === body.url)) {
        throw recordInvalid([["url", "Url has already been taken"]]);
      }
      const { url, name = null, subscriptions = [...events] } = body;
      const webhook = { id: state.nextId("webhook"), url, name, subscriptions, secret: state.token(24) };
      state.webhooks.set(webhook.id, webhook);
      return { body: { payload: { webhook: webhookShape(state, webhook) } } };
    },
  }),
  route(`DELETE ${account}/webhooks/:webhook_id`, {
    who: "administrator",
    handle: ({ state, params }) => {
      find(state.webhooks, params["webhook_id"]);
      state.webhooks.delete(Number(params["webhook_id"]));
      return {};
    },
  }),
  route(`GET ${account}/labels`, {
    who: "users",
    handle: ({ state }) => ({ body: { payload: [...state.labels.values()].map(labelShape) } }),
  }),
  route(`POST ${account}/labels`, {
    who: "administrator",
    body: z.strictObject({
      title: z.string(),
      description: z.string().optional(),
      color: z.string().optional(),
      show_on_sidebar: z.boolean().optional(),
    }),
    handle: ({ state, body }) => {
      const title = body.title.toLowerCase();
      if (!/^[\p{L}\p{N}]+[\p{L}\p{N}_-]*$/u.test(title)) throw recordInvalid([["title", "Title is invalid"]]);
      if ([...state.labels.values()].some((label) => label.title === title)) {
        throw recordInvalid([["title", "Title has already been taken"]]);
      }
      const { description = null, color = "#1f93ff", show_on_sidebar: showOnSidebar = false } = body;
      const label = { id: state.nextId("label"), title, description, color, showOnSidebar };
      state.labels.set(label.id, label);
      return { body: labelShape(label) };
    },
  }),
  route(`GET ${account}/custom_attribute_definitions`, {
    who: "administrator",
    query: z.strictObject({ attribute_model: z.enum(["0", "1"]).optional() }),
    handle: ({ state, query }) => ({
      body: [...state.attributeDefinitions.values()]
        .filter((item) => query.attribute_model === undefined || item.model === models[Number(query.attribute_model)])
        .map(attributeDefinitionShape),
    }),
  }),
  route(`POST ${account}/custom_attribute_definitions`, {
    who: "administrator",
    body: z.strictObject({
      attribute_display_name: z.string(),
      attribute_display_type: z.int().min(0).max(7),
      attribute_description: z.string().optional(),
      attribute_key: z.string(),
      attribute_values: z.array(z.string()).optional(),
      attribute_model: z.int().min(0).max(1),
      regex_pattern: z.string().optional(),
      regex_cue: z.string().optional(),
    }),
    handle: ({ state, body }) => {
      const model = models[body.attribute_model]!;
      const taken = [...state.attributeDefinitions.values()].some(
        (item) => item.key === body.attribute_key && item.model === model,
      );
      if (taken) throw recordInvalid([["attribute_key", "Attribute key has already been taken"]]);
      const definition: AttributeDefinition = {
        id: state.nextId("attributeDefinition"),
        key: body.attribute_key,
        displayName: body.attribute_display_name,
        displayType: displayTypes[body.attribute_display_type]!,
        description: body.attribute_description ?? null,
        model,
        values: body.attribute_values ?? [],
        createdAt: state.clock(),
      };
      state.attributeDefinitions.set(definition.id, definition);
      return { body: attributeDefinitionShape(definition) };
    },
  }),
];

const models = ["conversation_attribute", "contact_attribute"] as const;
const displayTypes = ["text", "number", "currency", "percent", "link", "date", "list", "checkbox"];
