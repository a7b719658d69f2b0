import { freshchat } from "../../connectors/freshchat/index.ts";
import { createOutgoing } from "../../src/outgoing/outgoing.ts";
import type { Connector, ConnectorDeps, Log } from "../../src/ports.ts";
import { startFreshchat } from "../simulators/freshchat/index.ts";
import type { FreshchatOptions, FreshchatSimulator, Message } from "../simulators/freshchat/index.ts";
import type { FarConversation, FarLine, FarSide } from "./connector-contract.ts";

const nothing = (): void => undefined;
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, with: () => silent };

export const CONNECTION_ID = "con_contract";

export interface FreshchatBench {
  readonly simulator: FreshchatSimulator;
  readonly connector: Connector;
  readonly far: FarSide;
  readonly secrets: readonly string[];
  readonly deps: ConnectorDeps;
  /** The same connection with other settings, as another process has it: without what this one remembers. */
  connectorWith(given?: Record<string, unknown>): Connector;
  wait(seconds: number): void;
  stop(): Promise<void>;
}

/** A connector and a simulated FreshChat that belong to each other. Stopping fails when FreshChat did not understand a request. */
export async function freshchatBench(options: FreshchatOptions = {}): Promise<FreshchatBench> {
  const simulator = await startFreshchat(options);
  const outgoing = createOutgoing({
    allowPrivateNetwork: ["127.0.0.0/8"],
    userAgent: "Baton (test)",
    timeouts: { totalMs: 2_000 },
  });
  let waited = 0;
  const deps: ConnectorDeps = {
    connectionId: CONNECTION_ID,
    workspaceId: "wsp_1",
    baseUrl: "https://baton.example",
    outgoing,
    clock: () => new Date(Date.now() + waited * 1_000),
    log: silent,
  };
  const connectorWith = (given: Record<string, unknown> = {}): Connector =>
    freshchat.create(
      freshchat.parseConfig({
        baseUrl: simulator.url,
        apiToken: simulator.apiToken,
        webhookPublicKey: simulator.publicKeyAsShown,
        channelId: simulator.channelId,
        groupId: simulator.groupId,
        ...given,
      }),
      deps,
    );
  return {
    simulator,
    deps,
    connector: connectorWith(),
    connectorWith,
    far: farSideOf(simulator),
    secrets: [simulator.apiToken],
    wait: (seconds) => void (waited += seconds),
    async stop() {
      outgoing.close();
      await simulator.stop();
      simulator.assertNoViolations();
    },
  };
}

function farSideOf(simulator: FreshchatSimulator): FarSide {
  return {
    conversations: () => simulator.conversations().map(({ id }) => farConversation(simulator, id)),
    agentSays: (id, content) => void simulator.agentReplies(id, { content }),
    agentNotes: (id, content) => void simulator.agentWritesNote(id, { content }),
    resolve: (id) => simulator.resolve(id),
    answerNext: (status, headers = {}) => simulator.trouble.failNext(1, { status, headers }),
    answerNextWithPage: () => simulator.trouble.htmlAnswer(1),
    cutAfterWrite(skipped) {
      let left = skipped;
      const match = (method: string): boolean => method !== "GET" && (left -= 1) < 0;
      simulator.trouble.timeoutAfterDoingTheWork(1, match, "destroy");
    },
    down: () => simulator.trouble.down(),
    up: () => simulator.trouble.up(),
    writes: () => simulator.requests().filter(({ method }) => method !== "GET").length,
  };
}

function farConversation(simulator: FreshchatSimulator, id: string): FarConversation {
  return {
    id,
    isOpen: simulator.conversation(id).status !== "resolved",
    labels: [],
    // A channel's welcome message and the like are nobody's words.
    lines: simulator
      .messages(id)
      .filter(({ actor }) => actor.type !== "system")
      .map(lineOf),
  };
}

export function lineOf(message: Message): FarLine {
  const parts = message.parts as readonly { text?: { content: string }; image?: Shown; file?: Shown }[];
  return {
    by: message.messageType === "private" ? "note" : message.actor.type === "user" ? "visitor" : "agent",
    text: parts.flatMap(({ text }) => text?.content ?? []).join("\n"),
    files: parts.flatMap(({ image, file }) => {
      const shown = image ?? file;
      return shown === undefined ? [] : [shown.name ?? shown.url ?? shown.file_hash ?? shown.file_id ?? ""];
    }),
  };
}

interface Shown {
  readonly name?: string;
  readonly url?: string;
  readonly file_hash?: string;
  readonly file_id?: string;
}
