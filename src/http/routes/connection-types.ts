import { z } from "zod";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import type { AdminDeps } from "./deps.ts";

const TypeShown = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    configSchema: z.record(z.string(), z.unknown()).meta({ description: "JSON Schema of `config`" }),
    secretFields: z.array(z.string()),
    canProvision: z.boolean().meta({ description: "The helpdesk can be set up through its API: see /provision" }),
  })
  .meta({ id: "ConnectionType" });

/** What can be connected, and what each asks for: enough to draw the form. */
export function connectionTypeRoutes({ factories }: AdminDeps): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/connection-types",
      summary: "List what can be connected",
      tag: "Connections",
      scopes: ["admin"],
      responses: {
        200: { description: "Types of connections", schema: z.strictObject({ items: z.array(TypeShown) }) },
      },
      idempotent: false,
      async handler() {
        const items = [...factories.values()].map(({ type, title, configSchema, secretFields, install }) => ({
          type,
          title,
          configSchema,
          secretFields,
          canProvision: install !== undefined,
        }));
        return { status: 200, body: { items } };
      },
    }),
  ];
}
