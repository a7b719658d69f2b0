import { z } from "zod";
import { NEWS_KINDS } from "../../ports-news.ts";
import type { NewsKind, StoredNews } from "../../ports-news.ts";
import type { Store } from "../../ports.ts";
import type { EventSource, StreamEvent } from "../event-stream.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";

/** Of what the lists show that each scope may read. */
const KINDS = {
  admin: NEWS_KINDS,
  agent: ["handoff", "lead", "member"],
} as const satisfies Record<string, readonly NewsKind[]>;

const CHANGES_PER_EVENT = 200;
/** However much happens, a reader is told so often. */
const EVERY_MS = 200;
/** What waits behind a unit of work that still runs is looked for again. */
const AGAIN_MS = 100;
/** Behind one that does not end: the reader is to look for itself, so often. */
const LONGEST_BEHIND_MS = 10_000;

/** A stream of its own begins here: no position is below 0. */
const NEW = -1;

/** What changes in a workspace, live. */
export function workspaceEventRoutes({ store }: { readonly store: Store }): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/events",
      summary: "Server-sent events of a workspace",
      description:
        "`changed` tells in `changes` what to look at again: `{type, id, what, at, …}`, where `type` is `handoff` (with `botId`, `status`, " +
        "`mode`, `destination`), `lead` (`id` is its handoff's), `member` (with `online`, `onlineUntil`), and for admins `delivery` and " +
        "`connection`. Several changes may come as one event. `resync` says that everything may have changed: load the lists, then " +
        "go on listening. It comes first on a new stream, so that nothing falls between the lists and the stream. With `Last-Event-ID` " +
        "(or `?after=`) the stream goes on where it was, without loss or repeats, for a day; after that it begins with `resync`. " +
        "No words and no names are told: those are in what is looked at.",
      tag: "Handoffs",
      scopes: ["admin", "agent"],
      query: z.strictObject({ after: z.coerce.number().int().min(0).optional() }),
      responses: { 200: { description: "A stream of events", contentType: "text/event-stream" } },
      idempotent: false,
      handler({ principal, query, headers }) {
        const of = { workspaceId: principal.workspaceId, kinds: KINDS[principal.scope] };
        return Promise.resolve({ stream: newsSource(store, of, headers.lastEventId ?? query.after ?? NEW) });
      },
    }),
  ];
}

function newsSource(
  store: Store,
  { workspaceId, kinds }: { readonly workspaceId: string; readonly kinds: readonly NewsKind[] },
  afterSeq: number,
): EventSource {
  const calls = atMostEvery(EVERY_MS);
  let behindSince: number | null = null;
  /** Everything up to here has been told, or was not for this reader. */
  let known = 0;

  /** Some news are stored behind a unit that still runs: looked for again, and told without their place after a while. */
  function whileBehind(position: number): StreamEvent[] {
    const now = performance.now();
    behindSince ??= now;
    calls.again(AGAIN_MS);
    if (now - behindSince < LONGEST_BEHIND_MS) return [];
    behindSince = now;
    return [resync(position)];
  }

  return {
    afterSeq,
    async replay(after) {
      const ask = { after: after === NEW ? null : Math.max(after, known), kinds, limit: CHANGES_PER_EVENT };
      const page = await store.read.news(workspaceId, ask);
      known = page.position;
      if (after === NEW || page.isIncomplete) return [resync(page.position)];
      if (page.items.length > 0) {
        behindSince = null;
        return [{ seq: page.position, type: "changed", data: { changes: page.items.map(shown) } }];
      }
      if (page.hasMore) return whileBehind(after);
      behindSince = null;
      return [];
    },
    subscribe(listener) {
      calls.listen(listener);
      const stop = store.onNews(() => calls.now(), workspaceId);
      return () => {
        stop();
        calls.stop();
      };
    },
  };
}

const resync = (position: number): StreamEvent => ({ seq: position, type: "resync", data: {} });

const shown = ({ kind, id, what, at, data }: StoredNews) => ({ ...data, type: kind, id, what, at: at.toISOString() });

/** Passes calls on, the first at once and the rest gathered. */
function atMostEvery(milliseconds: number) {
  let listener: (() => void) | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isDue = false;
  const wait = (forMs: number) => {
    timer = setTimeout(() => {
      timer = null;
      if (isDue) call();
    }, forMs).unref();
  };
  const call = () => {
    if (timer !== null) {
      isDue = true;
      return;
    }
    isDue = false;
    wait(milliseconds);
    listener?.();
  };
  return {
    now: call,
    again(afterMs: number) {
      isDue = true;
      if (timer === null) wait(afterMs);
    },
    listen(heard: () => void) {
      listener = heard;
    },
    stop() {
      listener = null;
      isDue = false;
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
