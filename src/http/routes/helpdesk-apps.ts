import { z } from "zod";
import { CONTROLS } from "../../domain/conversation.ts";
import type { Handoff } from "../../domain/handoff.ts";
import { STATUSES } from "../../domain/states.ts";
import { acceptBeside, canAccept } from "../../handoffs/accept-beside.ts";
import { giveBack } from "../../handoffs/give-back.ts";
import type { Reads } from "../../ports.ts";
import type { StoredEvent } from "../../ports-store.ts";
import { HandoffInHelpdesk, viewHandoffInHelpdesk } from "../helpdesk-view.ts";
import { memberIdOf } from "../principal.ts";
import type { PrincipalOf } from "../principal.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";

const PATH = "/v1/connections/{id}/conversations/{helpdeskConversationId}";
const common = {
  tag: "Helpdesk apps",
  params: z.strictObject({
    id: z.string().min(1).max(200).meta({ description: "The connection to the helpdesk" }),
    helpdeskConversationId: z.string().min(1).max(200).meta({ description: "The helpdesk's id of the conversation" }),
  }),
} as const;

const Step = z.strictObject({
  type: z.string(),
  at: Instant,
  actor: z.strictObject({ kind: z.string(), name: z.string().nullable() }),
  because: z.string().nullable(),
});

const HandoffBeside = HandoffInHelpdesk.extend({
  agent: z.string().nullable().meta({ description: "Who has the conversation, by name" }),
  canAccept: z.boolean().meta({ description: "Nobody has taken it yet" }),
  timeline: z.array(Step).meta({ description: "What happened to the handoff, oldest first" }),
}).meta({ id: "HandoffBesideConversation", description: "A handoff as Baton's app in the helpdesk shows it" });

const Done = z.strictObject({
  control: z.enum(CONTROLS),
  status: z.enum(STATUSES),
  note: z.string().nullable().meta({ description: "What is left for the person to do; null for nothing" }),
});

/** The helpdesk's own assignment is not ours to change, and only of a live handoff has the visitor been told anything. */
const assignThere = ({ mode }: Handoff): string =>
  `${mode === "live" ? "Baton and the visitor know" : "Baton knows"} that you have it. ` +
  "Assign the conversation to yourself in the helpdesk too, so that your team sees it there.";

/** The handoff's own steps, without messages and what follows from other steps. */
const isStep = ({ type }: StoredEvent): boolean => type.startsWith("handoff.") || type === "lead.captured";

function viewStep({ type, at, actor, data }: StoredEvent): z.infer<typeof Step> {
  const because = data["because"];
  return {
    type,
    at: at.toISOString(),
    actor: { kind: actor.kind, name: actor.name },
    because: typeof because === "string" ? because : null,
  };
}

interface Place {
  readonly workspaceId: string;
  readonly id: string;
  readonly helpdeskConversationId: string;
}

/** The handoff that stands, or stood last, in this conversation; a stranger's is answered like an unknown one. */
async function standing(reads: Reads, { workspaceId, id, helpdeskConversationId }: Place): Promise<Handoff> {
  const connection = found(await reads.connection(workspaceId, id));
  return found(await reads.handoffByRef(workspaceId, connection.id, helpdeskConversationId));
}

/** Who acts. A workspace's token is nobody's in particular: null. */
async function memberOf(reads: Reads, principal: PrincipalOf<"admin"> | PrincipalOf<"agent">) {
  const memberId = memberIdOf(principal);
  if (memberId === null) return null;
  const { id, name } = found(await reads.member(principal.workspaceId, memberId));
  return { id, name };
}

/** What Baton's app shows beside a conversation in a helpdesk, to a member who has signed in, and its buttons. */
export function helpdeskAppRoutes(deps: AdminDeps): Route[] {
  const { store, baseUrl } = deps;

  return [
    defineRoute({
      ...common,
      method: "GET",
      path: PATH,
      summary: "Read the handoff of a helpdesk's conversation",
      scopes: ["admin", "agent"],
      responses: { 200: { description: "The newest handoff that stands or stood there", schema: HandoffBeside } },
      idempotent: false,
      async handler({ principal: { workspaceId }, params }) {
        const { read } = store;
        const handoff = await standing(read, { workspaceId, ...params });
        const conversation = found(await read.conversation(workspaceId, handoff.conversationId));
        const lead = await read.leadOfHandoff(workspaceId, handoff.id);
        const events = await read.handoffEvents(workspaceId, handoff.id);
        return {
          status: 200,
          body: {
            ...viewHandoffInHelpdesk(handoff, conversation, lead, `${baseUrl()}/`),
            agent: handoff.agent?.name ?? null,
            canAccept: canAccept(handoff),
            timeline: events.filter(isStep).map(viewStep),
          },
        };
      },
    }),
    defineRoute({
      ...common,
      method: "POST",
      path: `${PATH}/accept`,
      summary: "Take a helpdesk's conversation",
      description:
        "The handoff is accepted by the member, and of a live one the visitor is told. Who is assigned in the helpdesk stays.",
      scopes: ["agent"],
      responses: { 200: { description: "The member has it", schema: Done } },
      errors: [409],
      idempotent: true,
      async handler({ principal, params, unit }) {
        const { workspaceId } = principal;
        const { status, body } = await unit(async (tx) => {
          const agent = found(await memberOf(tx, principal));
          const { id } = await standing(tx, { workspaceId, ...params });
          const of = { workspaceId, handoffId: id, connectionId: params.id };
          const { handoff, conversation } = await acceptBeside(tx, deps.handoffs, of, agent);
          const shown = { control: conversation.control, status: handoff.status, note: assignThere(handoff) };
          return { status: 200, body: shown };
        });
        return { status, body };
      },
    }),
    defineRoute({
      ...common,
      method: "POST",
      path: `${PATH}/return`,
      summary: "Give a helpdesk's conversation back to the bot",
      description: "The handoff ends, the visitor is told, the bot has control again, and the helpdesk resolves it.",
      scopes: ["admin", "agent"],
      responses: { 200: { description: "The bot has control", schema: Done } },
      errors: [409],
      idempotent: true,
      async handler({ principal, params, unit }) {
        const { workspaceId } = principal;
        const { status, body } = await unit(async (tx) => {
          const agent = await memberOf(tx, principal);
          const { id } = await standing(tx, { workspaceId, ...params });
          const of = { workspaceId, handoffId: id, connectionId: params.id };
          const { handoff, conversation } = await giveBack(tx, deps.handoffs, of, agent);
          return { status: 200, body: { control: conversation.control, status: handoff.status, note: null } };
        });
        return { status, body };
      },
    }),
  ];
}
