import { z } from "zod";
import { DELIVERY_KINDS, DELIVERY_STATES } from "../../domain/delivery.ts";
import { HandoffError } from "../../domain/errors.ts";
import type { Delivery } from "../../ports-store.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant, instantOrNull, mapPage, pageOf, pageQuery } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";

const Mail = z.strictObject({ to: z.string(), subject: z.string(), text: z.string() });

const DeliveryShown = z
  .strictObject({
    id: z.string().meta({ examples: ["dlv_42"] }),
    kind: z.enum(DELIVERY_KINDS),
    state: z.enum(DELIVERY_STATES).meta({
      description: "`held` waits for something an operator must set; `dead` is given up and can be retried",
    }),
    connectionId: z.string().nullable(),
    conversationId: z.string().nullable(),
    handoffId: z.string().nullable(),
    event: z.string().nullable().meta({ description: "What a callback tells of" }),
    attempts: z.int(),
    lastError: z.string().nullable().meta({ description: "Why the last attempt failed, in words" }),
    createdAt: Instant,
    nextAt: Instant.nullable().meta({ description: "When it is tried next" }),
    doneAt: Instant.nullable(),
    mail: Mail.nullable().meta({ description: "A mail that waits for SMTP_URL, so that nothing in it is lost" }),
  })
  .meta({ id: "Delivery", description: "One effect owed to the outside" });

const EventPayload = z.looseObject({ type: z.string() });
const MailPayload = z.looseObject({
  to: z.union([z.string(), z.array(z.string())]),
  subject: z.string(),
  text: z.string(),
});
const WrappedMail = z.looseObject({ mail: MailPayload });

/** What a delivery carries stays inside, apart from held mail: nobody else could read it. */
function show(delivery: Delivery): z.infer<typeof DeliveryShown> {
  return {
    id: `dlv_${delivery.n}`,
    kind: delivery.kind,
    state: delivery.state,
    connectionId: delivery.connectionId,
    conversationId: delivery.conversationId,
    handoffId: delivery.handoffId,
    event: delivery.kind === "callback" ? (EventPayload.safeParse(delivery.payload).data?.type ?? null) : null,
    attempts: delivery.attempts,
    lastError: delivery.lastError,
    createdAt: delivery.createdAt.toISOString(),
    nextAt: instantOrNull(delivery.nextAt),
    doneAt: instantOrNull(delivery.doneAt),
    mail: delivery.kind === "email" && delivery.state === "held" ? mailIn(delivery.payload) : null,
  };
}

function mailIn(payload: unknown): z.infer<typeof Mail> | null {
  const mail = WrappedMail.safeParse(payload).data?.mail ?? MailPayload.safeParse(payload).data;
  if (mail === undefined) return null;
  return { to: Array.isArray(mail.to) ? mail.to.join(", ") : mail.to, subject: mail.subject, text: mail.text };
}

/** The number in `dlv_42`; null for what is no such id. */
function numberOf(id: string | undefined): number | null {
  const digits = /^dlv_(\d{1,15})$/.exec(id ?? "")?.[1];
  return digits === undefined ? null : Number(digits);
}

export function deliveryRoutes({ store }: AdminDeps): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/deliveries",
      summary: "List deliveries",
      tag: "Deliveries",
      scopes: ["admin"],
      query: z.strictObject({
        state: z.enum(DELIVERY_STATES).optional(),
        connectionId: z.string().max(100).optional(),
        handoffId: z.string().max(100).optional(),
        ...pageQuery,
      }),
      responses: { 200: { description: "Deliveries, newest first", schema: pageOf(DeliveryShown) } },
      idempotent: false,
      async handler({ principal, query }) {
        return { status: 200, body: mapPage(await store.read.deliveries(principal.workspaceId, query), show) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/deliveries/{id}",
      summary: "Read a delivery",
      tag: "Deliveries",
      scopes: ["admin"],
      responses: { 200: { description: "The delivery", schema: DeliveryShown } },
      idempotent: false,
      async handler({ principal, params }) {
        const n = found(numberOf(params["id"]));
        return { status: 200, body: show(found(await store.read.delivery(principal.workspaceId, n))) };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/deliveries/{id}/retry",
      summary: "Send a delivery again",
      description:
        "One that is dead or held is owed again. Before anything is repeated, the far side is asked whether it has it.",
      tag: "Deliveries",
      scopes: ["admin"],
      responses: { 202: { description: "It is owed again", schema: DeliveryShown } },
      idempotent: true,
      async handler({ principal, params, now, unit }) {
        const n = found(numberOf(params["id"]));
        return unit(async (tx) => {
          const delivery = found(await tx.delivery(principal.workspaceId, n));
          if (!(await tx.retryDelivery(principal.workspaceId, n, now))) {
            throw new HandoffError("conflict", `It is ${delivery.state}: only a dead or held one can be sent again`);
          }
          return { status: 202, body: show(found(await tx.delivery(principal.workspaceId, n))) };
        });
      },
    }),
  ];
}
