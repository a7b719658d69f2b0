import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../src/build.ts";
import { readConfig } from "../../src/config.ts";
import { firstRun } from "../../src/first-run.ts";
import { createLogger } from "../../src/logging.ts";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import { startBotServer } from "./bot-server.ts";
import { say } from "./printed.ts";

export type Stage = Awaited<ReturnType<typeof setStage>>;
export type Client = ReturnType<typeof clientOf>;

/**
 * Everything that plays: Baton on a data directory of its own, a Chatwoot, and a bot, all over HTTP on loopback. The clock
 * stands at `from` when the story begins and runs on from there.
 */
export async function setStage(from: Date) {
  const dataDir = mkdtempSync(join(tmpdir(), "baton-demo-"));
  let offset = from.getTime() - Date.now();
  const clock = () => new Date(Date.now() + offset);
  const undo: (() => Promise<void> | void)[] = [() => rmSync(dataDir, { recursive: true, force: true })];
  const strike = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const chatwoot = await startChatwoot({ clock, accountName: "Halo & Wick" });
    undo.push(() => chatwoot.stop());
    const config = readConfig({
      PORT: "0",
      HOST: "127.0.0.1",
      DATA_DIR: dataDir,
      ALLOW_PRIVATE_NETWORK: "127.0.0.0/8,::1/128",
      LOG_LEVEL: "silent",
    });
    const baton = await build(config, createLogger({ level: config.logLevel }), { clock, verifyAnswers: true });
    undo.push(() => baton.stop());
    await baton.start();
    const first = await firstRun(baton, dataDir);
    if (first === null) throw new Error("The data directory was not empty");
    const bot = await startBotServer({ secret: () => first.botSigningSecret, clock });
    undo.push(() => bot.stop());
    chatwoot.setAvailability(chatwoot.agentId, "online");
    return {
      clock,
      /** Time passes in one go. */
      sleepUntil: (at: Date) => {
        offset = at.getTime() - Date.now();
      },
      chatwoot,
      bot,
      botId: first.botId,
      asAdmin: clientOf(baton.baseUrl(), first.adminToken),
      asBot: clientOf(baton.baseUrl(), first.botToken),
      as: (token: string) => clientOf(baton.baseUrl(), token),
      strike,
    };
  } catch (error) {
    await strike();
    throw error;
  }
}

export interface Answer {
  readonly status: number;
  // The story reads what it needs, field by field.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export function clientOf(baseUrl: string, token: string) {
  return async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      signal: AbortSignal.timeout(10_000),
      headers: { Authorization: `Bearer ${token}`, ...(body !== undefined && { "Content-Type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };
}

/** Prints what is new in each of Chatwoot's conversations, as an agent sees it come. */
export function watchChatwoot({ chatwoot }: Pick<Stage, "chatwoot">) {
  const printed = new Set<number>();
  return {
    print(conversationId: number): void {
      for (const message of chatwoot.messages(conversationId)) {
        if (printed.has(message.id)) continue;
        printed.add(message.id);
        const who = message.private
          ? "private note"
          : ({ incoming: "visitor", outgoing: "agent", activity: "activity", template: "template" } as const)[
              message.messageType
            ];
        const files = message.attachments.map((file) => `[file: ${file.fileName}]`);
        say("chatwoot", who, [message.content ?? "", ...files].filter((line) => line !== "").join("\n"));
      }
    },
    /** Texts of the visitor in the conversation, in their order. */
    visitorTexts: (conversationId: number): string[] =>
      chatwoot
        .messages(conversationId)
        .filter((message) => message.messageType === "incoming")
        .map((message) => message.content ?? ""),
  };
}
