import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../src/build.ts";
import { readConfig } from "../../src/config.ts";
import { firstRun } from "../../src/first-run.ts";
import { createLogger } from "../../src/logging.ts";
import { startBotServer } from "./bot-server.ts";
import { startHelpdesk } from "./helpdesks.ts";
import type { HelpdeskName } from "./helpdesks.ts";
import { say } from "./printed.ts";

export type Stage = Awaited<ReturnType<typeof setStage>>;
export type Client = ReturnType<typeof clientOf>;

/**
 * Everything that plays: Baton on a data directory of its own, a helpdesk, and a bot, all over HTTP on loopback. The clock
 * stands at `from` when the story begins and runs on from there.
 */
export async function setStage(from: Date, helpdeskName: HelpdeskName) {
  const dataDir = mkdtempSync(join(tmpdir(), "baton-demo-"));
  let offset = from.getTime() - Date.now();
  const clock = () => new Date(Date.now() + offset);
  const undo: (() => Promise<void> | void)[] = [() => rmSync(dataDir, { recursive: true, force: true })];
  const strike = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const helpdesk = await startHelpdesk(helpdeskName, clock);
    undo.push(() => helpdesk.stop());
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
    return {
      clock,
      /** Time passes in one go. */
      sleepUntil: (at: Date) => {
        offset = at.getTime() - Date.now();
      },
      helpdesk,
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

/** Prints what is new in each of the helpdesk's conversations, as an agent sees it come. */
export function watch({ helpdesk }: Pick<Stage, "helpdesk">) {
  const printed = new Set<string>();
  return {
    print(conversationId: string): void {
      for (const { id, by, text, files } of helpdesk.lines(conversationId)) {
        if (printed.has(id)) continue;
        printed.add(id);
        say(
          helpdesk.name,
          by,
          [text, ...files.map((file) => `[file: ${file}]`)].filter((line) => line !== "").join("\n"),
        );
      }
    },
    /** Texts of the visitor in the conversation, in their order. */
    visitorTexts: (conversationId: string): string[] =>
      helpdesk
        .lines(conversationId)
        .filter(({ by }) => by === "visitor")
        .map(({ text }) => text),
  };
}
