import { z } from "zod";
import { CONTROLS } from "../../domain/conversation.ts";
import { STATUSES } from "../../domain/states.ts";
import { giveBack } from "../../handoffs/give-back.ts";
import type { Reads } from "../../ports.ts";
import { HandoffInHelpdesk, viewHandoffInHelpdesk } from "../helpdesk-view.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Name } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";
import { FreshchatUrl, installedAs } from "./installed.ts";

const PATH = "/v1/installations/freshworks/conversations/{conversationId}";
const common = {
  tag: "Installations",
  scopes: ["installation"],
  params: z.strictObject({
    conversationId: z.string().min(1).max(200).meta({ description: "FreshChat's id of the conversation" }),
  }),
} as const;

const AgentGiven = z.strictObject({
  id: z.string().trim().max(200).nullish(),
  name: z
    .union([Name, z.literal("")])
    .nullish()
    .meta({ description: "As the visitor may be told it" }),
});

/** What the app shows beside a conversation in FreshChat, and its one button. */
export function installationConversationRoutes(deps: AdminDeps): Route[] {
  const { store, baseUrl } = deps;

  /** The handoff that stands, or stood last, in this conversation; a stranger's conversation is answered like an unknown one. */
  async function standing(reads: Reads, of: { workspaceId: string; freshchatUrl: string; conversationId: string }) {
    const connection = found(await installedAs(reads, deps, of));
    return found(await reads.handoffByRef(of.workspaceId, connection.id, of.conversationId));
  }

  return [
    defineRoute({
      ...common,
      method: "GET",
      path: PATH,
      summary: "Read the handoff of a FreshChat conversation",
      query: z.strictObject({ freshchatUrl: FreshchatUrl }),
      responses: { 200: { description: "The newest handoff that stands or stood there", schema: HandoffInHelpdesk } },
      idempotent: false,
      async handler({ principal, params, query }) {
        const { workspaceId } = principal;
        const handoff = await standing(store.read, { workspaceId, ...query, ...params });
        const conversation = found(await store.read.conversation(workspaceId, handoff.conversationId));
        const lead = await store.read.leadOfHandoff(workspaceId, handoff.id);
        return { status: 200, body: viewHandoffInHelpdesk(handoff, conversation, lead, `${baseUrl()}/`) };
      },
    }),
    defineRoute({
      ...common,
      method: "POST",
      path: `${PATH}/return`,
      summary: "Give a FreshChat conversation back to the bot",
      description:
        "The handoff ends, the visitor is told, the bot has control again, and FreshChat resolves the conversation.",
      body: z.strictObject({ freshchatUrl: FreshchatUrl, agent: AgentGiven.nullish() }),
      responses: {
        200: {
          description: "The bot has control",
          schema: z.strictObject({ control: z.enum(CONTROLS), status: z.enum(STATUSES) }),
        },
      },
      errors: [409],
      idempotent: true,
      async handler({ principal, params, body, unit }) {
        const { workspaceId } = principal;
        const { freshchatUrl } = body;
        const agent = body.agent ? { id: body.agent.id || null, name: body.agent.name || null } : null;
        const { status, body: shown } = await unit(async (tx) => {
          const { id, destination } = await standing(tx, { workspaceId, freshchatUrl, ...params });
          const of = { workspaceId, handoffId: id, connectionId: destination?.id ?? "" };
          const { handoff, conversation } = await giveBack(tx, deps.handoffs, of, agent);
          return { status: 200, body: { control: conversation.control, status: handoff.status } };
        });
        return { status, body: shown };
      },
    }),
  ];
}
