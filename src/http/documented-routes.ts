import type { Deps } from "../handoffs/deps.ts";
import type { AdminDeps } from "./routes/deps.ts";
import { conversationRoutes } from "./routes/conversations.ts";
import { handoffRoutes } from "./routes/handoffs.ts";
import { adminRoutes } from "./routes/admin.ts";
import { healthRoutes } from "./routes/health.ts";
import type { Route } from "./route.ts";

/** Every route of the API, for being read: the handlers have nothing to work with and must not be called. */
export function documentedRoutes(): Route[] {
  const nothing = {} as AdminDeps & { readonly handoffs: Deps };
  return [
    ...handoffRoutes(nothing),
    ...conversationRoutes(nothing),
    ...adminRoutes(nothing),
    ...healthRoutes(() => Promise.resolve({ ready: true, parts: {} })),
  ];
}
