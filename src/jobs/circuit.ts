import type { FailureKind } from "../domain/delivery.ts";
import type { Circuits, Clock } from "../ports.ts";
import type { CircuitNews } from "../ports-bus.ts";
import { longestBackoffMs } from "./backoff.ts";
import type { JobsTiming } from "./timing.ts";

/** What a call to a connection came to, as far as it tells something about the connection. */
export interface Failure {
  readonly kind: FailureKind;
  /** In words for the admin. */
  readonly message: string;
  readonly retryAfterMs: number | null;
}

/** Leave to call a connection; everything that happens meanwhile is told here. */
export interface Trial {
  /** The far side did what we asked. */
  succeeded(): void;
  failed(failure: Failure): void;
  /** Exactly once, at the end. */
  leave(): void;
}

export interface CircuitEvents {
  opened(connectionId: string, problem: string): void;
  closed(connectionId: string): void;
  /** What other processes should know of it. */
  found?(connectionId: string, news: CircuitNews): void;
}

export interface ConnectionCircuits extends Circuits {
  /**
   * Asks for leave to call a connection.
   *
   * @param options.decides whether it tells that our token is good or bad: reading may be allowed where writing is not, and
   *   the other way round
   * @returns null when it is not to be called now
   */
  enter(connectionId: string, options?: { decides: boolean }): Trial | null;
  /** Before when a connection is not called at all; null when it may be. */
  waitsUntil(connectionId: string): Date | null;
  /** Connections that are not to be called now. */
  paused(): string[];
  /** How many connections are taken to be down. */
  openCount(): number;
  /** What another process found out. Told to nobody: that one has done so. */
  hear(connectionId: string, news: CircuitNews): void;
  /** What is known of it was said of other settings: it is taken to work until it shows otherwise. */
  forget(connectionId: string): void;
}

interface State {
  isOpen: boolean;
  /** Why it was opened last. */
  cause: "transient" | "credentials";
  /** In a row, while closed. */
  failures: number;
  /** Openings in a row. */
  openings: number;
  /** Rate limits in a row. */
  limits: number;
  /** Nothing goes out before this (milliseconds): open, or limited by the far side. */
  until: number;
  isProbing: boolean;
  active: number;
  /** How many may be active at once; grows with each success after a pause, so that nothing is run over. */
  allowed: number;
  told: "nothing" | "up" | "down";
}

/**
 * One circuit per connection.
 *
 * It opens after `circuitFailures` transient failures in a row, whatever lane they came from, and at once when the far side
 * refuses our token. While it is open nothing is sent; after a while one call is let through, and its success closes the
 * circuit. A rate limit pauses the connection without opening it: it is busy, not down. After either, calls are let in one
 * by one more with each success.
 *
 * It is held in memory: after a restart every connection is taken to work until it shows otherwise, and the first success
 * is told as `closed`, so that a problem noted before the restart is taken back.
 */
export function createCircuits(given: {
  clock: Clock;
  timing: JobsTiming;
  random: () => number;
  events: CircuitEvents;
}): ConnectionCircuits {
  const { timing, random, events } = given;
  const states = new Map<string, State>();
  const now = () => given.clock().getTime();

  function stateOf(id: string): State {
    const known = states.get(id);
    if (known) return known;
    const fresh: State = {
      isOpen: false,
      cause: "transient",
      failures: 0,
      openings: 0,
      limits: 0,
      until: 0,
      isProbing: false,
      active: 0,
      allowed: Number.POSITIVE_INFINITY,
      told: "nothing",
    };
    states.set(id, fresh);
    return fresh;
  }

  const isPaused = (state: State) => now() < state.until || (state.isOpen && state.isProbing);

  function open(id: string, state: State, failure: Failure): void {
    const cause = failure.kind === "credentials" ? "credentials" : "transient";
    const isNews = !state.isOpen || state.cause !== cause;
    state.openings = isNews ? 1 : state.openings + 1;
    const bounds = { baseMs: timing.circuitOpenMs, capMs: timing.circuitOpenCapMs };
    const wait = cause === "credentials" ? timing.credentialsProbeMs : longestBackoffMs(state.openings, bounds);
    const jittered = Math.ceil(wait * (1 - random() / 4));
    Object.assign(state, { isOpen: true, cause, failures: 0, allowed: 1 });
    state.until = Math.max(state.until, now() + Math.max(jittered, failure.retryAfterMs ?? 0));
    state.told = "down";
    if (isNews) events.opened(id, failure.message);
    events.found?.(id, { state: "down", cause, until: state.until });
  }

  function close(id: string, state: State): void {
    if (state.isOpen) events.found?.(id, { state: "up", cause: state.cause, until: 0 });
    Object.assign(state, { isOpen: false, failures: 0, openings: 0 });
    if (state.told === "up") return;
    state.told = "up";
    events.closed(id);
  }

  function limit(id: string, state: State, failure: Failure): void {
    state.limits += 1;
    const growing = longestBackoffMs(state.limits, { baseMs: timing.rateLimitMs, capMs: timing.rateLimitCapMs });
    state.until = Math.max(state.until, now() + (failure.retryAfterMs ?? growing));
    state.allowed = 1;
    events.found?.(id, { state: "limited", cause: state.cause, until: state.until });
  }

  function hear(id: string, { state: found, cause, until }: CircuitNews): void {
    const state = stateOf(id);
    if (found === "up") {
      if (state.isOpen) Object.assign(state, { isOpen: false, failures: 0, openings: 0, until: 0, told: "up" });
      return;
    }
    // A clock that runs ahead elsewhere must not hold it up for longer than any far side may ask.
    state.until = Math.max(state.until, Math.min(until, now() + timing.retryAfterCapMs));
    state.allowed = 1;
    if (found === "limited" || state.isOpen) return;
    // Told as down, so that the probe which succeeds here tells that it is up, should the other have died.
    Object.assign(state, { isOpen: true, cause, failures: 0, openings: 1, told: "down" });
  }

  function trial(id: string, state: State, given: { isProbe: boolean; decides: boolean }): Trial {
    let isProbe = given.isProbe;
    const probed = () => {
      if (isProbe) state.isProbing = false;
      isProbe = false;
    };
    return {
      succeeded() {
        if (state.isOpen && state.cause === "credentials" && !isProbe) return;
        probed();
        if (state.isOpen) state.until = 0;
        state.failures = 0;
        state.limits = 0;
        if (state.allowed >= timing.lanesPerGroup) state.allowed = Number.POSITIVE_INFINITY;
        else state.allowed += 1;
        close(id, state);
      },
      failed(failure) {
        const counts = !state.isOpen || isProbe; // what began before the circuit opened tells nothing new
        probed();
        if (failure.kind === "rate_limited") {
          // An answer, so it is not down; whether it likes our token is not known.
          if (state.isOpen && state.cause === "transient" && counts) close(id, state);
          limit(id, state, failure);
        } else if (failure.kind === "credentials") {
          if (given.decides && counts) open(id, state, failure);
          else if (state.isOpen && !given.decides) state.until = now() + timing.credentialsProbeMs;
        } else if (failure.kind === "transient" && counts) {
          state.failures += 1;
          if (state.isOpen || state.failures >= timing.circuitFailures) open(id, state, failure);
        }
      },
      leave() {
        probed();
        state.active -= 1;
      },
    };
  }

  return {
    hear,
    // Once a probe is due and nothing is there to be the probe, a new handoff may be it.
    isDown(id) {
      const state = states.get(id);
      return state !== undefined && state.isOpen && isPaused(state);
    },
    enter(id, { decides } = { decides: true }) {
      const state = stateOf(id);
      if (isPaused(state)) return null;
      if (!state.isOpen && state.active >= state.allowed) return null;
      state.active += 1;
      // What only reads goes on reading beside the probe: whether it succeeds says nothing of a token that may not write.
      const isProbe = state.isOpen && (decides || state.cause === "transient");
      if (isProbe) state.isProbing = true;
      return trial(id, state, { isProbe, decides });
    },
    waitsUntil(id) {
      const until = states.get(id)?.until ?? 0;
      return now() < until ? new Date(until) : null;
    },
    paused: () => [...states].filter(([, state]) => isPaused(state)).map(([id]) => id),
    openCount: () => [...states.values()].filter(({ isOpen }) => isOpen).length,
    // Who is under way still holds the old state, and what they tell of it changes nothing any more.
    forget: (id) => void states.delete(id),
  };
}
