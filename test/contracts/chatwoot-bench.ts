import { chatwoot } from "../../connectors/chatwoot/index.ts";
import { createOutgoing } from "../../src/outgoing/outgoing.ts";
import type { Connector, ConnectorDeps, Log } from "../../src/ports.ts";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import type { ChatwootOptions, ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import type { FarConversation, FarSide } from "./connector-contract.ts";

const nothing = (): void => undefined;
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, with: () => silent };

export const WEBHOOK_SECRET = "q4TzB8nLw2VxR7mKc9YdH3sJ";
export const CONNECTION_ID = "con_contract";

export interface ChatwootBench {
  readonly simulator: ChatwootSimulator;
  readonly connector: Connector;
  readonly far: FarSide;
  readonly secrets: readonly string[];
  readonly deps: ConnectorDeps;
  /** The same connection with other settings. */
  connectorWith(given: Record<string, unknown>): Connector;
  stop(): Promise<void>;
}

/** A connector and a simulated Chatwoot that belong to each other. Stopping fails when Chatwoot did not understand a request. */
export async function chatwootBench(options: ChatwootOptions = {}): Promise<ChatwootBench> {
  const simulator = await startChatwoot({ secret: WEBHOOK_SECRET, ...options });
  const outgoing = createOutgoing({
    allowPrivateNetwork: ["127.0.0.0/8"],
    userAgent: "Baton (test)",
    timeouts: { totalMs: 2_000 },
  });
  const deps: ConnectorDeps = {
    connectionId: CONNECTION_ID,
    workspaceId: "wsp_1",
    baseUrl: "https://baton.example",
    outgoing,
    clock: options.clock ?? (() => new Date()),
    log: silent,
  };
  const connectorWith = (given: Record<string, unknown>): Connector =>
    chatwoot.create(
      chatwoot.parseConfig({
        baseUrl: simulator.url,
        accountId: simulator.accountId,
        inboxId: simulator.inboxId,
        apiAccessToken: simulator.apiAccessToken,
        webhookSecret: WEBHOOK_SECRET,
        ...given,
      }),
      deps,
    );
  return {
    simulator,
    deps,
    connector: connectorWith({}),
    connectorWith,
    far: farSideOf(simulator),
    secrets: [simulator.apiAccessToken, WEBHOOK_SECRET],
    async stop() {
      outgoing.close();
      await simulator.stop();
      simulator.assertNoViolations();
    },
  };
}

const isWrite = (method: string, path: string): boolean => method !== "GET" && !path.endsWith("/filter");

function farSideOf(simulator: ChatwootSimulator): FarSide {
  return {
    conversations: () => simulator.conversations().map((conversation) => farConversation(simulator, conversation.id)),
    agentSays: (id, content) => void simulator.agentReplies(Number(id), { agentId: simulator.agentId, content }),
    agentNotes: (id, content) => void simulator.agentWritesNote(Number(id), { agentId: simulator.agentId, content }),
    resolve: (id) => simulator.resolve(Number(id), simulator.agentId),
    answerNext: (status, headers = {}) => simulator.trouble.failNext(1, { status, headers }),
    answerNextWithPage: () => simulator.trouble.htmlAnswer(1),
    cutAfterWrite(skipped) {
      let left = skipped;
      const match = (method: string, path: string): boolean => isWrite(method, path) && (left -= 1) < 0;
      simulator.trouble.timeoutAfterDoingTheWork(1, match, "destroy");
    },
    down: () => simulator.trouble.down(),
    up: () => simulator.trouble.up(),
    writes: () => simulator.requests().filter(({ method, path }) => isWrite(method, path)).length,
  };
}

function farConversation(simulator: ChatwootSimulator, id: number): FarConversation {
  const { status, labels } = simulator.conversation(id);
  const lines = simulator
    .messages(id)
    .filter((message) => message.messageType !== "activity")
    .map((message) => ({
      by: message.private
        ? ("note" as const)
        : message.messageType === "incoming"
          ? ("visitor" as const)
          : ("agent" as const),
      text: message.content ?? "",
      files: message.attachments.map((file) => file.fileName),
    }));
  return { id: String(id), isOpen: status === "open", labels, lines };
}
