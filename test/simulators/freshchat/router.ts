import type { z } from "zod";
import { notFound } from "./errors.ts";
import type { Actor, Conversation, Json, State } from "./state.ts";
import type { UploadedFile } from "../request-body.ts";
import { faults, placeOf, type Answer, type Place } from "../router.ts";

export interface Context<Body = Json, Query = Json> {
  readonly state: State;
  readonly baseUrl: string;
  readonly method: string;
  readonly params: Record<string, string>;
  readonly query: Query;
  readonly body: Body;
  readonly files: readonly UploadedFile[];
  /** Records what FreshChat would not understand though nothing else says so. */
  readonly complain: (problem: string) => void;
}

export interface Route extends Place {
  /** False: no token, and not part of the API. */
  readonly isApi: boolean;
  /** True: answered with the status that the account answers writes with. */
  readonly isWrite: boolean;
  problems(query: Json): string[];
  handle(context: Context): Answer | Promise<Answer>;
}

interface Definition<Q> {
  isApi?: boolean;
  /** For a POST that only reads. */
  isWrite?: boolean;
  query?: z.ZodType<Q>;
  /** Bodies may be misshapen: the API description says so, and the handler refuses what FreshChat refuses. */
  handle(context: Context<Json, Q>): Answer | Promise<Answer>;
}

/** `route("GET /v2/groups", { query, handle })` */
export function route<Q = Json>(line: string, definition: Definition<Q>): Route {
  const place = placeOf(line);
  return {
    ...place,
    isApi: definition.isApi ?? true,
    isWrite: definition.isWrite ?? place.method !== "GET",
    problems: (query) => faults("query", definition.query, query),
    handle: (context) => definition.handle(context as Context<Json, Q>),
  };
}

/** A row by the id in the path. @throws Refusal 404. */
export function find<T>(rows: Map<string, T>, id: unknown, what: string): T {
  const row = rows.get(String(id));
  if (!row) throw notFound(what);
  return row;
}

/** The conversation of the path, under the id that this account takes there (1.8). @throws Refusal 404. */
export function conversationOf({ state, params, method }: Context<unknown, unknown>): Conversation {
  const id = params["conversation_id"] ?? "";
  const { idsInPaths } = state.settings;
  const numberOnly = idsInPaths === "number_everywhere" || (idsInPaths === "number" && method === "GET");
  const byString = numberOnly ? undefined : state.conversations.get(id);
  const byNumber =
    idsInPaths === "string"
      ? undefined
      : [...state.conversations.values()].find((conversation) => String(conversation.number) === id);
  const found = byString ?? byNumber;
  if (!found) throw notFound("conversation");
  return found;
}

/** Who a change made through the API is by. */
export function apiActor(state: State): Actor {
  const { apiActor: who } = state.settings;
  if (who !== "admin") return { type: who, id: null };
  const [admin] = state.agents.keys();
  return { type: "agent", id: admin ?? null };
}

const numberOf = (value: unknown, usual: number) => Math.max(1, Math.trunc(Number(value)) || usual);

/** One page of a list, with the links and counts of 1.6. */
export function pageOf<T>(
  { state, query }: Context<unknown, unknown>,
  path: string,
  name: string,
  rows: readonly T[],
  shape: (row: T, index: number) => Json,
): Json {
  const asked = query as Record<string, unknown>;
  const size = Math.min(numberOf(asked["items_per_page"], 20), state.settings.pageLimit);
  const page = numberOf(asked["page"], 1);
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const link = (to: number) => ({ href: `${path}?page=${to}&items_per_page=${size}`, rel: String(to), type: "GET" });
  const shown = rows.slice((page - 1) * size, page * size);
  return {
    [name]: shown.map((row, i) => shape(row, (page - 1) * size + i)),
    pagination: { total_items: rows.length, total_pages: pages, current_page: page, items_per_page: size },
    links: {
      first_page: link(1),
      last_page: link(pages),
      ...(page < pages ? { next_page: link(page + 1) } : {}),
      ...(page > 1 ? { previous_page: link(page - 1) } : {}),
    },
  };
}
