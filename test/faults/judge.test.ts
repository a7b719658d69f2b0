import { describe, expect, test } from "vitest";
import { whatIsWrong } from "./judge.ts";
import type { Act, Ends, Heard, History, Standing } from "./record.ts";

/** One conversation, gone well: asked, answered, ended by the agent, and a word of the bot afterwards; and one lead. */
const live = { control: "human", epoch: 2, mode: "live" } as const;
const acts: readonly Act[] = [
  { did: "asked", key: "c-1", handoffId: "h1", text: "c-1 asks 1", ...live },
  { did: "said", key: "c-1", text: "c-1 says 2", handoffId: "h1", ...live },
  { did: "bot_refused", key: "c-1", text: "c-1: the bot's 3" },
  { did: "said", key: "c-1", text: "c-1 says 4", handoffId: "h1", ...live },
  { did: "wrote", desk: "chatwoot", there: "7", text: "agent says 1." },
  { did: "noted", desk: "chatwoot", there: "7", text: "a secret 1." },
  { did: "wrote", desk: "chatwoot", there: "7", text: "agent says 2." },
  { did: "resolved", desk: "chatwoot", there: "7" },
  { did: "bot_said", key: "c-1", text: "c-1: the bot's 5", knew: 2, control: "bot", epoch: 3, mode: null },
  { did: "asked", key: "lead-1", handoffId: "h2", text: "lead-1 asks", control: "bot", epoch: 1, mode: "lead" },
  { did: "left_details", key: "lead-1", handoffId: "h2", email: "lead-1@example.com" },
];

const event = (key: string, place: number, type: string, data: object = {}): Heard => ({
  id: `evt_${key}_${place}`,
  type,
  data: { conversationId: key, ...data },
});
const fromAgent = (text: string) => ({ actor: { kind: "agent" }, message: { text } });
const eventsOfFirst: readonly Heard[] = [
  event("c-1", 1, "handoff.opened", { handoff: { id: "h1", destination: "con_1" } }),
  event("c-1", 2, "message.created", fromAgent("agent says 1.")),
  event("c-1", 3, "message.created", fromAgent("agent says 2.")),
  event("c-1", 4, "handoff.resolved", { because: "agent_resolved", handoff: { id: "h1", destination: "con_1" } }),
];
const captured = event("lead-1", 1, "lead.captured", { handoff: { id: "h2", destination: null } });

const standing: Standing = {
  desk: "chatwoot",
  there: "7",
  handoffId: "h1",
  isResolved: true,
  lines: [
    { by: "note", text: "A conversation for a person" },
    { by: "visitor", text: "c-1 asks 1" },
    { by: "visitor", text: "c-1 says 2" },
    { by: "others", text: "agent says 1." },
    { by: "visitor", text: "c-1 says 4" },
    { by: "others", text: "agent says 2." },
  ],
};
const leadThere: Standing = {
  desk: "chatwoot",
  there: "8",
  handoffId: "h2",
  isResolved: false,
  lines: [{ by: "note", text: "A lead: lead-1@example.com" }],
};
const ends: Ends = {
  standing: [standing, leadThere],
  heard: [...eventsOfFirst, captured],
  conversations: [
    {
      key: "c-1",
      control: "bot",
      epoch: 3,
      messages: [
        { role: "visitor", text: "c-1 asks 1" },
        { role: "visitor", text: "c-1 says 2" },
        { role: "agent", text: "agent says 1." },
        { role: "visitor", text: "c-1 says 4" },
        { role: "agent", text: "agent says 2." },
        { role: "bot", text: "c-1: the bot's 5" },
      ],
    },
    { key: "lead-1", control: "bot", epoch: 1, messages: [{ role: "visitor", text: "lead-1 asks" }] },
  ],
  handoffs: [
    { id: "h1", key: "c-1", status: "resolved", mode: "live", events: eventsOfFirst },
    { id: "h2", key: "lead-1", status: "pending", mode: "lead", events: [captured] },
  ],
  leads: [{ handoffId: "h2", email: "lead-1@example.com", hasConsent: true }],
  owed: [],
  violations: [],
  forged: 0,
};

const withEnds = (patch: Partial<Ends>): History => ({ acts, ends: { ...ends, ...patch } });
const withLines = (lines: Standing["lines"]): History => withEnds({ standing: [{ ...standing, lines }, leadThere] });
const withHeard = (heard: readonly Heard[]): History => withEnds({ heard });
const withMessages = (change: (all: Ends["conversations"][number]["messages"]) => typeof all): History =>
  withEnds({
    conversations: ends.conversations.map((one) =>
      one.key === "c-1" ? { ...one, messages: change(one.messages) } : one,
    ),
  });
const withEvents = (events: readonly Heard[], more: Partial<Ends["handoffs"][number]> = {}): History =>
  withEnds({
    heard: [...events.filter(({ type }) => type !== "handoff.requested"), captured],
    handoffs: [{ ...ends.handoffs[0]!, events, ...more }, ends.handoffs[1]!],
  });
const withActs = (more: readonly Act[]): History => ({ acts: [...acts, ...more], ends });
const without = (texts: readonly string[]) => standing.lines.filter(({ text }) => !texts.includes(text));

test("a history in which all went well is not found wrong", () => {
  expect(whatIsWrong({ acts, ends })).toEqual([]);
});

test("a callback that came twice at once is no fault: its answer was lost", () => {
  const [first, ...rest] = ends.heard;
  expect(whatIsWrong(withHeard([first!, first!, ...rest]))).toEqual([]);
});

test("a conversation that was begun, found again and ended by Baton is no fault", () => {
  const note = { by: "note", text: "Baton: this request went on without this helpdesk." } as const;
  const begun: Standing = { desk: "freshchat", there: "x", handoffId: "", isResolved: true, lines: [note] };
  const another = { ...begun, there: "y" };
  expect(whatIsWrong(withEnds({ standing: [...ends.standing, begun, another] }))).toEqual([]);
  const left = { ...begun, isResolved: false };
  expect(whatIsWrong(withEnds({ standing: [...ends.standing, left] }))).toHaveLength(1);
});

test("what was said in a handoff that ended before it was opened need not reach a helpdesk", () => {
  const missed = event("c-1", 1, "handoff.missed", { handoff: { id: "h1", destination: null } });
  const history = {
    acts: acts.filter(({ did }) => ["asked", "said", "left_details"].includes(did)),
    ends: {
      ...withEvents([missed], { status: "pending", mode: "lead" }).ends,
      standing: [leadThere],
      conversations: withMessages((all) => all.filter(({ role }) => role === "visitor")).ends.conversations,
    },
  };
  expect(whatIsWrong(history)).toEqual([]);
});

describe("is told", () => {
  const [opened, first, second, resolved] = eventsOfFirst as [Heard, Heard, Heard, Heard];
  const cases: readonly (readonly [string, History, RegExp])[] = [
    ["an answer nobody may give", withActs([{ did: "wrong", what: "500 for no reason" }]), /^500 for no reason$/],
    [
      "an acknowledged message that Baton has not kept",
      withMessages((all) => all.filter(({ text }) => text !== "c-1 says 2")),
      /^in Baton, lost: c-1 "c-1 says 2"$/,
    ],
    ["one that it has kept twice", withMessages((all) => [all[0]!, ...all]), /^in Baton, doubled: c-1 "c-1 asks 1"$/],
    [
      "an acknowledged handoff that is not there",
      withActs([{ did: "ended", key: "c-1", handoffId: "h9" }]),
      /^lost: handoff h9 was acknowledged/,
    ],
    [
      "a refused message that was kept",
      withMessages((all) => [...all, { role: "bot", text: "c-1: the bot's 3" }]),
      /^refused, and kept all the same/,
    ],
    [
      "a visitor's word that no agent sees",
      withLines(without(["c-1 says 4"])),
      /^lost: c-1 "c-1 says 4" reached no agent/,
    ],
    [
      "one that an agent sees twice",
      withLines([...standing.lines, { by: "visitor", text: "c-1 says 2" }]),
      /^doubled: chatwoot 7 "c-1 says 2"$/,
    ],
    [
      "one that nobody said",
      withLines([...standing.lines, { by: "visitor", text: "buy now" }]),
      /^invented: chatwoot 7 "buy now"$/,
    ],
    [
      "one that came too early",
      withLines([...without(["c-1 says 2"]), { by: "visitor", text: "c-1 says 2" }]),
      /^out of order: chatwoot 7 "c-1 says 2" came after "c-1 says 4"$/,
    ],
    [
      "a second conversation for one handoff",
      withEnds({ standing: [standing, { ...standing, there: "9", lines: [] }, leadThere] }),
      /^doubled: 2 conversations in chatwoot for h1$/,
    ],
    [
      "a conversation for no handoff",
      withEnds({ standing: [standing, leadThere, { ...standing, there: "9", handoffId: "h9" }] }),
      /^invented: chatwoot 9 is for no handoff/,
    ],
    [
      "an agent's word that its bot never heard",
      withEvents([opened, first, resolved]),
      /^lost: chatwoot 7 "agent says 2\."$/,
    ],
    [
      "an event that its bot never heard",
      withHeard([first, second, resolved, captured]),
      /^lost: the bot of c-1 never heard of handoff.opened/,
    ],
    [
      "callbacks in another order",
      withHeard([opened, first, resolved, second, captured]),
      /^out of order: message.created evt_c-1_3/,
    ],
    [
      "a callback that comes again later",
      withHeard([...ends.heard, second]),
      /^repeated late: message.created evt_c-1_3/,
    ],
    [
      "an agent's word under two ids",
      withEvents([...eventsOfFirst, event("c-1", 5, "message.created", fromAgent("agent says 2."))]),
      /^repeated under another id: chatwoot 7 "agent says 2\."$/,
    ],
    [
      "a word that no agent wrote",
      withEvents([...eventsOfFirst, event("c-1", 5, "message.created", fromAgent("c-1 says 4"))]),
      /^invented: conversation c-1 "c-1 says 4"$/,
    ],
    [
      "a note that left the helpdesk",
      withMessages((all) => [...all, { role: "agent", text: "a secret 1." }]),
      /^a note left the helpdesk/,
    ],
    [
      "a bot's word taken under human control",
      withActs([
        { did: "bot_said", key: "c-1", text: "c-1: the bot's 5", knew: 3, control: "bot", epoch: 3, mode: null },
      ]),
      /^control: the bot of c-1 was told of a person \(epoch 3\)/,
    ],
    [
      "a bot's word stored under human control",
      withEvents([
        opened,
        first,
        second,
        event("c-1", 4, "message.created", { actor: { kind: "bot" }, control: "human", message: { text: "psst" } }),
        { ...resolved, id: "evt_c-1_5" },
      ]),
      /^control: a bot's message of c-1 was stored while a person had control/,
    ],
    [
      "an end that nobody caused",
      { acts: acts.filter(({ did }) => did !== "resolved"), ends },
      /^invented: handoff.resolved of h1 \(c-1\), because agent_resolved, which nobody did$/,
    ],
    [
      "refused words that the agent sees",
      withLines([...standing.lines, { by: "others", text: "c-1: the bot's 3" }]),
      /^control: refused words of a bot stand in chatwoot 7/,
    ],
    ["a lead without consent", withEnds({ leads: [{ ...ends.leads[0]!, hasConsent: false }] }), /^without consent/],
    ["a lead that is lost", withEnds({ leads: [] }), /^lost: lead lead-1@example.com/],
    ["a lead that is there twice", withEnds({ leads: [ends.leads[0]!, ends.leads[0]!] }), /^doubled: lead lead-1/],
    [
      "a lead's note that is there twice",
      withEnds({ standing: [standing, { ...leadThere, lines: [...leadThere.lines, ...leadThere.lines] }] }),
      /^doubled: note of the lead/,
    ],
    [
      "an end that was acknowledged and is not there",
      {
        acts: [
          ...acts,
          { did: "ends", key: "lead-1", handoffId: "h2" },
          { did: "ended", key: "lead-1", handoffId: "h2" },
        ],
        ends,
      },
      /^undone: h2 was ended and is pending$/,
    ],
    [
      "a handoff that was never opened",
      {
        acts: [...acts, { did: "asked", key: "c-1", handoffId: "h3", text: "c-1 asks 6", ...live }],
        ends: {
          ...withMessages((all) => [...all, { role: "visitor", text: "c-1 asks 6" }]).ends,
          standing: [{ ...standing, lines: [...standing.lines, { by: "visitor", text: "c-1 asks 6" }] }, leadThere],
          handoffs: [...ends.handoffs, { id: "h3", key: "c-1", status: "pending", mode: "live", events: [] }],
        },
      },
      /^never opened: h3 \(c-1\)/,
    ],
    [
      "a conversation that the helpdesk has ended and Baton has not",
      withEvents([opened, first, second], { status: "acknowledged" }),
      /^disagrees: chatwoot 7 is resolved, h1 is acknowledged$/,
    ],
    [
      "what is still owed",
      withEnds({ owed: [{ kind: "callback", state: "waiting", reason: "The bot failed" }] }),
      /^left over: a callback is waiting: The bot failed$/,
    ],
    ["what a helpdesk did not understand", withEnds({ violations: ["POST /x: no such field"] }), /^POST \/x/],
    ["a forged callback", withEnds({ forged: 1 }), /^forged: 1/],
  ];
  test.each(cases)("%s", (_what, history, told) => {
    const wrong = whatIsWrong(history);
    // All of them, so that a failure shows what was told instead.
    expect(wrong.filter((fault) => told.test(fault)).length === 1 ? [] : wrong).toEqual([]);
    // One fault is told as one, or as what it also breaks: never as a list of everything.
    expect(wrong.length).toBeLessThanOrEqual(2);
  });
});
