import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Log } from "../ports.ts";
import type { Bus, Hint } from "../ports-bus.ts";
import type { RedisLink } from "../redis/link.ts";

const Id = z.string().min(1).max(200);
const MOST_IDS = 500;
const Time = z.number().int().nonnegative();
const HintSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("conversations"), ids: z.array(Id).max(MOST_IDS) }),
  z.strictObject({ kind: z.literal("news"), ids: z.array(Id).max(MOST_IDS) }),
  z.strictObject({ kind: z.literal("tokens_revoked") }),
  z.strictObject({ kind: z.literal("connection_changed"), connectionId: Id }),
  z.strictObject({ kind: z.literal("connection_mended"), connectionId: Id }),
  z.strictObject({
    kind: z.literal("circuit"),
    connectionId: Id,
    state: z.enum(["down", "limited", "up"]),
    cause: z.enum(["transient", "credentials"]),
    until: Time,
  }),
  z.strictObject({ kind: z.literal("presence_changed"), workspaceId: Id, connectionId: Id }),
  z.strictObject({ kind: z.literal("mark_heard"), connectionId: Id, digest: Id }),
  z.strictObject({ kind: z.literal("quiet"), connectionId: Id, until: Time }),
]);
const Told = z.looseObject({ from: Id, hints: z.array(z.unknown()).max(10_000) });

/**
 * Hints over Redis' publish and subscribe. What is told in one turn of the event loop goes out as one message, each hint once.
 * While Redis is away they are dropped: nobody relies on them.
 */
export function createRedisBus({ link, log }: { link: RedisLink; log: Log }): Bus {
  const me = randomUUID();
  const channel = `${link.prefix}hints`;
  const listeners = new Set<(hint: Hint) => void>();
  const touched = { conversations: new Set<string>(), news: new Set<string>() };
  const others = new Map<string, Hint>();
  let isDue = false;

  const ear = link.connect("listening");
  ear.on("message", (_channel, text) => hear(text));
  // Kept by the connection: asked for once, it is asked for again at every new connection.
  ear.subscribe(channel).catch(() => null);

  function hear(text: string): void {
    const told = Told.safeParse(parsed(text));
    if (!told.success || told.data.from === me) return;
    for (const one of told.data.hints) {
      // A newer process may speak of what this one does not know.
      const hint = HintSchema.safeParse(one);
      if (hint.success) for (const listener of listeners) pass(listener, hint.data);
    }
  }

  function pass(listener: (hint: Hint) => void, hint: Hint): void {
    try {
      listener(hint);
    } catch (error) {
      log.error("hint_not_taken", { kind: hint.kind, error });
    }
  }

  function send(): void {
    isDue = false;
    const hints: Hint[] = [...others.values()];
    for (const kind of ["conversations", "news"] as const) {
      const ids = [...touched[kind]];
      for (let at = 0; at < ids.length; at += MOST_IDS) hints.push({ kind, ids: ids.slice(at, at + MOST_IDS) });
      touched[kind].clear();
    }
    others.clear();
    link.ask((redis) => redis.publish(channel, JSON.stringify({ from: me, hints }))).catch(() => null);
  }

  return {
    tell(hint) {
      if (!link.isUp()) return;
      if (hint.kind === "conversations" || hint.kind === "news") for (const id of hint.ids) touched[hint.kind].add(id);
      else others.set(keyOf(hint), hint);
      if (isDue) return;
      isDue = true;
      setImmediate(send);
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Of several hints with one key the last says it all. */
const keyOf = (hint: Hint): string => {
  const { connectionId = "", digest = "" } = hint as { connectionId?: string; digest?: string };
  return `${hint.kind} ${connectionId} ${digest}`;
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
