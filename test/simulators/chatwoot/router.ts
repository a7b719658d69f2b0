import type { z } from "zod";
import type { UploadedFile } from "../request-body.ts";
import { faults, placeOf, type Answer, type Place } from "../router.ts";
import { forbiddenByPolicy, notFound, unauthorized } from "./errors.ts";
import type { AgentBot } from "./installation-records.ts";
import { isAtLeast, type Conversation, type Inbox, type Json, type Sender, type State, type User } from "./state.ts";

export type Caller = { kind: "user"; user: User } | { kind: "bot"; bot: AgentBot };

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

export interface Route extends Place {
  readonly who: "anyone" | "users" | "administrator" | "bots_too";
  /** The release that brought the endpoint; earlier ones do not know it. */
  readonly since?: string;
  /** False: not part of the API that the published description covers. */
  readonly isChecked?: boolean;
  /** What Rails would ignore or misread without a word, and our own requests must not contain. */
  problems(body: Json, query: Json): string[];
  handle(context: Context): Answer | Promise<Answer>;
}

interface Definition<B, Q> {
  who: Route["who"];
  since?: string;
  isChecked?: boolean;
  body?: z.ZodType<B>;
  query?: z.ZodType<Q>;
  /** Body and query may be misshapen: a fault is recorded, then they are passed on as they came, as Rails does. */
  handle(context: Context<B, Q>): Answer | Promise<Answer>;
}

/** `route("GET /api/v1/accounts/:account_id/teams", { who: "users", handle })` */
export function route<B = Json, Q = Json>(line: string, definition: Definition<B, Q>): Route {
  return {
    ...placeOf(line),
    who: definition.who,
    ...(definition.since === undefined ? {} : { since: definition.since }),
    ...(definition.isChecked === undefined ? {} : { isChecked: definition.isChecked }),
    problems: (body, query) => [...faults("body", definition.body, body), ...faults("query", definition.query, query)],
    handle: (context) => definition.handle(context as Context<B, Q>),
  };
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
  context.caller?.kind === "user" ? { name: context.caller.user.name } : { name: callerBot(context).name };

/** The n-th page, from 1. */
export function pageOf<T>(rows: readonly T[], page: unknown, size: number): T[] {
  const number = Math.max(1, Number(page ?? 1) || 1);
  return rows.slice((number - 1) * size, number * size);
}

/** Who writes: the user or the bot behind the token. */
export const senderOf = (context: Context<unknown, unknown>): Sender =>
  context.caller?.kind === "user"
    ? { type: "User", id: context.caller.user.id }
    : { type: "AgentBot", id: callerBot(context).id };

function callerBot(context: Context<unknown, unknown>): AgentBot {
  if (context.caller?.kind !== "bot") throw forbiddenByPolicy();
  return context.caller.bot;
}

/** What bots may do only since a release (8.2): read a conversation and its labels since 4.14.2, type since 4.12. */
export function refuseEarlyBot(context: Context<unknown, unknown>, since = "4.14.2"): void {
  if (context.caller?.kind === "bot" && !isAtLeast(context.state, since)) {
    throw unauthorized("Access to this endpoint is not authorized for bots");
  }
}
