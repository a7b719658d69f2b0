import type { IncomingHttpHeaders } from "node:http";
import { HandoffError } from "../domain/errors.ts";
import { isAdminRole } from "../domain/member-role.ts";
import type { MemberRole } from "../domain/member-role.ts";
import type { Clock, Log, Store } from "../ports.ts";
import type { LiveSession } from "../ports-sessions.ts";
import type { Principal } from "./principal.ts";
import type { Route } from "./route.ts";
import { checkOwnPage, IDLE_SECONDS, sessionHashIn } from "./session-cookie.ts";

const NOTED_EVERY_MS = 60_000;
const IDLE_MS = IDLE_SECONDS * 1000;

export interface Sessions {
  /** The hash of the session that a request names; null without one. */
  hashIn(headers: IncomingHttpHeaders): string | null;
  /**
   * Whoever has the session, with the rights that this route gives to their role. Read from the store each time: a session that was
   * ended, and a role that was changed, in whatever process, counts with the next request.
   *
   * @throws HandoffError `unauthenticated`
   */
  principal(hash: string, scopes: Route["scopes"]): Promise<Principal>;
  /** Throws HandoffError `foreign_page`. */
  checkOwnPage(headers: IncomingHttpHeaders): void;
  /** The roles of those whose sessions still stand. */
  readonly rolesOf: (ids: readonly string[]) => Promise<ReadonlyMap<string, MemberRole>>;
}

export const isOver = (session: Pick<LiveSession, "expiresAt" | "lastUsedAt">, now: Date): boolean =>
  session.expiresAt <= now || session.lastUsedAt.getTime() + IDLE_MS <= now.getTime();

export function createSessions(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly baseUrl: () => string;
}): Sessions {
  const { store, clock, log, baseUrl } = deps;

  /** Nobody waits for it: what is lost with it is a minute of a day. */
  function noteUse(session: LiveSession, now: Date): void {
    const unlessAfter = new Date(now.getTime() - NOTED_EVERY_MS);
    if (session.lastUsedAt > unlessAfter) return;
    store
      .write((tx) => tx.touchSession(session.hash, now, unlessAfter))
      .catch((error: unknown) => log.warn("session_use_not_noted", { error }));
  }

  return {
    hashIn: (headers) => sessionHashIn(headers, baseUrl()),
    async principal(hash, scopes) {
      const now = clock();
      const session = await store.read.sessionByHash(hash);
      if (session === null || isOver(session, now))
        throw new HandoffError("unauthenticated", "The session has ended: sign in again");
      noteUse(session, now);
      return principalOf(session, scopes, now);
    },
    checkOwnPage: (headers) => checkOwnPage(headers, baseUrl()),
    rolesOf: (ids) => store.read.sessionRoles(ids),
  };
}

function principalOf(session: LiveSession, scopes: Route["scopes"], now: Date): Principal {
  const { workspaceId, memberId, role } = session;
  // A stream that stands longer than an unused session may connects again, and is a request by that.
  const expiresAt = new Date(Math.min(session.expiresAt.getTime(), now.getTime() + IDLE_MS));
  const common = { workspaceId, tokenId: session.id, expiresAt, memberId, role };
  return isAdminRole(role) && scopes.includes("admin")
    ? { ...common, scope: "admin", subjectId: workspaceId }
    : { ...common, scope: "agent", subjectId: memberId };
}
