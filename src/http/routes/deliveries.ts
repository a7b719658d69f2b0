import { z } from "zod";
import { DELIVERY_KINDS, DELIVERY_STATES } from "../../domain/delivery.ts";
import { HandoffError } from "../../domain/errors.ts";
import type { Delivery } from "../../ports-store.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant, instantOrNull, pageOf, pageQuery } from "../shapes.ts";
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
    attempts: z.int(),
    lastError: z.string().nullable().meta({ description: "Why the last attempt failed, in words" }),
    createdAt: Instant,
    nextAt: Instant.nullable().meta({ description: "When it is tried next" }),
    doneAt: Instant.nullable(),
    requestId: z.string().nullable().meta({
      description: "The request (its `X-Request-Id`) or webhook that caused it: the same in every log line about it",
    }),
    mail: Mail.nullable().meta({ description: "A mail that waits for SMTP_URL, so that nothing in it is lost" }),
  })
  .meta({ id: "Delivery", description: "One effect owed to the outside" });

/** What a delivery carries stays inside, apart from held mail: nobody else could read it. */
async function show(delivery: Delivery, mailOf: AdminDeps["mailOf"]): Promise<z.infer<typeof DeliveryShown>> {
  const isHeldMail = delivery.kind === "email" && delivery.state === "held";
  const mail = isHeldMail ? await mailOf(delivery).catch(() => null) : null;
  return {
    id: `dlv_${delivery.n}`,
    kind: delivery.kind,
    state: delivery.state,
    connectionId: delivery.connectionId,
    conversationId: delivery.conversationId,
    handoffId: delivery.handoffId,
    attempts: delivery.attempts,
    lastError: delivery.lastError,
    createdAt: delivery.createdAt.toISOString(),
    nextAt: instantOrNull(delivery.nextAt),
    doneAt: instantOrNull(delivery.doneAt),
    requestId: delivery.requestId,
    mail: mail && { to: mail.to, subject: mail.subject, text: mail.text },
  };
}

/** The number in `dlv_42`; null for what is no such id. */
function numberOf(id: string | undefined): number | null {
  const digits = /^dlv_(\d{1,15})$/.exec(id ?? "")?.[1];
  return digits === undefined ? null : Number(digits);
}

export function deliveryRoutes({ store, mailOf }: AdminDeps): Route[] {
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
        const page = await store.read.deliveries(principal.workspaceId, query);
        const items = await Promise.all(page.items.map((one) => show(one, mailOf)));
        return { status: 200, body: { items, nextCursor: page.nextCursor } };
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
        return { status: 200, body: await show(found(await store.read.delivery(principal.workspaceId, n)), mailOf) };
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
          return { status: 202, body: await show(found(await tx.delivery(principal.workspaceId, n)), mailOf) };
        });
      },
    }),
  ];
}
