import { Redis } from "ioredis";
import type { RedisOptions } from "ioredis";
import type { Log } from "../ports.ts";

/** What is asked of Redis may take this long before it counts as away. Generous for a network, short for who waits. */
const PATIENCE_MS = 250;
const PING_EVERY_MS = 1_000;
const PING_WITHIN_MS = 1_000;
/** A connection over which nothing comes although something was asked: the machine at its other end is gone without a word. */
const SILENCE_MS = 10_000;
const CONNECT_WITHIN_MS = 2_000;
const CLOSE_WITHIN_MS = 500;

/** Redis did not do what it was asked: it is away, or too slow to be waited for. */
export class RedisAway extends Error {
  override readonly name = "RedisAway";
  constructor() {
    super("Redis does not answer");
  }
}

/** How a further connection is used: `blocking` waits for work, `listening` takes in what is published. */
export type ConnectionUse = "blocking" | "listening";

/** The way to Redis, which may be away at any moment. Nothing here throws for that but {@link RedisLink.ask}. */
export interface RedisLink {
  /** The connection for commands. Refuses them at once while there is none. */
  readonly commands: Redis;
  /** Begins each key and channel of this installation. */
  readonly prefix: string;
  /** Whether it answers, as far as is known: what it is asked next may still fail. */
  isUp(): boolean;
  /** Called whenever that changes. Returns the way to stop listening. */
  onChange(listener: (isUp: boolean) => void): () => void;
  /** Rejects with RedisAway, at once when Redis is known to be away, else within a quarter of a second. */
  ask<Result>(question: (redis: Redis) => Promise<Result>): Promise<Result>;
  /** A connection of its own, which mends itself. Closed with the link. */
  connect(use: ConnectionUse): Redis;
  close(): Promise<void>;
}

export interface RedisLinkSettings {
  readonly url: string;
  /** Keeps installations apart that share one Redis. */
  readonly prefix: string;
  readonly log: Log;
}

/**
 * Connects to Redis, and goes on trying for as long as it takes: nothing waits for that, and nothing fails without it.
 *
 * What goes wrong is logged once when it begins and once when it ends. The URL, which may hold a password, is in no line.
 */
export function openRedis({ url, prefix, log }: RedisLinkSettings): RedisLink {
  const shared: RedisOptions = {
    connectTimeout: CONNECT_WITHIN_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), 1_000),
    // Redis is loading, or has become a copy of another: it is asked again at a new connection.
    reconnectOnError: (error) => /^(?:READONLY|LOADING)/.test(error.message),
    connectionName: "baton",
  };
  const commands = quiet(
    new Redis(url, {
      ...shared,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      commandTimeout: PING_WITHIN_MS,
    }),
  );
  const others: { readonly use: ConnectionUse; readonly redis: Redis }[] = [];
  const listeners = new Set<(isUp: boolean) => void>();
  let answers = false;
  let isClosed = false;

  const isUp = () => answers && commands.status === "ready" && !isClosed;
  function heard(now: boolean): void {
    if (now === answers || isClosed) return;
    answers = now;
    if (now) log.info("redis_up");
    else log.warn("redis_away");
    for (const listener of listeners) listener(now);
  }

  async function ping(): Promise<void> {
    try {
      await within(commands.ping(), PING_WITHIN_MS);
      heard(commands.status === "ready");
    } catch {
      heard(false);
    }
  }

  // Unheard, an error of a connection ends the process; that it broke is told by what follows.
  commands.on("error", () => heard(false));
  commands.on("close", () => heard(false));
  commands.on("ready", () => void ping());
  const pinging = setInterval(() => {
    if (commands.status === "ready") void ping();
    // Over a connection that only listens nothing would ever be missed.
    for (const { use, redis } of others)
      if (use === "listening" && redis.status === "ready") redis.ping().catch(() => null);
  }, PING_EVERY_MS);
  pinging.unref();

  return {
    commands,
    prefix,
    isUp,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async ask(question) {
      if (!isUp()) throw new RedisAway();
      try {
        return await within(question(commands), PATIENCE_MS);
      } catch (error) {
        // One that is slow is left alone until it answers a ping: what follows must not wait as long, one by one.
        if (error instanceof RedisAway) heard(false);
        throw new RedisAway();
      }
    },
    connect(use) {
      const made = quiet(new Redis(url, { ...shared, maxRetriesPerRequest: null, enableReadyCheck: false }));
      made.on("error", () => {});
      others.push({ use, redis: made });
      return made;
    },
    async close() {
      isClosed = true;
      clearInterval(pinging);
      listeners.clear();
      for (const { redis } of others) redis.disconnect();
      if (commands.status === "ready") await within(commands.quit(), CLOSE_WITHIN_MS).catch(() => null);
      commands.disconnect();
    },
  };
}

/**
 * A connection subscribes and selects again by itself when it is made anew, and nobody hears when that fails because it broke
 * once more: unheard, it ends the process. Who sends a command still hears how it ended.
 */
function quiet(redis: Redis): Redis {
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    command.promise.catch(() => null);
    return send(command, stream);
  };
  return redis;
}

async function within<Result>(work: Promise<Result>, ms: number): Promise<Result> {
  // It may fail long after anybody waits for it.
  work.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new RedisAway()), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
