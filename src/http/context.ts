import type { ServerResponse } from "node:http";
import type { Principal } from "./principal.ts";
import type { HeaderList } from "./security-headers.ts";

/** What is known about a request while it is being answered; ends up in its log line. */
export interface RequestContext {
  readonly requestId: string;
  /** Headers that every answer carries. */
  readonly standing: HeaderList;
  /** The server is stopping: the connection ends with this answer, however early the request came. */
  readonly isLast: () => boolean;
  /** Of `performance.now()`. */
  readonly startedAt: number;
  /** The route's template, once found. */
  route: string | null;
  principal: Principal | null;
  /** Its answer goes on for as long as the reader stays. */
  isStream: boolean;
  /** Of the error, when there was one. */
  code: string | null;
}

const contexts = new WeakMap<ServerResponse, RequestContext>();

export function setContext(response: ServerResponse, context: RequestContext): void {
  contexts.set(response, context);
}

/** Throws when the response did not come through the server's first step. */
export function contextOf(response: ServerResponse): RequestContext {
  const context = contexts.get(response);
  if (context === undefined) throw new Error("this response has no context");
  return context;
}
