import type { Bus, Quiet } from "../ports-bus.ts";

/** What is kept is a time each; a connection that nobody asks any more costs nothing else. */
const MOST_KEPT = 10_000;

/** Tells the other processes when a helpdesk has asked to be left alone, and keeps what they tell. */
export function createQuiets(bus: Bus): (connectionId: string) => Quiet {
  const until = new Map<string, number>();
  bus.listen((hint) => {
    if (hint.kind !== "quiet") return;
    if (until.size >= MOST_KEPT) until.clear();
    until.set(hint.connectionId, Math.max(hint.until, until.get(hint.connectionId) ?? 0));
  });
  return (connectionId) => ({
    until: () => until.get(connectionId) ?? 0,
    tell: (instant) => bus.tell({ kind: "quiet", connectionId, until: instant }),
  });
}
