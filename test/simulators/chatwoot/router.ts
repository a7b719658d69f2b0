import type { z } from "zod";
import { forbiddenByPolicy, notFound, unauthorized } from "./errors.ts";
import { isAtLeast, type Conversation, type Inbox, type Json, type Sender, type State, type User } from "./state.ts";

export type Caller = { kind: "user"; user: User } | { kind: "bot" };
export type UploadedFile = { field: string; name: string; type: string; bytes: Uint8Array };

export interface Context<Body = Json, Query = Json> {
  readonly state: State;
  readonly baseUrl: string;
  readonly params: Record<string, string>;
  readonly query: Query;
  readonly body: Body;
  readonly files: readonly UploadedFile[];
  readonly isMultipart: boolean;
  readonly caller: Caller | null;
}

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface Route {
  readonly method: string;
  readonly segments: readonly string[];
  readonly who: "anyone" | "users" | "administrator" | "bots_too";
  /** False: not part of the API that the published description covers. */
  readonly isChecked?: boolean;
  /** What Rails would ignore or misread without a word, and our own requests must not contain. */
  problems(body: Json, query: Json): string[];
  handle(context: Context): Answer | Promise<Answer>;
}

interface Definition<B, Q> {
  who: Route["who"];
  isChecked?: boolean;
  body?: z.ZodType<B>;
  query?: z.ZodType<Q>;
  /** Body and query may be misshapen: a fault is recorded, then they are passed on as they came, as Rails does. */
  handle(context: Context<B, Q>): Answer | Promise<Answer>;
}

/** `route("GET /api/v1/accounts/:account_id/teams", { who: "users", handle })` */
export function route<B = Json, Q = Json>(line: string, definition: Definition<B, Q>): Route {
  const [method = "", path = ""] = line.split(" ");
  return {
    method,
    segments: path.split("/").slice(1),
    who: definition.who,
    ...(definition.isChecked === undefined ? {} : { isChecked: definition.isChecked }),
    problems: (body, query) => [...faults("body", definition.body, body), ...faults("query", definition.query, query)],
    handle: (context) => definition.handle(context as Context<B, Q>),
  };
}

function faults(part: string, schema: z.ZodType | undefined, value: Json): string[] {
  if (!schema) {
    const keys = Object.keys(value);
    return keys.length === 0 ? [] : [`${part}: ${keys.join(", ")} not read by this endpoint`];
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return [];
  return parsed.error.issues.map(
    (issue) => `${part}${issue.path.map((key) => `.${String(key)}`).join("")}: ${issue.message}`,
  );
}

/** Fixed segments win over parameters, so `contacts/search` is not a contact called "search". */
export function matchRoute(routes: readonly Route[], method: string, path: string) {
  const segments = path.split("/").slice(1);
  const matching = routes.filter(
    (item) =>
      item.method === method &&
      item.segments.length === segments.length &&
      item.segments.every((part, i) => part.startsWith(":") || part === segments[i]),
  );
  const wildness = (item: Route) => item.segments.filter((part) => part.startsWith(":")).length;
  const [best] = matching.sort((a, b) => wildness(a) - wildness(b));
  if (!best) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of best.segments.entries()) {
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(segments[i]!);
  }
  return { route: best, params };
}

/** A row by the id in the path, or Rails' 404. */
export function find<T>(rows: Map<number, T>, id: unknown): T {
  const row = rows.get(Number(id));
  if (!row) throw notFound();
  return row;
}

export function callerUser(context: Pick<Context, "caller">): User {
  if (context.caller?.kind !== "user") throw forbiddenByPolicy();
  return context.caller.user;
}

export const isAdministrator = (context: Pick<Context, "caller">): boolean =>
  context.caller?.kind === "user" && context.caller.user.role === "administrator";

/** Agents see the inboxes they belong to (8.3). */
export const maySeeInbox = (context: Pick<Context, "caller">, inbox: Inbox): boolean =>
  context.caller?.kind === "bot" || isAdministrator(context) || inbox.memberIds.includes(callerUser(context).id);

/** The conversation of the path, if the caller may see it: by role, inbox or team; a bot sees all. */
export function conversationOf(context: Context<unknown, unknown>): Conversation {
  const { state, params } = context;
  const conversation = find(state.conversations, params["conversation_id"]);
  const inbox = state.inboxes.get(conversation.inboxId)!;
  if (maySeeInbox(context, inbox)) return conversation;
  const team = conversation.teamId === null ? undefined : state.teams.get(conversation.teamId);
  if (team?.memberIds.includes(callerUser(context).id)) return conversation;
  throw forbiddenByPolicy();
}

/** Name for activity lines. */
export const actorOf = (context: Context<unknown, unknown>): { name: string } =>
  context.caller?.kind === "user" ? { name: context.caller.user.name } : { name: context.state.bot.name };

/** The n-th page, from 1. */
export function pageOf<T>(rows: readonly T[], page: unknown, size: number): T[] {
  const number = Math.max(1, Number(page ?? 1) || 1);
  return rows.slice((number - 1) * size, number * size);
}

/** Who writes: the user or the bot behind the token. */
export const senderOf = (context: Context<unknown, unknown>): Sender =>
  context.caller?.kind === "user"
    ? { type: "User", id: context.caller.user.id }
    : { type: "AgentBot", id: context.state.bot.id };

/** Bots may read a conversation and its labels since 4.14.2 (8.2). */
export function refuseEarlyBot(context: Context<unknown, unknown>): void {
  if (context.caller?.kind === "bot" && !isAtLeast(context.state, "4.14.2")) {
    throw unauthorized("Access to this endpoint is not authorized for bots");
  }
}
