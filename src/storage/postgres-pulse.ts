import { Client } from "pg";
import { codeOf, silent } from "./postgres-errors.ts";
import { clientConfig } from "./postgres-pool.ts";
import type { PostgresTiming } from "./postgres-pool.ts";

export interface Pulse {
  /**
   * What `asked` gives. Rejects without waiting for it when it takes long and the server, asked beside it, says nothing either.
   */
  whileAlive<Result>(asked: Promise<Result>): Promise<Result>;
}

/** The server has no place for one more connection: but it speaks. */
const FULL = "53300";

/**
 * Tells a statement that takes its time from a server that is gone without a word: frozen, cut off, lost with its machine. The first
 * is waited for, the second is told to the caller within two seconds (reliability.md P13).
 */
export function createPulse(url: string, timing: PostgresTiming): Pulse {
  let asking: Promise<boolean> | null = null;

  function isAlive(): Promise<boolean> {
    asking ??= ask().finally(() => {
      asking = null;
    });
    return asking;
  }

  async function ask(): Promise<boolean> {
    const withinMs = timing.pulseWithinMs;
    const client = new Client({
      ...clientConfig(url, timing),
      connectionTimeoutMillis: withinMs,
      query_timeout: withinMs,
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("select 1");
      return true;
    } catch (error) {
      return codeOf(error) === FULL;
    } finally {
      client.end().catch(() => undefined);
    }
  }

  return {
    whileAlive(asked) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          void isAlive().then((alive) => (alive ? undefined : reject(silent())));
        }, timing.pulseAfterMs);
        asked.then(resolve, reject).finally(() => clearTimeout(timer));
      });
    },
  };
}
