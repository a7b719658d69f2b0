import { readFileSync } from "node:fs";

export interface ConnectionLimits {
  readonly connections: number;
  /** Of those, what event streams may take, so that there is always room to ask something. */
  readonly streams: number;
}

/** Memory is what bounds them: an open stream takes some 25 KB, ten thousand of them a quarter of a gigabyte. */
const MOST: ConnectionLimits = { connections: 20_000, streams: 15_000 };
/** Files that are no caller's connection: the store, helpdesks, logs. */
const OTHER_FILES = 512;
const LEAST = 128;

/**
 * How many connections are taken at once. Each is a file to the system: with more callers than files nothing else could be
 * opened either, so where the system allows fewer (`ulimit -n`; Node takes what it may get), fewer are taken.
 *
 * @param limits the text of /proc/self/limits; null where there is none
 */
export function connectionLimits(limits: string | null = ownLimits()): ConnectionLimits {
  const files = Number(/^Max open files +(\d+)/m.exec(limits ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  const connections = Math.max(Math.min(MOST.connections, files - OTHER_FILES), LEAST);
  return { connections, streams: Math.min(MOST.streams, Math.floor(connections * 0.75)) };
}

function ownLimits(): string | null {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return null;
  }
}
