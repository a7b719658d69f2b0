import type { ServerResponse } from "node:http";
import { HandoffError } from "../domain/errors.ts";
import type { MemberRole } from "../domain/member-role.ts";
import type { Clock, Log } from "../ports.ts";
import { identityOf } from "./principal.ts";
import type { Principal, Scope } from "./principal.ts";
import { sendHead } from "./respond.ts";

const HEARTBEAT_MS = 15_000;
const TICK_MS = 1_000;
/** A reader that takes nothing for so long is cut off; it resumes by Last-Event-ID. */
const LONGEST_STALL_MS = 30_000;
/** When the server stops: for readers of the last words, and until they come back. Browsers alone would wait three seconds. */
const LAST_WORDS_MS = 1_000;
const RETRY_MS = 1_000;

const PER_PRINCIPAL: Readonly<Record<Scope, number>> = {
  operator: 10,
  admin: 500,
  agent: 50,
  installation: 1,
  // A bot's own server may read for all of its visitors.
  bot: 10_000,
  visitor: 8,
};

export interface StreamEvent {
  /** Grows within the stream; becomes the event's id. */
  readonly seq: number;
  readonly type: string;
  /** Told as JSON. */
  readonly data: unknown;
}

/** Where a stream's events come from. */
export interface EventSource {
  /** The last event that the reader has. */
  readonly afterSeq: number;
  /** The next events after `afterSeq`, ascending, a page of them; [] when there are no more yet. */
  replay(afterSeq: number): Promise<readonly StreamEvent[]>;
  /** Calls back when there may be more: a hint, may come for nothing and twice. Returns the way to stop. */
  subscribe(listener: () => void): () => void;
}

export interface EventStreams {
  /**
   * Answers with server-sent events until the reader goes, the token ends, or {@link EventStreams.closeAll}.
   *
   * Events are read from the source page by page, the next page only once the reader has taken this one: what a slow reader
   * has not taken waits in the database, not in memory.
   *
   * @throws HandoffError `too_many_requests`, `overloaded` at the caps; whatever the first replay throws
   */
  open(response: ServerResponse, principal: Principal, source: EventSource): Promise<void>;
  closeAll(): void;
  readonly count: () => number;
}

export interface EventStreamOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly isRevoked: (tokenId: string) => boolean;
  /** The roles of those whose sessions still stand, by session. */
  readonly rolesOf: (sessionIds: readonly string[]) => Promise<ReadonlyMap<string, MemberRole>>;
  readonly heartbeatMs?: number;
  readonly tickMs?: number;
  readonly longestStallMs?: number;
  /** Open at once, whoever reads. */
  readonly most: number;
}

interface OpenStream {
  readonly response: ServerResponse;
  readonly principal: Principal;
  readonly source: EventSource;
  after: number;
  isPumping: boolean;
  isDirty: boolean;
  lastWriteAt: number;
  /** Since when the reader has taken nothing; null while it takes. */
  stalledSince: number | null;
}

export function createEventStreams(options: EventStreamOptions): EventStreams {
  const { heartbeatMs = HEARTBEAT_MS, longestStallMs = LONGEST_STALL_MS } = options;
  const streams = new Set<OpenStream>();
  const perIdentity = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  async function open(response: ServerResponse, principal: Principal, source: EventSource): Promise<void> {
    if (response.destroyed) return;
    const identity = identityOf(principal);
    const held = perIdentity.get(identity) ?? 0;
    if (held >= PER_PRINCIPAL[principal.scope]) {
      throw new HandoffError("too_many_requests", "Too many event streams are open with this token", {
        retryAfterSeconds: 30,
      });
    }
    if (streams.size >= options.most) throw new HandoffError("overloaded", "Too many event streams are open");
    const stream: OpenStream = {
      response,
      principal,
      source,
      after: source.afterSeq,
      isPumping: false,
      isDirty: false,
      lastWriteAt: Date.now(),
      stalledSince: null,
    };
    streams.add(stream);
    perIdentity.set(identity, held + 1);
    timer ??= startTimer();
    // Subscribed before the first look, so that nothing falls between the two.
    const unsubscribe = source.subscribe(() => void pump(stream));
    const forget = () => {
      unsubscribe();
      if (!streams.delete(stream)) return;
      const left = (perIdentity.get(identity) ?? 1) - 1;
      if (left === 0) perIdentity.delete(identity);
      else perIdentity.set(identity, left);
      if (streams.size === 0) stopTimer();
    };
    response.once("close", forget);
    try {
      // The first page is read before the head is sent: a store that is away is still told as a 503.
      stream.isPumping = true;
      const first = await source.replay(stream.after);
      if (isOver(stream)) return;
      sendHead(response, 200, {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store, no-transform",
        "X-Accel-Buffering": "no",
      });
      response.write(": open\n\n");
      await send(stream, first);
      stream.isPumping = false;
      void pump(stream);
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** Sends what there is; what is announced meanwhile is looked for again at the end. */
  async function pump(stream: OpenStream): Promise<void> {
    if (stream.isPumping) {
      stream.isDirty = true;
      return;
    }
    stream.isPumping = true;
    try {
      do {
        stream.isDirty = false;
        let page: readonly StreamEvent[];
        do {
          page = isOver(stream) ? [] : await stream.source.replay(stream.after);
          await send(stream, page);
        } while (page.length > 0);
      } while (stream.isDirty);
    } catch (error) {
      options.log.warn("event_stream_broken", { error });
      stream.response.destroy();
    } finally {
      stream.isPumping = false;
    }
  }

  async function send(stream: OpenStream, events: readonly StreamEvent[]): Promise<void> {
    for (const event of events) {
      if (isOver(stream)) return;
      stream.lastWriteAt = Date.now();
      const data = JSON.stringify(event.data);
      const isTaken = stream.response.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${data}\n\n`);
      stream.after = event.seq;
      if (!isTaken) await drained(stream);
    }
  }

  let isAsking = false;
  /** A stream is opened once: whether its reader is still signed in, and as what they were then, is asked on and on. */
  function askForSessions(): void {
    const bySession = [...streams].filter(({ principal }) => principal.role !== undefined);
    if (bySession.length === 0 || isAsking) return;
    isAsking = true;
    const ids = new Set(bySession.map(({ principal }) => principal.tokenId));
    const look = async () => {
      const roles = await options.rolesOf([...ids]);
      for (const { principal, response } of bySession)
        if (roles.get(principal.tokenId) !== principal.role) end(response, "session ended");
    };
    look()
      .catch((error: unknown) => options.log.warn("sessions_not_read", { error }))
      .finally(() => {
        isAsking = false;
      });
  }

  function tick(): void {
    const now = Date.now();
    askForSessions();
    for (const stream of streams) {
      const { principal, response } = stream;
      if (principal.expiresAt <= options.clock() || options.isRevoked(principal.tokenId)) end(response, "token ended");
      else if (stream.stalledSince !== null && now - stream.stalledSince >= longestStallMs) response.destroy();
      else if (stream.stalledSince === null && now - stream.lastWriteAt >= heartbeatMs && response.headersSent) {
        stream.lastWriteAt = now;
        if (!response.write(": still here\n\n")) void drained(stream);
      }
    }
  }

  function startTimer(): NodeJS.Timeout {
    return setInterval(tick, options.tickMs ?? TICK_MS).unref();
  }

  function stopTimer(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    open,
    closeAll() {
      for (const { response } of streams) end(response, "server stops, connect again", RETRY_MS);
      // Who takes nothing would hold up the stop: they resume where they are.
      setTimeout(() => {
        for (const { response } of streams) response.destroy();
      }, LAST_WORDS_MS).unref();
    },
    count: () => streams.size,
  };
}

const isOver = ({ response }: OpenStream) => response.destroyed || response.writableEnded;

/** @param retryMs how long the reader is to wait before it connects again; absent: as it likes */
function end(response: ServerResponse, why: string, retryMs?: number): void {
  const hint = retryMs === undefined ? "" : `retry: ${retryMs}\n`;
  if (response.headersSent) response.end(`${hint}: ${why}\n\n`);
  else response.destroy();
}

/** Resolves when the reader has taken everything, or is gone. */
function drained(stream: OpenStream): Promise<void> {
  const { response } = stream;
  stream.stalledSince ??= Date.now();
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      stream.stalledSince = null;
      resolve();
    };
    response.once("drain", done).once("close", done);
  });
}
