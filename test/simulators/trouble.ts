export type RequestMatch = (method: string, path: string) => boolean;

/** What to do to one request. `before`: nothing is done for it; `after`: the work is done, the answer is not given. */
export type Mischief =
  | { kind: "answer" | "answer_after"; status: number; headers: Record<string, string>; body: unknown }
  | { kind: "reset_before" }
  | { kind: "hang_after" }
  | { kind: "destroy_after" }
  | { kind: "late"; ms: number }
  | { kind: "html" };

interface Rule {
  left: number;
  match: RequestMatch;
  mischief: Mischief;
}

export interface FailOptions<Status extends number> {
  match?: RequestMatch;
  status: Status;
  headers?: Record<string, string>;
  body?: unknown;
}

const everything: RequestMatch = () => true;

/** What a vendor's server says with each status that it can be told to fail with, unless told otherwise. */
export type UsualBodies<Status extends number> = Record<Status, { type: string; body: string }>;

export const proxyPage = (title: string): { type: string; body: string } => ({
  type: "text/html",
  body: `<html>\n<head><title>${title}</title></head>\n</html>\n`,
});

/** Faults of the API side. Rules are used up in the order they were given; requests that match none are served well. */
export function createApiTrouble<Status extends number>(usualBody: UsualBodies<Status>) {
  let rules: Rule[] = [];
  let slowness: { ms: number; match: RequestMatch } | null = null;
  const add = (left: number, match: RequestMatch | undefined, mischief: Mischief) => {
    if (left > 0) rules.push({ left, match: match ?? everything, mischief });
  };
  const answerOf = (kind: "answer" | "answer_after", { status, headers, body }: FailOptions<Status>): Mischief => {
    const usual = usualBody[status];
    const type = body === undefined ? usual.type : "application/json; charset=utf-8";
    return { kind, status, headers: { "content-type": type, ...headers }, body: body ?? usual.body };
  };
  return {
    /** The next n matching requests get this status and nothing is done for them. */
    failNext(n: number, how: FailOptions<Status>): void {
      add(n, how.match, answerOf("answer", how));
    },
    /** The work is done, and this status is answered all the same. */
    failAfterDoingTheWork(n: number, how: FailOptions<Status>): void {
      add(n, how.match, answerOf("answer_after", how));
    },
    /** The work is done; then the caller waits in vain ("hang") or finds the connection cut ("destroy"). */
    timeoutAfterDoingTheWork(n: number, match?: RequestMatch, how: "hang" | "destroy" = "hang"): void {
      add(n, match, { kind: how === "hang" ? "hang_after" : "destroy_after" });
    },
    /** The connection is cut and nothing is done. */
    resetBeforeWork(n: number, match?: RequestMatch): void {
      add(n, match, { kind: "reset_before" });
    },
    /** The caller gets no answer, and the work is done only this long afterwards: a commit after the time-out. */
    commitLate(n: number, ms: number, match?: RequestMatch): void {
      add(n, match, { kind: "late", ms });
    },
    /** A proxy's page, 200, HTML; nothing is done. */
    htmlAnswer(n: number, match?: RequestMatch): void {
      add(n, match, { kind: "html" });
    },
    /** Every matching request waits this long first; 0 ends it. */
    slow(ms: number, match?: RequestMatch): void {
      slowness = ms > 0 ? { ms, match: match ?? everything } : null;
    },
    /** Ends all trouble of the API side, except being down. */
    reset(): void {
      rules = [];
      slowness = null;
    },
    delayFor: (method: string, path: string): number => (slowness?.match(method, path) ? slowness.ms : 0),
    take(method: string, path: string): Mischief | null {
      const rule = rules.find((item) => item.match(method, path));
      if (!rule) return null;
      rule.left -= 1;
      if (rule.left === 0) rules = rules.filter((item) => item !== rule);
      return rule.mischief;
    },
  };
}

export interface WebhookTrouble {
  takeDrop(): boolean;
  isDuplicating(): boolean;
  /** Calls back when the delivery may be made: at once, later, or after others that happened later. */
  hold(release: () => void): void;
}

const shuffleWindowMs = 20;
const shuffleWindowSize = 6;

/** Faults of the webhook side. */
export function createWebhookTrouble() {
  let drops = 0;
  let duplicating = false;
  let delayMs = 0;
  let random: (() => number) | null = null;
  let window: (() => void)[] = [];
  const timers = new Set<NodeJS.Timeout>();

  const later = (ms: number, act: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  };

  function flush(): void {
    const batch = window;
    window = [];
    while (batch.length > 0) {
      const index = random ? Math.floor(random() * batch.length) : 0;
      for (const release of batch.splice(index, 1)) release();
    }
  }

  return {
    /** Every webhook is sent a second time, with a new delivery id (issue 11901). */
    duplicateWebhooks: (on: boolean) => void (duplicating = on),
    /** Webhooks that fall within a few milliseconds leave in an order drawn from the seed; null ends it. */
    reorderWebhooks(seed: number | null): void {
      random = seed === null ? null : seeded(seed);
      if (random === null) flush();
    },
    /** The next n are lost, or with true all of them until false. */
    dropWebhooks: (n: number | boolean) => void (drops = n === true ? Infinity : Number(n)),
    delayWebhooks: (ms: number) => void (delayMs = ms),
    reset(): void {
      drops = 0;
      duplicating = false;
      delayMs = 0;
      random = null;
      flush();
    },
    takeDrop(): boolean {
      if (drops <= 0) return false;
      drops -= 1;
      return true;
    },
    isDuplicating: () => duplicating,
    hold(release: () => void): void {
      const proceed = () => {
        if (!random) {
          release();
          return;
        }
        window.push(release);
        if (window.length >= shuffleWindowSize) flush();
        else if (window.length === 1) later(shuffleWindowMs, flush);
      };
      if (delayMs > 0) later(delayMs, proceed);
      else proceed();
    },
    stop(): void {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

/** A small deterministic generator (mulberry32): the same seed shuffles the same way on every machine. */
function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What the HTTP side asks of it. */
export type ApiTrouble = Pick<ReturnType<typeof createApiTrouble<number>>, "delayFor" | "take">;
export type WebhookTroubles = ReturnType<typeof createWebhookTrouble>;
