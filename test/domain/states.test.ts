import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isOpenStatus, modeAfter, nextStatus, printTransitions } from "../../src/domain/states.ts";
import type { HandoffEvent, HandoffStatus } from "../../src/domain/states.ts";

describe("the states of a handoff", () => {
  // design.md section 5, cell by cell; null: cannot happen there.
  test.each<[HandoffStatus, HandoffEvent, HandoffStatus | null]>([
    ["pending", "accepted", "acknowledged"],
    ["pending", "released", null],
    ["pending", "missed", "pending"],
    ["pending", "lead_submitted", "pending"],
    ["pending", "resolved", "resolved"],
    ["pending", "cancelled", "cancelled"],
    ["acknowledged", "accepted", "acknowledged"],
    ["acknowledged", "released", "pending"],
    ["acknowledged", "missed", null],
    ["acknowledged", "lead_submitted", "acknowledged"],
    ["acknowledged", "resolved", "resolved"],
    ["acknowledged", "cancelled", "cancelled"],
    ["resolved", "accepted", null],
    ["resolved", "released", null],
    ["resolved", "missed", null],
    ["resolved", "lead_submitted", null],
    ["resolved", "resolved", null],
    ["resolved", "cancelled", null],
    ["cancelled", "accepted", null],
    ["cancelled", "released", null],
    ["cancelled", "missed", null],
    ["cancelled", "lead_submitted", null],
    ["cancelled", "resolved", null],
    ["cancelled", "cancelled", null],
  ])("%s, %s: %s", (from, event, to) => {
    expect(nextStatus(from, event)).toBe(to);
  });

  test("can be printed", () => {
    expect(printTransitions()).toBe(
      [
        "event          pending        acknowledged   resolved       cancelled",
        "accepted       acknowledged   acknowledged   -              -",
        "released       -              pending        -              -",
        "missed         pending        -              -              -",
        "lead_submitted pending        acknowledged   -              -",
        "resolved       resolved       resolved       -              -",
        "cancelled      cancelled      cancelled      -              -",
      ].join("\n"),
    );
  });

  test.each<[HandoffStatus, boolean]>([
    ["pending", true],
    ["acknowledged", true],
    ["resolved", false],
    ["cancelled", false],
  ])("%s occupies its conversation: %s", (status, occupies) => {
    expect(isOpenStatus(status)).toBe(occupies);
  });

  test("only a missed one becomes a lead, and a lead never becomes live again", () => {
    const events: HandoffEvent[] = ["accepted", "released", "lead_submitted", "resolved", "cancelled"];
    expect(events.map((event) => modeAfter("live", event))).toEqual(["live", "live", "live", "live", "live"]);
    expect(events.map((event) => modeAfter("lead", event))).toEqual(["lead", "lead", "lead", "lead", "lead"]);
    expect([modeAfter("live", "missed"), modeAfter("lead", "missed")]).toEqual(["lead", "lead"]);
  });
});

/** The statuses that a new handoff goes through; what cannot happen is ignored. */
const walk = (events: readonly HandoffEvent[]) => {
  const seen: HandoffStatus[] = ["pending"];
  for (const one of events) seen.push(nextStatus(seen.at(-1)!, one) ?? seen.at(-1)!);
  return seen;
};

describe("any sequence of events", () => {
  const event = fc.constantFrom<HandoffEvent>(
    "accepted",
    "released",
    "missed",
    "lead_submitted",
    "resolved",
    "cancelled",
  );
  test("never leaves resolved or cancelled", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const seen = walk(events);
        const ended = seen.findIndex((status) => status === "resolved" || status === "cancelled");
        const after = ended === -1 ? [] : seen.slice(ended);
        expect(new Set(after).size).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("ends with the first resolved or cancelled in it, and stays open without one", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const end = events.find((one) => one === "resolved" || one === "cancelled");
        const last = walk(events).at(-1)!;
        expect(end === undefined ? ["pending", "acknowledged"] : [end]).toContain(last);
      }),
    );
  });

  test("an agent who accepted and was not released has it", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const held = events.findLast((one) => one === "accepted" || one === "released") === "accepted";
        const ended = events.includes("resolved") || events.includes("cancelled");
        expect(walk(events).at(-1) === "acknowledged").toBe(held && !ended);
      }),
    );
  });
});
