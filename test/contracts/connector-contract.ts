import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Message } from "../../src/domain/conversation.ts";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { HandoffError } from "../../src/domain/errors.ts";
import type { Lead } from "../../src/domain/handoff.ts";
import type { Destination } from "../../src/domain/settings.ts";
import type { HandoffBrief } from "../../src/domain/transcript.ts";
import type { Connector, InboundRequest, OpenRequest } from "../../src/ports.ts";
import { ledger } from "./effects.ts";

/** A line in the helpdesk, in words that all of them share. `note` is what only the team sees. */
export interface FarLine {
  readonly by: "visitor" | "agent" | "note";
  readonly text: string;
  readonly files: readonly string[];
}

export interface FarConversation {
  readonly id: string;
  readonly isOpen: boolean;
  readonly labels: readonly string[];
  readonly lines: readonly FarLine[];
}

/** The helpdesk on the other side, a simulator that speaks HTTP. */
export interface FarSide {
  conversations(): readonly FarConversation[];
  agentSays(conversationId: string, text: string): void;
  agentNotes(conversationId: string, text: string): void;
  resolve(conversationId: string): void;
  /** The next request is answered so, and nothing is done for it. */
  answerNext(status: 401 | 429 | 500 | 502, headers?: Record<string, string>): void;
  /** The next request is answered by a proxy's page of HTML, with 200. */
  answerNextWithPage(): void;
  /** The next write but `skipped` is done, and then the connection is cut without an answer. */
  cutAfterWrite(skipped: number): void;
  down(): Promise<void>;
  up(): Promise<void>;
  /** How many requests that write it has had. */
  writes(): number;
}

export interface Bench {
  readonly connector: Connector;
  /** Null for a connector that has nothing outside. */
  readonly far: FarSide | null;
  /** None of these may show in an error, a finding or a note. */
  readonly secrets: readonly string[];
  /** Lets time pass for the connector's clock: so long as the helpdesk asked it to wait. */
  wait?(seconds: number): void;
  stop(): Promise<void>;
}

/** Webhooks of the vendor, as parsed. */
export interface Samples {
  /** By a person for the visitor; what the event should hold. */
  readonly agentMessage: { readonly payload: unknown; readonly conversationId: string; readonly text: string };
  readonly privateNote: { readonly payload: unknown; readonly text: string };
  /** A message that Baton itself wrote, coming back. */
  readonly ownEcho: { readonly payload: unknown };
  readonly resolved: { readonly payload: unknown; readonly conversationId: string };
  /** True webhooks of somebody else's account or inbox. */
  readonly foreign: readonly unknown[];
  readonly unknownEvent: unknown;
}

export interface ConnectorSetup {
  /** False: it has nothing outside, and the parts about a helpdesk are left out. */
  readonly outside?: boolean;
  /** Where a destination's labels are seen: on the conversation, or for a helpdesk without labels as words of a note. */
  readonly labels?: "on the conversation" | "in a note";
  /** What stands first in a handoff's conversation. */
  readonly opensWith?: "note" | "words";
  create(): Promise<Bench>;
  /** The headers that prove a body; null for a connector without webhooks. */
  readonly sign: ((body: Buffer, at: Date) => Record<string, string>) | null;
  /** False for a vendor that signs no time. */
  readonly signsTime?: boolean;
  readonly samples: Samples | null;
}

const noon = new Date("2026-11-20T12:00:00Z");
const minutesFromNoon = (count: number) => new Date(noon.getTime() + count * 60_000);
const anywhere: Destination = { id: "con_contract", team: null, priority: null, labels: ["vip"] };
const awkward = "Hi {{ contact.email }} {% raw %} `{{ agent.name }}` & <b> \u{1F469}‍\u{1F467} {{{`x`";

const brief: HandoffBrief = {
  summary: awkward,
  reason: "asked for a person",
  trigger: "visitor",
  visitor: { id: "v-5", name: "Ana Pop", email: "ana@example.com", phone: "+40712345678", attributes: { plan: "pro" } },
  products: [{ id: "p7", name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" }],
  pageUrl: "https://shop.example/p/7",
  channel: { type: "widget" },
  locale: "en",
  botName: "Shop bot",
  messages: [{ role: "visitor", text: "Where is my order?", at: noon, authorName: null, attachments: [] }],
};

const visitorSays = (text: string, seq = 1): Message => ({
  id: `msg_${seq}`,
  conversationId: "cnv_contract",
  handoffId: "hnd_contract",
  seq,
  role: "visitor",
  text,
  authorName: null,
  at: noon,
  attachments: [],
  externalId: null,
});

const request: OpenRequest = {
  handoffId: "hnd_contract",
  conversationId: "cnv_contract",
  destination: anywhere,
  brief,
  lastWords: visitorSays("A person, please", 1),
  continues: null,
  agentId: null,
};

const lead: Lead = {
  id: "led_contract",
  workspaceId: "wsp_1",
  botId: "bot_1",
  conversationId: "cnv_contract",
  handoffId: "hnd_contract",
  contact: { name: "Ana Pop", email: "ana@example.com", phone: null, issue: "Call me about order 1042" },
  consent: null,
  pageUrl: "https://shop.example/p/7",
  locale: "en",
  transcriptSeq: 1,
  createdAt: noon,
};

/**
 * What every connector promises (reliability.md: P3, P4, P7, P8, P11, P17). A connector joins with one call; one without
 * webhooks or without a far side leaves those parts out.
 */
export function connectorContract(name: string, setup: ConnectorSetup): void {
  describe(`${name} keeps the connector contract`, () => {
    let current: Bench;
    const bench = () => current;
    const anew = async () => {
      await current.stop();
      current = await setup.create();
      return current;
    };
    beforeEach(async () => void (current = await setup.create()));
    afterEach(() => current.stop());

    if (setup.sign) provesItsWebhooks(bench, setup.sign, setup.signsTime ?? true);
    if (setup.samples) readsItsWebhooks(bench, setup.samples);
    outlivesHostileWebhooks(bench);
    if (setup.outside ?? true) {
      describe("with its helpdesk", () => {
        handsOver(bench, anew, setup);
        failsInWords(bench);
      });
    }
  });
}

function provesItsWebhooks(bench: () => Bench, sign: NonNullable<ConnectorSetup["sign"]>, signsTime: boolean): void {
  describe("proof of a webhook", () => {
    const body = Buffer.from('{"event":"x","text":"grüße \\u003c"}');
    const inbound = (given: Partial<InboundRequest> = {}): InboundRequest => ({
      headers: sign(body, noon),
      body,
      pathSecret: null,
      ...given,
    });
    const verify = (given: Partial<InboundRequest>, at = noon) => bench().connector.verify(inbound(given), at);

    test("what was signed is accepted", () => expect(() => verify({})).not.toThrow());
    test("every changed byte is refused", () => {
      for (let i = 0; i < body.length; i += 1) {
        const changed = Buffer.from(body);
        changed[i] = (changed[i] ?? 0) ^ 1;
        expect(codeOf(() => verify({ body: changed }))).toBe("invalid_signature");
      }
    });
    test("a changed header, a missing one and none at all are refused", () => {
      for (const [header, value] of Object.entries(sign(body, noon))) {
        const other = value.slice(0, -1) + (value.endsWith("0") ? "1" : "0");
        for (const changed of [other, `${value}, ${value}`, `${value}00`, "", undefined]) {
          const headers = { ...sign(body, noon), [header]: changed };
          expect(
            codeOf(() => verify({ headers })),
            `${header}: ${changed}`,
          ).toMatch(/^(invalid_signature|stale_webhook)$/);
        }
      }
      expect(codeOf(() => verify({ headers: {} }))).toBe("invalid_signature");
    });
    test("an unsigned one is refused, whatever its path", () => {
      expect(codeOf(() => verify({ headers: {}, pathSecret: "anything" }))).toBe("invalid_signature");
    });
    if (signsTime) {
      test("one of six minutes ago or ahead is stale, one of four is not", () => {
        for (const count of [6, -6]) expect(codeOf(() => verify({}, minutesFromNoon(count)))).toBe("stale_webhook");
        for (const count of [4, -4]) expect(() => verify({}, minutesFromNoon(count))).not.toThrow();
      });
    } else {
      test("one that is signed without a time is taken late as well: it is known by its key", () => {
        for (const count of [-6, 6, 60 * 24]) expect(() => verify({}, minutesFromNoon(count))).not.toThrow();
      });
    }
  });
}

function readsItsWebhooks(bench: () => Bench, samples: Samples): void {
  const read = (payload: unknown) => bench().connector.toInbound(structuredClone(payload));
  describe("reading a webhook", () => {
    test("an agent's message is one, with its words", () => {
      const { payload, conversationId, text } = samples.agentMessage;
      const said = read(payload).events.filter((event) => event.type === "message");
      expect(said).toEqual([
        { type: "message", conversationId, message: expect.objectContaining({ text, externalId: expect.any(String) }) },
      ]);
    });
    test("a private note gives nothing", () => {
      const { payload, text } = samples.privateNote;
      expect(JSON.stringify(payload)).toContain(text);
      expect(read(payload).events).toEqual([]);
    });
    test("what we wrote ourselves gives nothing", () => expect(read(samples.ownEcho.payload).events).toEqual([]));
    test("a resolved conversation is told as one", () => {
      const { payload, conversationId } = samples.resolved;
      expect(read(payload).events).toContainEqual(
        expect.objectContaining({ type: "status", conversationId, status: "resolved" }),
      );
    });
    test("another account's or inbox's webhook gives nothing", () => {
      expect(samples.foreign.length).toBeGreaterThan(0);
      for (const payload of samples.foreign) expect(read(payload).events).toEqual([]);
    });
    test("an unknown event gives nothing", () => expect(read(samples.unknownEvent).events).toEqual([]));
    test("the same event has the same key each time, and each event its own, of at most 200 characters", () => {
      const { agentMessage, privateNote, ownEcho, resolved, foreign, unknownEvent } = samples;
      const payloads = [agentMessage, privateNote, ownEcho, resolved].map((sample) => sample.payload);
      const keys = [...payloads, unknownEvent].map((payload) => read(payload).dedupeKey);
      expect(new Set(keys).size).toBe(keys.length);
      expect([...payloads, unknownEvent].map((payload) => read(payload).dedupeKey)).toEqual(keys);
      const longest = Math.max(
        ...keys.concat(foreign.map((payload) => read(payload).dedupeKey)).map((key) => key.length),
      );
      expect(longest).toBeLessThanOrEqual(200);
    });
    test("fields of unexpected kinds never make it fail", () => {
      for (const { payload } of [samples.agentMessage, samples.privateNote, samples.resolved]) {
        for (const broken of variants(payload)) {
          const events = eventsOrRefusal(bench().connector, broken);
          expect(JSON.stringify(events)).not.toContain(samples.privateNote.text);
        }
      }
    });
  });
}

function outlivesHostileWebhooks(bench: () => Bench): void {
  test.each([
    ["null", null],
    ["a number", 7],
    ["text", "message_created"],
    ["a list", [{ event: "message_created" }]],
    ["an empty object", {}],
    ["an event that is no text", { event: { toString: 1 } }],
    ["a prototype as own key", JSON.parse('{"event":"message_created","__proto__":{"isAdmin":true},"id":1}')],
    ["deep nesting", deep(20_000)],
    ["a very long event", { event: "x".repeat(100_000) }],
  ])("%s as a webhook is refused in words or ignored", (_what, payload: unknown) => {
    expect(eventsOrRefusal(bench().connector, payload)).toEqual([]);
    expect(Object.hasOwn(Object.prototype, "isAdmin")).toBe(false);
  });
}

function farOf({ far }: Bench): FarSide {
  if (far === null) throw new Error("a connector without a far side joins with `outside: false`");
  return far;
}

/** The one conversation that there must be. */
function only(far: FarSide): FarConversation {
  const all = far.conversations();
  expect(all).toHaveLength(1);
  return all[0]!;
}

function handsOver(bench: () => Bench, anew: () => Promise<Bench>, setup: ConnectorSetup): void {
  const { labels: labelsAre = "on the conversation", opensWith = "note" } = setup;
  const open = (opening = ledger("dlv_open")) => bench().connector.open(request, opening.attempt());
  const expectLabels = ({ labels, lines }: FarConversation, ...wanted: readonly string[]) => {
    if (labelsAre === "on the conversation") return expect(labels).toEqual(expect.arrayContaining([...wanted]));
    const told = lines.filter((line) => line.by === "note" && line.text.includes(`Labels: ${wanted.join(", ")}`));
    return expect(told, `a note that tells the labels ${wanted.join(", ")}`).toHaveLength(1);
  };

  test(`a handoff is one open conversation: the note and the visitor's last words, ${opensWith} first`, async () => {
    const far = farOf(bench());
    const ref = await open();
    const conversation = only(far);
    expect(conversation).toMatchObject({ id: ref.conversationId, isOpen: true });
    expectLabels(conversation, "vip");
    expect(conversation.lines.map((line) => line.by)).toEqual(
      opensWith === "note" ? ["note", "visitor"] : ["visitor", "note"],
    );
    expect(conversation.lines.find((line) => line.by === "visitor")?.text).toBe("A person, please");
    const note = conversation.lines.find((line) => line.by === "note");
    expect(note?.text).toContain("Where is my order?");
    expect(note?.text).toContain(awkward);
  });

  test("whichever write is cut off after it was done, the next attempt completes the same conversation", async () => {
    const far = farOf(bench());
    await open();
    const whole = only(far);
    const writes = far.writes();
    expect(writes).toBeGreaterThan(2);
    for (let cut = 0; cut < writes; cut += 1) {
      const { connector, far: fresh } = await anew();
      const opening = ledger("dlv_open");
      fresh!.cutAfterWrite(cut);
      const failure = await failureOf(connector.open(request, opening.attempt()));
      expect(failure).toMatchObject({ kind: "transient", ambiguous: true });
      const ref = await connector.open(request, opening.attempt({ mayHaveHappened: true }));
      const { id: _, ...again } = only(fresh!);
      const { id: __, ...expected } = whole;
      expect(again, `write ${cut + 1} of ${writes} cut off`).toEqual(expected);
      expect(ref.conversationId).toBe(only(fresh!).id);
    }
  });

  test("messages arrive in order and as they were written, each once also after a cut connection", async () => {
    const far = farOf(bench());
    const ref = await open();
    await bench().connector.send(ref, visitorSays(awkward, 2), ledger("dlv_2").attempt());
    const sending = ledger("dlv_3");
    far.cutAfterWrite(0);
    const failed = await failureOf(bench().connector.send(ref, visitorSays("third", 3), sending.attempt()));
    expect(failed).toMatchObject({ kind: "transient", ambiguous: true });
    await bench().connector.send(ref, visitorSays("third", 3), sending.attempt({ mayHaveHappened: true }));
    await bench().connector.send(ref, visitorSays("fourth", 4), ledger("dlv_4").attempt());
    const said = only(far).lines.filter((line) => line.by === "visitor");
    expect(said.map((line) => line.text)).toEqual(["A person, please", awkward, "third", "fourth"]);
  });

  test("looking gives what agents said to the visitor, in order, and never a note", async () => {
    const far = farOf(bench());
    const ref = await open();
    far.agentSays(ref.conversationId, "Hello Ana");
    far.agentNotes(ref.conversationId, "she is angry");
    far.agentSays(ref.conversationId, "It is on its way");
    const view = await bench().connector.look(ref, null);
    expect(view.messages.map((message) => message.text)).toEqual(["Hello Ana", "It is on its way"]);
    expect(JSON.stringify(view)).not.toContain("she is angry");
    expect(view.status).toBe("open");
    far.agentSays(ref.conversationId, "Anything else?");
    far.resolve(ref.conversationId);
    const later = await bench().connector.look(ref, view.cursor);
    expect(later.messages.at(-1)?.text).toBe("Anything else?");
    expect(later.status).toBe("resolved");
    expect(later.version).toBeGreaterThan(view.version);
  });

  test("closing ends the conversation with a note for the team, once, also when the answer to its making was lost", async () => {
    const far = farOf(bench());
    const opening = ledger("dlv_open");
    await open(opening);
    const closing = ledger("dlv_close");
    // What a cut creation leaves: every step before it, and not the ids that its answer would have told.
    const { conversationId: _, otherId: __, ...progress } = opening.progress;
    const close = {
      handoffId: "hnd_contract",
      conversationId: "cnv_contract",
      ref: null,
      progress,
      note: "The visitor left",
    };
    await bench().connector.close(close, closing.attempt());
    await bench().connector.close(close, ledger("dlv_close_again").attempt());
    expect(only(far).isOpen).toBe(false);
    expect(only(far).lines.filter((line) => line.text === "The visitor left")).toHaveLength(1);
  });

  test("closing what was never opened does nothing", async () => {
    const far = farOf(bench());
    const close = { handoffId: "hnd_none", conversationId: "cnv_none", ref: null, progress: {}, note: "never mind" };
    await bench().connector.close(close, ledger("dlv_close").attempt());
    expect(far.conversations()).toEqual([]);
  });

  test("a lead is one conversation labelled so, with a note; where the handoff was live, the same one", async () => {
    const far = farOf(bench());
    const keeping = ledger("dlv_lead");
    const alone = await bench().connector.lead({ lead, brief, destination: anywhere, ref: null }, keeping.attempt());
    expectLabels(only(far), "lead", "vip");
    expect(only(far).lines.map((line) => line.by)).toEqual(["note"]);
    expect(only(far).lines[0]?.text).toContain("Call me about order 1042");
    const again = await bench().connector.lead({ lead, brief, destination: anywhere, ref: alone }, keeping.attempt());
    expect(again.conversationId).toBe(alone.conversationId);
    expect(only(far).lines).toHaveLength(1);
  });
}

function failsInWords(bench: () => Bench): void {
  const attempt = () => failureOf(bench().connector.open(request, ledger("dlv_open").attempt()));
  const waitAsAsked = ({ retryAfterSeconds }: DeliveryError) => bench().wait?.(retryAfterSeconds ?? 0);

  test("its failures tell what to do next, and never a secret", async () => {
    const far = farOf(bench());
    const failures: [string, DeliveryError][] = [];
    far.answerNext(401);
    failures.push(["credentials", await attempt()]);
    far.answerNext(429, { "retry-after": "7" });
    const slowDown = await attempt();
    expect(slowDown.retryAfterSeconds).toBe(7);
    failures.push(["rate_limited", slowDown]);
    waitAsAsked(slowDown);
    far.answerNext(429);
    const unhurried = await attempt();
    expect(unhurried.retryAfterSeconds).toBeGreaterThan(0);
    failures.push(["rate_limited", unhurried]);
    waitAsAsked(unhurried);
    far.answerNext(500);
    failures.push(["transient", await attempt()]);
    far.answerNext(502);
    failures.push(["transient", await attempt()]);
    far.answerNextWithPage();
    failures.push(["transient", await attempt()]);
    await far.down();
    failures.push(["transient", await attempt()]);
    await far.up();
    expect(failures.map(([, error]) => error.kind)).toEqual(failures.map(([kind]) => kind));
    for (const [, error] of failures) {
      for (const secret of bench().secrets) expect(`${error.message} ${error.stack}`).not.toContain(secret);
      expect(error.message).not.toContain("Where is my order?");
    }
    expect(far.conversations()).toEqual([]);
  });

  test("a write that was answered with 500 may have happened; a refused one has not", async () => {
    const far = farOf(bench());
    const ref = await bench().connector.open(request, ledger("dlv_open").attempt());
    const send = () => failureOf(bench().connector.send(ref, visitorSays("more", 2), ledger("dlv_2").attempt()));
    far.answerNext(500);
    expect(await send()).toMatchObject({ kind: "transient", ambiguous: true });
    far.answerNext(429);
    const slowDown = await send();
    expect(slowDown).toMatchObject({ kind: "rate_limited", ambiguous: false });
    waitAsAsked(slowDown);
    far.answerNext(401);
    expect(await send()).toMatchObject({ kind: "credentials", ambiguous: false });
  });

  test("the check never throws, and its findings say what to do", async () => {
    const far = farOf(bench());
    await far.down();
    const report = await bench().connector.check({ lastWebhookAt: null });
    await far.up();
    expect(report.ok).toBe(false);
    for (const finding of report.findings) {
      expect(finding.message).not.toBe("");
      expect(finding.fix === null).toBe(finding.ok);
    }
    for (const secret of bench().secrets) expect(JSON.stringify(report)).not.toContain(secret);
  });
}

function codeOf(act: () => void): string {
  try {
    act();
  } catch (error) {
    if (error instanceof HandoffError) return error.code;
    throw error;
  }
  return "accepted";
}

async function failureOf(promise: Promise<unknown>): Promise<DeliveryError> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome instanceof DeliveryError) return outcome;
  throw outcome === null ? new Error("it did not fail") : outcome;
}

function eventsOrRefusal(connector: Connector, payload: unknown): unknown {
  try {
    return connector.toInbound(payload).events;
  } catch (error) {
    if (error instanceof HandoffError && error.status < 500) return [];
    throw error;
  }
}

function deep(levels: number): unknown {
  let value: unknown = {};
  for (let i = 0; i < levels; i += 1) value = { event: value };
  return { event: "message_created", id: 1, conversation: value };
}

/** The payload with each of its fields in turn, at every depth, replaced by things of the wrong kind. */
function* variants(payload: unknown): Iterable<unknown> {
  for (const path of pathsIn(payload)) {
    for (const wrong of [null, 0, -1, "x", "", true, [], {}, [[]], "\u0000"]) {
      const copy = structuredClone(payload);
      const owner = path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], copy);
      (owner as Record<string, unknown>)[path.at(-1)!] = wrong;
      // A note that stopped being private is public: nobody can tell.
      if (path.at(-1) === "private" && wrong === false) continue;
      yield copy;
    }
  }
}

function* pathsIn(value: unknown, path: readonly string[] = []): Iterable<readonly string[]> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    yield [...path, key];
    yield* pathsIn(inner, [...path, key]);
  }
}
