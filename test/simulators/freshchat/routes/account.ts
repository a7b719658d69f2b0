import { z } from "zod";
import { forbidden, invalid, isOffline, notFound } from "../errors.ts";
import { find, pageOf, route } from "../router.ts";
import { agentShape, channelShape, fieldShape, groupShape } from "../shapes.ts";
import type { Agent, Group, Json, State } from "../state.ts";
import { Refusal } from "../../refusal.ts";

const Pages = {
  page: z.string().optional(),
  items_per_page: z.string().optional(),
  sort_order: z.enum(["asc", "desc"]).optional(),
  sort_by: z.string().optional(),
};

/** What the account is made of: its configuration, agents, groups, channels, fields and hours. */
export const accountRoutes = [
  route("GET /v2/accounts/configuration", {
    handle: ({ state, baseUrl }) => ({
      body: {
        account_id: state.accountId,
        app_id: state.appId,
        organisation_id: `9${state.accountId}`,
        organisation_domain: "acme.myfreshworks.com",
        account_domain: new URL(baseUrl).host,
        bundle_type: "FRESHCHAT",
        datacenter: "EUC",
        plan_type: "GROWTH",
      },
    }),
  }),
  route("GET /v2/agents", {
    query: z.strictObject({
      ...Pages,
      groups: z.string().optional(),
      is_deactivated: z.enum(["true", "false"]).optional(),
      availability_status: z.enum(["AVAILABLE", "UNAVAILABLE"]).optional(),
    }),
    handle: (context) => {
      const { state, query } = context;
      const isWanted = (agent: Agent) =>
        state.settings.ignoresAgentFilters ||
        ((query.groups === undefined || query.groups.split(",").some((id) => agent.groupIds.includes(id))) &&
          (query.is_deactivated === undefined || String(agent.isDeactivated) === query.is_deactivated) &&
          (query.availability_status === undefined || agent.availability === query.availability_status));
      const found = [...state.agents.values()].filter(isWanted);
      return { body: pageOf(context, "/v2/agents", "agents", found, agentShape) };
    },
  }),
  route("GET /v2/agents/status", {
    handle: ({ state }) => ({
      body: {
        [state.settings.agentStatusesIn]: [
          { id: "4c1f6f0e-2f3f-4a43-9f0e-0c2f0f5f8a01", name: "Lunch" },
          { id: "4c1f6f0e-2f3f-4a43-9f0e-0c2f0f5f8a02", name: "Training" },
        ],
      },
    }),
  }),
  route("GET /v2/agents/:agent_id", {
    handle: ({ state, params }) => ({ body: agentShape(find(state.agents, params["agent_id"], "agent")) }),
  }),
  route("PATCH /v2/agents/:agent_id", {
    handle: ({ state, params, body }) => {
      const agent = find(state.agents, params["agent_id"], "agent");
      const wanted = body["availability_status"];
      if (wanted === "AVAILABLE" && agent.isLoggedIn === false) throw isOffline();
      if (wanted === "AVAILABLE" || wanted === "UNAVAILABLE") agent.availability = wanted;
      state.events.emit("change");
      return { body: agentShape(agent) };
    },
  }),
  route("GET /v2/groups", {
    query: z.strictObject(Pages),
    handle: (context) => ({
      body: pageOf(context, "/v2/groups", "groups", [...context.state.groups.values()], groupShape),
    }),
  }),
  route("GET /v2/channels", {
    query: z.strictObject({ ...Pages, locale: z.string().optional() }),
    handle: (context) => ({
      body: pageOf(context, "/v2/channels", "channels", [...context.state.channels.values()], channelShape),
    }),
  }),
  route("GET /v2/roles", {
    query: z.strictObject(Pages),
    handle: (context) => ({
      body: pageOf(context, "/v2/roles", "roles", ["AGENT", "SUPERVISOR", "SUPER_ADMIN"], (id) => ({ id, name: id })),
    }),
  }),
  route("GET /v2/conversations/fields", {
    handle: ({ state }) => {
      const fields = [...state.fields.values()].map(fieldShape);
      return { body: state.settings.fieldsAnswer === "array" ? fields : { conversation_fields: fields } };
    },
  }),
  route("GET /v2/business-hours/within-bh", {
    query: z.strictObject({ group_id: z.string() }),
    handle: ({ state, query }) => {
      if (query.group_id === undefined) throw invalid("group_id is required");
      return { body: businessHours(state, find(state.groups, query.group_id, "group")) };
    },
  }),
];

/** The body is published nowhere: the account's setting chooses a form (4). */
function businessHours(state: State, group: Group): unknown {
  if (!state.settings.planHasBusinessHours) throw forbidden();
  const isWithin = group.isWithinBusinessHours ?? state.businessHours.isWithin;
  const form = state.settings.businessHoursAnswer;
  const bodies: Record<string, Json | boolean> = {
    text: { within_bh: String(isWithin) },
    nested: { data: { within_business_hours: isWithin } },
    nothing: {},
    bare: isWithin,
  };
  if (form === 403) throw forbidden();
  if (form === 404) throw notFound("business hours");
  if (form === 400) throw invalid("The group has no business hours");
  if (typeof form === "number") throw new Refusal(form, {});
  return bodies[form] ?? { [form]: isWithin };
}
