import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { aboutOf } from "../simulators/freshchat/control.ts";
import type { Message as FreshchatMessage } from "../simulators/freshchat/index.ts";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import type { Violation } from "../simulators/http.ts";

/** A conversation as the helpdesk's people see it, oldest line first. */
export interface FarConversation {
  readonly id: string;
  /** The handoff that Baton says it is for; empty where nothing there says so. */
  readonly handoffId: string;
  readonly lines: readonly { readonly by: "visitor" | "note" | "others"; readonly text: string }[];
}

/** The helpdesk that Baton hands over to while it is killed again and again. */
export interface FarSide {
  /** Body of `POST /v1/connections`. */
  readonly connection: {
    readonly type: string;
    readonly name: string;
    readonly config: Readonly<Record<string, unknown>>;
  };
  setWebhookUrl(url: string): Promise<void>;
  conversations(): Promise<readonly FarConversation[]>;
  /** An agent answers the visitor. */
  reply(conversationId: string, text: string): Promise<void>;
  /** Requests of ours that it did not understand, in words. */
  violations(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

const inWords = ({ request, problem }: Violation): string => `${request}: ${problem}`;

export async function chatwootSide(): Promise<FarSide> {
  const chatwoot = await startChatwoot({ messagesPerMinute: 100_000 });
  return {
    connection: {
      type: "chatwoot",
      name: "Support",
      config: {
        baseUrl: chatwoot.url,
        accountId: chatwoot.accountId,
        inboxId: chatwoot.inboxId,
        apiAccessToken: chatwoot.apiAccessToken,
        webhookSecret: chatwoot.webhookSecret,
      },
    },
    setWebhookUrl: async (url) => chatwoot.setWebhookUrl(url),
    conversations: async () =>
      chatwoot.conversations().map(({ id, customAttributes }) => ({
        id: String(id),
        handoffId: String(customAttributes["baton_handoff_id"]),
        lines: chatwoot.messages(id).map((one) => ({
          by: one.private ? "note" : one.messageType === "incoming" ? "visitor" : "others",
          text: one.content ?? "",
        })),
      })),
    reply: async (id, content) => void chatwoot.agentReplies(Number(id), { agentId: chatwoot.agentId, content }),
    violations: async () => chatwoot.violations().map(inWords),
    stop: () => chatwoot.stop(),
  };
}

const SERVE = fileURLToPath(new URL("../simulators/freshchat/serve.ts", import.meta.url));

/** FreshChat in a process of its own: what a kill tears apart it keeps as it was, and its webhooks find nobody. */
export async function freshchatSide(): Promise<FarSide> {
  const child = spawn(process.execPath, [SERVE], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const about = JSON.parse(line) as ReturnType<typeof aboutOf>;

  async function control<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    const body = JSON.stringify({ args });
    const answer = await fetch(`${about.url}/__control/${name}`, { method: "POST", body });
    const { result, error } = (await answer.json()) as { result: T; error?: string };
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    return result;
  }

  return {
    connection: {
      type: "freshchat",
      name: "Support",
      config: {
        baseUrl: about.url,
        apiToken: about.apiToken,
        webhookPublicKey: about.publicKeyAsShown,
        channelId: about.channelId,
        groupId: about.groupId,
      },
    },
    setWebhookUrl: (url) => control("setWebhookUrl", url),
    async conversations() {
      const all = await control<readonly { id: string }[]>("conversations");
      return await Promise.all(
        all.map(async ({ id }) => {
          const lines = (await control<readonly FreshchatMessage[]>("messages", id)).map(freshchatLine);
          const named = lines.find(({ by, text }) => by === "note" && text.startsWith("Baton handoff "));
          return { id, handoffId: /^Baton handoff (\S+)/.exec(named?.text ?? "")?.[1] ?? "", lines };
        }),
      );
    },
    reply: (id, content) => control("agentReplies", id, { content }),
    violations: async () => (await control<readonly Violation[]>("violations")).map(inWords),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function freshchatLine({ actor, messageType, parts }: FreshchatMessage): FarConversation["lines"][number] {
  const by = messageType === "private" ? "note" : actor.type === "user" ? "visitor" : "others";
  const texts = parts.flatMap((part) => (part as { text?: { content: string } }).text?.content ?? []);
  return { by, text: texts.join("\n") };
}
