import type { Route } from "../route.ts";
import { analyticsRoutes } from "./analytics.ts";
import { auditRoutes } from "./audit.ts";
import { botRoutes } from "./bots.ts";
import { connectionRoutes } from "./connections.ts";
import { connectionHealthRoutes } from "./connection-health.ts";
import { deliveryRoutes } from "./deliveries.ts";
import type { AdminDeps } from "./deps.ts";
import { workspaceEventRoutes } from "./events.ts";
import { helpdeskAppRoutes } from "./helpdesk-apps.ts";
import { doctorRoutes } from "./doctor.ts";
import { installationRoutes } from "./installations.ts";
import { leadRoutes } from "./leads.ts";
import { memberAccessRoutes } from "./member-access.ts";
import { memberRoutes } from "./members.ts";
import { ownSignInRoutes } from "./own-sign-in.ts";
import { peopleRoutes } from "./people.ts";
import { sessionRoutes } from "./session.ts";
import { createSignInLock } from "./sign-in-lock.ts";
import { signInRoutes } from "./sign-in.ts";
import { tokenRoutes } from "./tokens.ts";
import { workspaceRoutes } from "./workspaces.ts";

/** Every route of operators, admins, members and installed apps apart from those of handoffs and conversations. */
export function adminRoutes(deps: AdminDeps): Route[] {
  const lock = createSignInLock(deps.limiters);
  return [
    ...workspaceRoutes(deps),
    ...botRoutes(deps),
    ...connectionRoutes(deps),
    ...connectionHealthRoutes(deps),
    ...installationRoutes(deps),
    // Before the others of members: what is `me` there is no id.
    ...ownSignInRoutes(deps, lock),
    ...memberRoutes(deps),
    ...memberAccessRoutes(deps),
    ...signInRoutes(deps, lock),
    ...sessionRoutes(deps, lock),
    ...helpdeskAppRoutes(deps),
    ...tokenRoutes(deps),
    ...leadRoutes(deps),
    ...peopleRoutes(deps),
    ...deliveryRoutes(deps),
    ...auditRoutes(deps),
    ...analyticsRoutes(deps),
    ...workspaceEventRoutes(deps),
    ...doctorRoutes(deps),
  ];
}
