import Queue from "bull";
import type { Job } from "bull";
import type { Redis } from "ioredis";
import type { Log } from "../ports.ts";
import type { RedisLink } from "../redis/link.ts";
import { nameOf, WakeUp } from "./wake-ups.ts";

/** How many wake-ups are taken at once. They are only passed on: more would only hold more of them back from other processes. */
const AT_ONCE = 4;
/** Taken by a process that died before it passed them on: taken again by another. The sweep has been there long before. */
const LOCK_MS = 5_000;
const CLOSE_WITHIN_MS = 1_000;

/** Carries wake-ups to whichever process takes them. */
export interface WakeUpQueue {
  /**
   * Resolves with false when it is not known to have arrived: then wake the worker here.
   *
   * @param wait milliseconds until it is to arrive
   */
  send(wakeUp: WakeUp, wait?: number): Promise<boolean>;
  /** Begins to take wake-ups, as soon as Redis is there. */
  take(receive: (wakeUp: WakeUp) => void): void;
  close(): Promise<void>;
}

/**
 * Wake-ups over Bull. Each is passed on once Bull has forgotten it: a wake-up that Bull drops as a repeat of this one was sent
 * before that, so what it is about is in the store by the time the worker looks.
 *
 * No job fails, and none is kept: a wake-up that is lost in any way (a process or Redis that dies, FLUSHALL) costs one sweep.
 */
export function createBullQueue({ link, log }: { link: RedisLink; log: Log }): WakeUpQueue {
  let queue: Queue.Queue | null = null;
  let blocking: Redis | null = null;
  let receive: ((wakeUp: WakeUp) => void) | null = null;
  let isClosed = false;
  // Bull begins with questions that fail for good when nobody answers them: so it begins when Redis is there.
  const forget = link.onChange((isUp) => isUp && begin());
  begin();

  function begin(): void {
    if (isClosed || !link.isUp()) return;
    queue ??= open();
    if (receive !== null) work(queue);
  }

  function open(): Queue.Queue {
    const made = new Queue("wake-ups", {
      prefix: `${link.prefix}bull`,
      createClient(type) {
        if (type === "client") return link.commands;
        if (type === "subscriber") return link.connect("listening");
        blocking = link.connect("blocking");
        return blocking;
      },
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
      settings: {
        lockDuration: LOCK_MS,
        stalledInterval: LOCK_MS,
        // A process that dies with a wake-up in hand says nothing against the wake-up.
        maxStalledCount: 1_000_000,
        guardInterval: 1_000,
        retryProcessDelay: 500,
      },
    });
    made.on("error", (error) => {
      // That Redis is away is told by the link, once; this is told each time it was noticed.
      if (link.isUp()) log.debug("wake_up_queue_failed", { error });
    });
    made.on("completed", (job: Job<unknown>) => passOn(job.data));
    return made;
  }

  function work(on: Queue.Queue): void {
    if (working === on) return;
    working = on;
    on.process(AT_ONCE, () => Promise.resolve(null)).catch((error: unknown) => {
      if (!isClosed) log.warn("wake_up_queue_not_begun", { error });
      if (working === on) working = null;
    });
  }
  let working: Queue.Queue | null = null;

  function passOn(data: unknown): void {
    const wakeUp = WakeUp.safeParse(data);
    if (wakeUp.success) receive?.(wakeUp.data);
    else log.warn("wake_up_not_understood");
  }

  return {
    async send(wakeUp, wait) {
      const on = queue;
      if (on === null || isClosed) return false;
      const now = Date.now();
      const name = nameOf(wakeUp);
      const options =
        wait === undefined ? { jobId: name } : { jobId: `${name}@${now + wait}`, timestamp: now, delay: wait };
      try {
        await link.ask(() => on.add(wakeUp, options));
        return true;
      } catch {
        return false;
      }
    },
    take(given) {
      receive = given;
      begin();
    },
    async close() {
      isClosed = true;
      forget();
      if (queue === null) return;
      // Bull would wait for an answer over it, and none comes while it waits for work.
      blocking?.disconnect();
      // What it has taken and not passed on is found by another's sweep: no stop waits for that.
      await Promise.race([queue.close(true).catch(() => null), sleep(CLOSE_WITHIN_MS)]);
    },
  };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref());
