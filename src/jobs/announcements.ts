import type { Duties, Log } from "../ports.ts";
import type { CircuitEvents } from "./circuit.ts";

export interface Announcements extends CircuitEvents {
  /** Resolves when everything told until now has been taken in. */
  settled(): Promise<void>;
}

/** Tells the duties when a connection goes down and up: for each connection one after the other, never both at once. */
export function createAnnouncements({ duties, log }: { duties: Duties; log: Log }): Announcements {
  const last = new Map<string, Promise<void>>();

  function tell(connectionId: string, what: string, act: () => Promise<void>): void {
    const told = inTurn(last.get(connectionId), act).catch((error: unknown) => {
      log.error(`${what}_not_told`, { connectionId, error });
    });
    last.set(connectionId, told);
  }

  return {
    opened(connectionId, problem) {
      log.warn("connection_down", { connectionId });
      tell(connectionId, "connection_down", () => duties.connectionDown(connectionId, problem));
    },
    closed(connectionId) {
      log.info("connection_up", { connectionId });
      tell(connectionId, "connection_up", () => duties.connectionUp(connectionId));
    },
    async settled() {
      await Promise.all(last.values());
    },
  };
}

async function inTurn(before: Promise<void> | undefined, act: () => Promise<void>): Promise<void> {
  await before;
  await act();
}
