import type { ApiDescription } from "../openapi-check.ts";

const account = "/api/v1/accounts/{account_id}";

/** Where the published file is stricter than the server, whose word counts: operation, problem, what the server does. */
const drifts: ApiDescription["drifts"] = [
  [`POST ${account}/conversations`, /required property 'source_id'/, "made up when inbox and contact are given"],
  [`POST ${account}/conversations`, /^body\/status .*allowed values/, "takes snoozed too"],
  [`POST ${account}/contacts`, /required property 'inbox_id'/, "optional"],
  [`POST ${account}/conversations/{conversation_id}/messages`, /required property 'content'/, "optional with files"],
  [`POST ${account}/conversations/{conversation_id}/messages`, /^body\/content_type .*allowed/, "takes every type"],
  [`PATCH ${account}/conversations/{conversation_id}`, /^body\/priority must be/, "null clears"],
  [`POST ${account}/conversations/{conversation_id}/toggle_priority`, /^body\/priority must be/, "null clears"],
  [`POST ${account}/conversations/{conversation_id}/toggle_status`, /^body\/snoozed_until must be/, "null is none"],
  [
    `POST ${account}/conversations/{conversation_id}/assignments`,
    /^body\/(assignee|team)_id must be/,
    "null unassigns",
  ],
  [`POST ${account}/inboxes/{id}/set_agent_bot`, /^body\/agent_bot must be/, "null removes the bot"],
  [`POST ${account}/webhooks`, /^body\/subscriptions\/\d+ .*allowed values/, "takes inbox events too"],
  [`PATCH ${account}/webhooks/{webhook_id}`, /^body\/subscriptions\/\d+ .*allowed values/, "takes inbox events too"],
  [`GET ${account}/conversations`, /^query source_id /, "filters by the contact inbox"],
  [`GET ${account}/custom_attribute_definitions`, /^query attribute_model is required/, "optional"],
  [`PATCH ${account}/inbox_members`, /^body\/inbox_id must be string/, "a number as in create"],
  [`DELETE ${account}/inbox_members`, /^body\/inbox_id must be string/, "a number as in create"],
];

/** The published API description, and the one of the endpoints that it omits. */
export const chatwootApi: ApiDescription = {
  documents: ["chatwoot.openapi.json", "chatwoot.undocumented.openapi.json"],
  prefix: "",
  tellApart: [],
  drifts,
  formValues(body) {
    const typed = { ...body };
    if (body["private"] === "true" || body["private"] === "false") typed["private"] = body["private"] === "true";
    if (typeof body["content_attributes"] === "string") typed["content_attributes"] = {};
    return typed;
  },
};
