import type { Request, Response } from "express";
import type { Store, Tx } from "../ports.ts";
import type { Audit, Auditor } from "./audit.ts";
import { hashRequest } from "./idempotency.ts";
import type { Idempotency } from "./idempotency.ts";
import { deviceWords } from "./device-words.ts";
import { identityOf } from "./principal.ts";
import type { Principal } from "./principal.ts";
import type { Answer, Preferences, RequestFacts, UnitAnswer } from "./route.ts";
import type { Sessions } from "./sessions.ts";

const LONGEST_WAIT_SECONDS = 30;

interface Parsed {
  readonly principal: Principal | null;
  readonly key: string | null;
  readonly params: unknown;
  readonly query: unknown;
  readonly bytes: Buffer;
  readonly given: unknown;
  readonly body: unknown;
  readonly secret: string | null;
}

/**
 * What a handler takes, before the route table's types are put on. A class for speed: one is made for each request, and an
 * object literal with a getter costs more than the rest of the way here.
 */
export class HandlerInput implements RequestFacts {
  readonly principal: Principal | null;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly given: unknown;
  readonly requestId: string;
  readonly now: Date;
  readonly prefer: Preferences;
  readonly headers: RequestFacts["headers"];
  readonly unit: <Body>(work: (tx: Tx) => Promise<Answer<Body>>) => Promise<UnitAnswer<Body>>;
  readonly audit: Auditor;
  /** Whether {@link unit} told again what it had told before. */
  isReplayed = false;
  readonly #response: Response;
  readonly #stopping: AbortSignal;
  readonly #sessions: Sessions;

  constructor(
    request: Request,
    response: Response,
    parsed: Parsed,
    deps: {
      readonly store: Store;
      readonly idempotency: Idempotency;
      readonly audit: Audit;
      readonly sessions: Sessions;
      readonly requestId: string;
      readonly now: Date;
      readonly stopping: AbortSignal;
    },
  ) {
    const { principal, key, bytes } = parsed;
    this.principal = principal;
    this.params = parsed.params;
    this.query = parsed.query;
    this.body = parsed.body;
    this.given = parsed.given;
    this.requestId = deps.requestId;
    this.now = deps.now;
    this.prefer = { waitSeconds: waitOf(request.headers["prefer"]) };
    this.headers = {
      idempotencyKey: key,
      lastEventId: lastEventIdOf(request.headers["last-event-id"]),
      secret: parsed.secret,
    };
    this.#response = response;
    this.#stopping = deps.stopping;
    this.#sessions = deps.sessions;
    this.audit = deps.audit({ principal, requestId: deps.requestId, now: deps.now });
    this.unit = async (asked) => {
      const work: typeof asked = (tx) => asked(this.audit.tx(tx));
      if (key === null || principal === null) return plainUnit(deps.store, work);
      const hash = hashRequest(request.method, request.originalUrl, bytes);
      const unit = await deps.idempotency.run({ scope: identityOf(principal), key, hash }, work);
      this.isReplayed = unit.replayed;
      return unit;
    };
  }

  get address(): string {
    return this.#response.req.ip ?? "";
  }

  get browser(): RequestFacts["browser"] {
    const { headers } = this.#response.req;
    return { sessionHash: this.#sessions.hashIn(headers), device: deviceWords(headers["user-agent"]) };
  }

  get signal(): AbortSignal {
    const controller = new AbortController();
    this.#response.once("close", () => controller.abort());
    return AbortSignal.any([controller.signal, this.#stopping]);
  }
}

async function plainUnit<Body>(store: Store, work: (tx: Tx) => Promise<Answer<Body>>): Promise<UnitAnswer<Body>> {
  const { status, body } = await store.write(work);
  return { status, body: body as Body, replayed: false };
}

function waitOf(header: string | string[] | undefined): number | null {
  if (header === undefined) return null;
  const wait = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,5})"?/i.exec(String(header))?.[1];
  return wait === undefined ? null : Math.min(Number(wait), LONGEST_WAIT_SECONDS);
}

function lastEventIdOf(header: string | string[] | undefined): number | null {
  return typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : null;
}
