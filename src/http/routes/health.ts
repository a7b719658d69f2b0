import { z } from "zod";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";

export interface Health {
  readonly ready: boolean;
  /** Each part that was asked, such as `store`, with `ok` or what is wrong in a word. */
  readonly parts: Readonly<Record<string, string>>;
}

const Ready = z.strictObject({ ready: z.boolean(), parts: z.record(z.string(), z.string()) }).meta({ id: "Readiness" });

/** For load balancers and supervisors. @param health asks every part; never throws */
export function healthRoutes(health: () => Promise<Health>): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/healthz",
      summary: "Tell that requests are served",
      tag: "System",
      scopes: "public",
      responses: { 200: { description: "Alive", schema: z.strictObject({ status: z.literal("ok") }) } },
      idempotent: false,
      handler: () => Promise.resolve({ status: 200, body: { status: "ok" } }),
    }),
    defineRoute({
      method: "GET",
      path: "/readyz",
      summary: "Tell whether work can be taken on",
      tag: "System",
      scopes: "public",
      responses: {
        200: { description: "Ready", schema: Ready },
        503: { description: "Something that is needed is away", schema: Ready },
      },
      idempotent: false,
      async handler() {
        const { ready, parts } = await health();
        return { status: ready ? 200 : 503, body: { ready, parts } };
      },
    }),
  ];
}
