import { startChatwoot } from "../simulators/chatwoot/index.ts";
import { startFreshchat } from "../simulators/freshchat/index.ts";
import type { Message as FreshchatMessage } from "../simulators/freshchat/index.ts";
import type { LoggedRequest, Violation } from "../simulators/http.ts";
import type { RequestMatch } from "../simulators/trouble.ts";
import { openGate } from "./gate.ts";
import type { Fate, Passing } from "./gate.ts";
import type { Standing } from "./record.ts";

/** The trouble that every helpdesk can be told to make. */
export interface DeskTrouble {
  failNext(
    n: number,
    how: { status: 429 | 500 | 502 | 503; headers?: Record<string, string>; match?: RequestMatch },
  ): void;
  timeoutAfterDoingTheWork(n: number, match?: RequestMatch, how?: "hang" | "destroy"): void;
  resetBeforeWork(n: number, match?: RequestMatch): void;
  commitLate(n: number, ms: number, match?: RequestMatch): void;
  htmlAnswer(n: number, match?: RequestMatch): void;
  slow(ms: number, match?: RequestMatch): void;
  down(how?: "refused" | "503"): Promise<void>;
  up(): Promise<void>;
  dropWebhooks(n: number | boolean): void;
  duplicateWebhooks(on: boolean): void;
  reorderWebhooks(seed: number | null): void;
  delayWebhooks(ms: number): void;
  reset(): void;
}

/** A helpdesk, its people, and the trouble it makes. It lives in the process of the test, so that it survives every kill. */
export interface Desk {
  readonly name: "chatwoot" | "freshchat";
  /** What it is called in a history, where there are several. */
  readonly label?: string;
  /** Body of `POST /v1/connections`. */
  readonly connection: {
    readonly type: string;
    readonly name: string;
    readonly config: Readonly<Record<string, unknown>>;
  };
  readonly trouble: DeskTrouble;
  setWebhookUrl(url: string): void;
  standing(): readonly Standing[];
  /** Those that are not resolved. */
  open(): readonly Pick<Standing, "there" | "handoffId">[];
  reply(there: string, text: string): void;
  /** A private note, which never leaves. */
  note(there: string, text: string): void;
  /** To one of two agents. */
  assign(there: string, which: 0 | 1): void;
  release(there: string): void;
  resolve(there: string): void;
  isAssigned(there: string): boolean;
  /** What was asked of it, for whoever looks into a run. */
  requests(): readonly LoggedRequest[];
  /** Requests of ours that it did not understand, in words. */
  violations(): readonly string[];
  stop(): Promise<void>;
}

type FateOf = (passing: Passing) => Fate | Promise<Fate>;
const inWords = ({ request, problem }: Violation): string => `not understood: ${request}: ${problem}`;

/** @param fate what becomes of each request of ours, before its work and after it */
export async function chatwootDesk(fate: FateOf, clock: () => Date): Promise<Desk> {
  const chatwoot = await startChatwoot({ messagesPerMinute: 1_000_000, clock });
  const gate = await openGate({ to: () => chatwoot.url, fate });
  const second = chatwoot.addAgent({ name: "Bea Second" });
  const agents = [chatwoot.agentId, second.id] as const;
  const at = (there: string) => chatwoot.conversation(Number(there));
  const writerOf = (there: string) => at(there).assigneeId ?? chatwoot.agentId;
  return {
    name: "chatwoot",
    connection: {
      type: "chatwoot",
      name: "Support",
      config: {
        baseUrl: gate.url,
        accountId: chatwoot.accountId,
        inboxId: chatwoot.inboxId,
        apiAccessToken: chatwoot.apiAccessToken,
        webhookSecret: chatwoot.webhookSecret,
      },
    },
    trouble: chatwoot.trouble,
    setWebhookUrl: (url) => chatwoot.setWebhookUrl(url),
    open: () =>
      chatwoot
        .conversations()
        .filter(({ status }) => status !== "resolved")
        .map(({ id, customAttributes }) => ({ there: String(id), handoffId: handoffIdIn(customAttributes) })),
    standing: () =>
      chatwoot.conversations().map(({ id, customAttributes, status }) => ({
        desk: "chatwoot",
        there: String(id),
        handoffId: handoffIdIn(customAttributes),
        isResolved: status === "resolved",
        lines: chatwoot.messages(id).map((one) => ({
          by: one.private ? "note" : one.messageType === "incoming" ? "visitor" : "others",
          text: one.content ?? "",
        })),
      })),
    reply: (there, content) => void chatwoot.agentReplies(Number(there), { agentId: writerOf(there), content }),
    note: (there, content) => void chatwoot.agentWritesNote(Number(there), { agentId: writerOf(there), content }),
    assign: (there, which) => chatwoot.assign(Number(there), agents[which]),
    release: (there) => chatwoot.assign(Number(there), null),
    resolve: (there) => chatwoot.resolve(Number(there), writerOf(there)),
    isAssigned: (there) => at(there).assigneeId !== null,
    requests: () => chatwoot.requests(),
    violations: () => chatwoot.violations().map(inWords),
    async stop() {
      await gate.stop();
      await chatwoot.stop();
    },
  };
}

const handoffIdIn = (attributes: Readonly<Record<string, unknown>>): string =>
  (attributes["baton_handoff_id"] as string | undefined) ?? "";

export async function freshchatDesk(fate: FateOf, clock: () => Date): Promise<Desk> {
  const freshchat = await startFreshchat({ clock });
  const gate = await openGate({ to: () => freshchat.url, fate });
  const second = freshchat.addAgent({ firstName: "Bea", lastName: "Second", groupIds: [freshchat.groupId] });
  const agents = [freshchat.agentId, second.id] as const;
  const writerOf = (there: string) => freshchat.conversation(there).agentId ?? freshchat.agentId;
  return {
    name: "freshchat",
    connection: {
      type: "freshchat",
      name: "Support",
      config: {
        baseUrl: gate.url,
        apiToken: freshchat.apiToken,
        webhookPublicKey: freshchat.publicKeyAsShown,
        channelId: freshchat.channelId,
        groupId: freshchat.groupId,
      },
    },
    trouble: freshchat.trouble,
    setWebhookUrl: (url) => freshchat.setWebhookUrl(url),
    open: () =>
      freshchat
        .conversations()
        .filter(({ status }) => status !== "resolved")
        .map(({ id }) => ({ there: id, handoffId: handoffIdOf(freshchat.messages(id).map(freshchatLine)) })),
    standing: () =>
      freshchat.conversations().map(({ id, status }) => {
        const lines = freshchat.messages(id).map(freshchatLine);
        const isResolved = status === "resolved";
        return { desk: "freshchat", there: id, handoffId: handoffIdOf(lines), isResolved, lines };
      }),
    reply: (there, content) => void freshchat.agentReplies(there, { agentId: writerOf(there), content }),
    note: (there, content) => void freshchat.agentWritesNote(there, { agentId: writerOf(there), content }),
    assign: (there, which) => freshchat.assign(there, agents[which]),
    release: (there) => freshchat.unassign(there),
    resolve: (there) => freshchat.resolve(there, writerOf(there)),
    isAssigned: (there) => freshchat.conversation(there).agentId !== null,
    requests: () => freshchat.requests(),
    violations: () => freshchat.violations().map(inWords),
    async stop() {
      await gate.stop();
      await freshchat.stop();
    },
  };
}

/** By the newest of our notes that names one: a conversation may go on for another handoff. */
function handoffIdOf(lines: Standing["lines"]): string {
  const named = lines.findLast(({ by, text }) => by === "note" && text.startsWith("Baton handoff "));
  return /^Baton handoff (\S+)/.exec(named?.text ?? "")?.[1] ?? "";
}

function freshchatLine({ actor, messageType, parts }: FreshchatMessage): Standing["lines"][number] {
  const by = messageType === "private" ? "note" : actor.type === "user" ? "visitor" : "others";
  const texts = parts.flatMap((part) => (part as { text?: { content: string } }).text?.content ?? []);
  return { by, text: texts.join("\n") };
}
