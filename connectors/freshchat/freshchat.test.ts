import { readFileSync } from "node:fs";
import { describe } from "vitest";
import { connectorContract } from "../../test/contracts/connector-contract.ts";
import { freshchatBench } from "../../test/contracts/freshchat-bench.ts";
import type { FreshchatOptions } from "../../test/simulators/freshchat/index.ts";

type Payload = Record<string, unknown>;

/** Of the account that the fixtures are from. */
const FIXTURES_APP = "5d0c7b1e-93a2-4f86-8b1d-60f2a7c4e915";

const textOf = (name: string): string => readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8");
const fixture = (name: string): Payload => JSON.parse(textOf(name)) as Payload;
/** The same webhook of somebody else's account. */
const foreign = (name: string): Payload =>
  JSON.parse(textOf(name).replaceAll(FIXTURES_APP, "00000000-93a2-4f86-8b1d-60f2a7c4e915")) as Payload;

let sign: (body: Buffer) => string;

/** What the sheet only guesses, or has from one source, the other way round (sheet 1.3, 1.6 to 1.9). */
const otherwise: FreshchatOptions = {
  writeStatus: "mixed",
  numberFields: "freshchat",
  withUrl: false,
  idsInPaths: "either",
  idForm: "alias",
  staleConversations: "refuse",
  existingReferenceId: "duplicate",
  userConversations: "oldest_first",
  createAnswer: "slim",
  messageAnswer: "id_only",
  updateAnswer: "nothing",
  pageLimit: 1,
  sendsWelcome: true,
  messagePageLimit: 2,
  messagePagesOverlap: true,
};

describe.each<[string, FreshchatOptions]>([
  ["an account as it is most often seen", {}],
  ["an account that differs wherever the sheet is unsure", otherwise],
])("%s", (_which, account) => {
  connectorContract("freshchat", {
    labels: "in a note",
    opensWith: "words",
    async create() {
      const bench = await freshchatBench(account);
      sign = (body) => bench.simulator.sign(body);
      return { ...bench, connector: bench.connectorWith({ appId: FIXTURES_APP }) };
    },
    sign: (body) => ({ "x-freshchat-signature": sign(body) }),
    signsTime: false,
    samples: {
      agentMessage: {
        payload: fixture("message_create.agent"),
        conversationId: "b27f4a90-1c3e-4d58-9a66-e80d5f3c2b71",
        text: "Hello Ana, let me look.",
      },
      privateNote: {
        payload: fixture("message_create.private_note"),
        text: "She is on the gold plan, be quick.",
      },
      ownEcho: { payload: fixture("message_create.visitor") },
      resolved: {
        payload: fixture("conversation_resolution"),
        conversationId: "b27f4a90-1c3e-4d58-9a66-e80d5f3c2b71",
      },
      foreign: ["message_create.agent", "conversation_resolution", "conversation_assignment.agent"].map(foreign),
      unknownEvent: { action: "conversation_rated", action_time: "2026-11-20T09:00:00.000Z", data: {} },
    },
  });
});
