import type { z } from "zod";
import type { Tx } from "../ports.ts";
import type { Auditor } from "./audit.ts";
import type { PrincipalOf, Scope } from "./principal.ts";
import type { EventSource } from "./event-stream.ts";

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type Method = (typeof METHODS)[number];

/** What a route says. `body` is told as JSON; undefined: no body (204). */
export interface Answer<Body = unknown> {
  readonly status: number;
  readonly body?: Body;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that goes on: server-sent events. */
export interface StreamAnswer {
  readonly stream: EventSource;
}

/** A text that is made while it is sent, such as a long list as a file. Always 200. */
export interface TextAnswer {
  readonly chunks: AsyncIterable<string>;
  readonly contentType: string;
  /** Letters, digits, dots and hyphens. */
  readonly fileName: string;
}

/** What a unit of work gave, now or when its Idempotency-Key was first used. */
export interface UnitAnswer<Body> {
  readonly status: number;
  readonly body: Body;
  /** True: the work was not done again; this is what it gave the first time. */
  readonly replayed: boolean;
}

/** What a caller would like (RFC 7240). */
export interface Preferences {
  /** `Prefer: wait=5`: answer with the settled outcome if it comes within so many seconds; null: do not wait. */
  readonly waitSeconds: number | null;
}

export interface RequestFacts {
  readonly requestId: string;
  readonly now: Date;
  readonly prefer: Preferences;
  readonly headers: {
    readonly idempotencyKey: string | null;
    /** `Last-Event-ID` as a number; null when absent. */
    readonly lastEventId: number | null;
    /** The route's `secretHeader`, without spaces around; null when absent. */
    readonly secret: string | null;
  };
  /** Where the request came from, by the operator's trust in proxies: for limits only, never kept. */
  readonly address: string;
  readonly browser: {
    /** The hash of the session that the request's cookie names, whether there is one or not; null without a cookie. */
    readonly sessionHash: string | null;
    /** What it runs on, in words: "Firefox on Linux". */
    readonly device: string;
  };
  /** Aborts when the caller has gone, so that nobody waits for nobody, and when the server stops: answer what is known by then. */
  readonly signal: AbortSignal;
}

export interface RouteInput<
  S extends Scope,
  P extends z.ZodType | undefined,
  Q extends z.ZodType | undefined,
  B extends z.ZodType | undefined,
> extends RequestFacts {
  readonly principal: [S] extends [never] ? null : { readonly [One in S]: PrincipalOf<One> }[S];
  readonly params: P extends z.ZodType ? z.output<P> : Readonly<Record<string, string>>;
  readonly query: Q extends z.ZodType ? z.output<Q> : undefined;
  readonly body: B extends z.ZodType ? z.output<B> : undefined;
  /** The body as it was given, cleaned and found valid, before defaults and transforms: for what is kept as the caller wrote it. */
  readonly given: B extends z.ZodType ? z.input<B> : undefined;
  /**
   * Stores an effect, and under the request's Idempotency-Key its answer, in one commit (reliability.md P5). Resolves once that
   * is on disk. `body` must be plain JSON without secrets, since it may be kept: what must not be kept (tokens, signing
   * secrets) is added to the answer afterwards, by the same code on a first and on a repeated request. At most once a request.
   *
   * What it changes of an admin's things (bots, connections, members, tokens, workspaces) is told to the audit log by itself.
   */
  readonly unit: <Body>(work: (tx: Tx) => Promise<Answer<Body>>) => Promise<UnitAnswer<Body>>;
  /** For units that are not the request's own, and for what no single change shows. */
  readonly audit: Auditor;
}

export interface ResponseDescription {
  readonly description: string;
  /** Absent: no body. */
  readonly schema?: z.ZodType;
  /** Absent: `application/json`. */
  readonly contentType?: string;
}

export interface SecretHeader {
  readonly name: string;
  readonly description: string;
}

export interface RouteDefinition<
  S extends Scope,
  P extends z.ZodType | undefined,
  Q extends z.ZodType | undefined,
  B extends z.ZodType | undefined,
> {
  readonly method: Method;
  /** In the style of OpenAPI: `/v1/handoffs/{id}`. */
  readonly path: `/${string}`;
  /** In a few words, imperative. */
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly scopes: readonly S[] | "public";
  /**
   * How the session of a browser counts here. Absent: like a token, where the route is for admins or agents. `only`: no token does,
   * however wide; `never`: only a token does; `opens`: for everybody, from a page of ours, since it begins or ends a session.
   */
  readonly session?: "only" | "never" | "opens";
  /** Absent: every parameter of the path is a string of 1 to 200 characters. */
  readonly params?: P;
  /** Values come as strings; a strict object, so that a misspelt parameter is told. */
  readonly query?: Q;
  /** Absent: the route takes no body. */
  readonly body?: B;
  /** In bytes. */
  readonly bodyLimit?: number;
  /** A credential that comes in a header of its own, so that it stands in no body that is kept. */
  readonly secretHeader?: SecretHeader;
  readonly responses: Readonly<Record<number, ResponseDescription>>;
  /** Errors beyond those that every route has. */
  readonly errors?: readonly number[];
  /** Takes an `Idempotency-Key`: the handler does its work in `unit`. */
  readonly idempotent: boolean;
  handler(input: RouteInput<S, P, Q, B>): Promise<Answer | StreamAnswer | TextAnswer>;
}

/** A route whose types have been forgotten: what the server mounts and the OpenAPI document is written from. */
export interface Route {
  readonly method: Method;
  readonly path: `/${string}`;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly scopes: readonly Scope[] | "public";
  readonly session?: "only" | "never" | "opens";
  readonly params?: z.ZodType | undefined;
  readonly query?: z.ZodType | undefined;
  readonly body?: z.ZodType | undefined;
  readonly bodyLimit?: number;
  readonly secretHeader?: SecretHeader;
  readonly responses: Readonly<Record<number, ResponseDescription>>;
  readonly errors?: readonly number[];
  readonly idempotent: boolean;
  handler(input: never): Promise<Answer | StreamAnswer | TextAnswer>;
}

/** One entry of the route table: mounted, documented and tested from the same data. */
export function defineRoute<
  S extends Scope = never,
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(definition: RouteDefinition<S, P, Q, B>): Route {
  return definition;
}

/** Names of the parameters in a path. */
export function pathParameters(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
}
