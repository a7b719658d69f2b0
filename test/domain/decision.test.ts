import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide } from "../../src/domain/decision.ts";
import type { Candidate, DecisionInput } from "../../src/domain/decision.ts";

const OPENS = new Date("2026-11-23T07:00:00Z");
const CLOSES = new Date("2026-11-20T16:00:00Z");

const desk: Candidate = { destination: "con_1", presenceRequired: false, online: null, down: false };

/** Everything as it must be for a live handoff, within opening hours. */
const open: DecisionInput = {
  enabled: true,
  trigger: "both",
  neverAvailable: false,
  agentsAvailable: true,
  queueLimit: 0,
  asker: "visitor",
  alreadyOpen: false,
  schedule: { open: true, opensAt: OPENS, closesAt: CLOSES },
  candidates: [desk],
  pendingCount: 0,
};

type Change = (input: DecisionInput) => DecisionInput;
const everyCandidate =
  (more: Partial<Candidate>): Change =>
  (input) => ({ ...input, candidates: input.candidates.map((one) => ({ ...one, ...more })) });

/** The rows of design.md section 3, in their order: what makes each true, and the answer. */
const rows: readonly {
  because: string;
  when: Change;
  outcome: string;
  opensAt: Date | null;
  closesAt: Date | null;
}[] = [
  {
    because: "disabled",
    when: (input) => ({ ...input, enabled: false }),
    outcome: "declined",
    opensAt: null,
    closesAt: null,
  },
  {
    because: "trigger_off",
    when: (input) => ({ ...input, trigger: "button", asker: "bot" }),
    outcome: "declined",
    opensAt: null,
    closesAt: null,
  },
  {
    because: "already_open",
    when: (input) => ({ ...input, alreadyOpen: true }),
    outcome: "live",
    opensAt: null,
    closesAt: CLOSES,
  },
  {
    because: "never_available",
    when: (input) => ({ ...input, neverAvailable: true }),
    outcome: "lead",
    opensAt: null,
    closesAt: null,
  },
  {
    because: "agents_unavailable",
    when: (input) => ({ ...input, agentsAvailable: false }),
    outcome: "lead",
    opensAt: OPENS,
    closesAt: null,
  },
  {
    because: "outside_schedule",
    when: (input) => ({ ...input, schedule: { ...input.schedule, open: false } }),
    outcome: "lead",
    opensAt: OPENS,
    closesAt: null,
  },
  {
    because: "no_agent_online",
    when: everyCandidate({ presenceRequired: true, online: 0 }),
    outcome: "lead",
    opensAt: OPENS,
    closesAt: null,
  },
  {
    because: "queue_full",
    when: (input) => ({ ...input, queueLimit: 3, pendingCount: 3 }),
    outcome: "lead",
    opensAt: OPENS,
    closesAt: null,
  },
  {
    because: "helpdesk_unreachable",
    when: everyCandidate({ down: true }),
    outcome: "lead",
    opensAt: OPENS,
    closesAt: null,
  },
  { because: "open", when: (input) => input, outcome: "live", opensAt: null, closesAt: CLOSES },
];

describe("the decision", () => {
  test.each(rows)("$because: $outcome", ({ because, when, outcome, opensAt, closesAt }) => {
    const destinations = because === "open" ? ["con_1"] : [];
    expect(decide(when(open))).toEqual({ outcome, because, opensAt, closesAt, destinations });
  });

  const pairs = rows.flatMap((earlier, index) => rows.slice(index + 1).map((later) => ({ earlier, later })));
  test.each(pairs)("$earlier.because comes before $later.because", ({ earlier, later }) => {
    expect(decide(later.when(earlier.when(open))).because).toBe(earlier.because);
    expect(decide(earlier.when(later.when(open))).because).toBe(earlier.because);
  });

  test("with everything true at once the first row answers; without it the second, and so to the end", () => {
    const answers = rows.map((_, first) => {
      const input = rows.slice(first).reduce((so, row) => row.when(so), open);
      return decide(input).because;
    });
    expect(answers).toEqual([
      "disabled",
      "trigger_off",
      "already_open",
      "never_available",
      "agents_unavailable",
      "outside_schedule",
      "no_agent_online",
      "queue_full",
      "helpdesk_unreachable",
      "open",
    ]);
  });
});

describe("who may ask", () => {
  test.each([
    ["both", "visitor", "open"],
    ["both", "button", "open"],
    ["both", "bot", "open"],
    ["both", null, "open"],
    ["button", "visitor", "open"],
    ["button", "button", "open"],
    ["button", "bot", "trigger_off"],
    ["button", null, "open"],
    ["auto", "visitor", "open"],
    ["auto", "button", "trigger_off"],
    ["auto", "bot", "open"],
    ["auto", null, "open"],
  ] as const)("trigger %s, asked by %s: %s", (trigger, asker, because) => {
    expect(decide({ ...open, trigger, asker }).because).toBe(because);
  });
});

describe("the queue", () => {
  test.each([
    [0, 0, "open"],
    [0, 99_999, "open"],
    [1, 0, "open"],
    [1, 1, "queue_full"],
    [5, 4, "open"],
    [5, 5, "queue_full"],
    [5, 6, "queue_full"],
  ])("limit %i with %i pending: %s", (queueLimit, pendingCount, because) => {
    expect(decide({ ...open, queueLimit, pendingCount }).because).toBe(because);
  });
});

const inbox = (online: number | null): Candidate => ({
  destination: "inbox",
  presenceRequired: true,
  online,
  down: false,
});

describe("where it goes", () => {
  test.each<[string, readonly Candidate[], string, readonly string[]]>([
    ["in the order given", [desk, { ...desk, destination: "con_2" }, inbox(1)], "open", ["con_1", "con_2", "inbox"]],
    ["not where nobody is", [inbox(0), desk], "open", ["con_1"]],
    ["where nobody knows who is there", [inbox(null)], "open", ["inbox"]],
    ["where presence does not matter, although nobody is there", [{ ...desk, online: 0 }], "open", ["con_1"]],
    ["not where it is down", [{ ...desk, down: true }, inbox(2)], "open", ["inbox"]],
    ["nowhere: one down, nobody at the other", [{ ...desk, down: true }, inbox(0)], "helpdesk_unreachable", []],
    ["nowhere: down and nobody there", [{ ...inbox(0), down: true }], "no_agent_online", []],
    ["nowhere: nobody at either", [inbox(0), { ...inbox(0), destination: "con_2" }], "no_agent_online", []],
  ])("%s", (_where, candidates, because, destinations) => {
    expect(decide({ ...open, candidates })).toMatchObject({ because, destinations });
  });
});

describe("when the team is there", () => {
  test.each([
    ["always open", { open: true, opensAt: null, closesAt: null }, { opensAt: null, closesAt: null }],
    ["open, with an end", { open: true, opensAt: OPENS, closesAt: CLOSES }, { opensAt: null, closesAt: CLOSES }],
    ["closed for good", { open: false, opensAt: null, closesAt: null }, { opensAt: null, closesAt: null }],
    ["closed until Monday", { open: false, opensAt: OPENS, closesAt: null }, { opensAt: OPENS, closesAt: null }],
  ])("%s", (_when, schedule, told) => {
    expect(decide({ ...open, schedule })).toMatchObject(told);
  });

  test("an answer that is not live never says when the team closes, and a live one never when it opens", () => {
    const choice = fc.array(fc.integer({ min: 0, max: rows.length - 1 }), { maxLength: rows.length });
    fc.assert(
      fc.property(choice, (indexes) => {
        const answer = decide(indexes.reduce((so, index) => rows[index]!.when(so), open));
        expect(answer.outcome === "live" ? answer.opensAt : answer.closesAt).toBeNull();
        expect(answer.destinations.length > 0).toBe(answer.because === "open");
      }),
    );
  });

  test("the question changes nothing in what it is given", () => {
    const frozen = Object.freeze({ ...open, candidates: Object.freeze([Object.freeze({ ...desk })]) });
    expect(decide(frozen)).toEqual(decide(frozen));
  });
});
