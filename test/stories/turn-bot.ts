import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { TurnRequested } from "../../src/http/openapi-webhooks.ts";
import type { ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import type { Json, World } from "./world.ts";

/** What a bot was asked: the body of one request to its message URL. */
export interface Turn {
  readonly id: string;
  readonly conversationId: string;
  readonly epoch: number;
  readonly says: readonly string[];
  readonly history: readonly string[];
  readonly visitor: Json;
}

/** A body, a status without one, or no answer at all. */
export type TurnAnswer =
  { messages?: unknown; handoff?: unknown; nonsense?: true } | { status: number } | "never" | "drop";
type Script = (turn: Turn) => TurnAnswer | Promise<TurnAnswer>;

const echo: Script = (turn) => ({ messages: [{ text: `You said: ${turn.says.at(-1)}` }] });
const header = (request: IncomingMessage, name: string): string => String(request.headers[name]);

export interface TurnBot {
  readonly url: string;
  readonly turns: readonly Turn[];
  /** What it answers from now on; at first it repeats the visitor's last words. */
  answers(script: Script): void;
  /** Signs with something else from now on. */
  signsWith(secret: string): void;
  stop(): Promise<void>;
}

/** A bot that Baton asks: checks the signature of each question and signs its answer. When it was signed is not judged: stories have a clock of their own. */
export async function startTurnBot(secretOf: () => string, clock: () => Date): Promise<TurnBot> {
  const turns: Turn[] = [];
  let script = echo;
  let signingSecret: string | null = null;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const at = new Date(Number(header(request, "webhook-timestamp")) * 1000);
      const fits = header(request, "webhook-signature")
        .split(" ")
        .includes(new Webhook(secretOf()).sign(header(request, "webhook-id"), at, text));
      if (!fits) throw new Error("a question's signature does not fit");
      // As the API document has it.
      const { data } = TurnRequested.parse(JSON.parse(text));
      const turn: Turn = {
        id: header(request, "webhook-id"),
        conversationId: data.conversation.id,
        epoch: data.epoch,
        says: data.messages.map((one) => one.text),
        history: data.history.map((one) => `${one.role}: ${one.text}`),
        visitor: data.conversation.visitor,
      };
      turns.push(turn);
      void Promise.resolve(script(turn)).then((answer) => reply(response, turn, answer));
    });
  });
  function reply(response: ServerResponse, turn: Turn, answer: TurnAnswer): void {
    if (answer === "never") return;
    if (answer === "drop") {
      response.destroy();
      return;
    }
    const body = "status" in answer ? "" : JSON.stringify(answer);
    const at = clock();
    response.writeHead("status" in answer ? answer.status : 200, {
      "Content-Type": "application/json",
      "webhook-id": turn.id,
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": new Webhook(signingSecret ?? secretOf()).sign(turn.id, at, body),
    });
    response.end(body);
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/turn`,
    turns,
    answers(next) {
      script = next;
    },
    signsWith(secret) {
      signingSecret = secret;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Connects the Chatwoot of the world with our agent bot on one of its own inboxes. Gives the connection's id. */
export async function botInside(world: World, desk: ChatwootSimulator, inboxId: number): Promise<string> {
  const bot = desk.addBot({ name: "Baton" });
  const made = await world.admin.post("/v1/connections", {
    type: "chatwoot",
    name: "Support",
    config: {
      baseUrl: desk.url,
      accountId: desk.accountId,
      inboxId: desk.inboxId,
      apiAccessToken: desk.apiAccessToken,
      webhookSecret: desk.webhookSecret,
      agentBotId: bot.id,
      agentBotToken: bot.token,
      agentBotSecret: bot.secret,
      botInboxIds: [inboxId],
    },
  });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  desk.setWebhookUrl(made.body.webhookUrl);
  desk.changeBot(bot.id, { outgoingUrl: made.body.webhookUrl });
  desk.setInboxBot(inboxId, bot.id);
  await world.settings({ destinations: [{ id: made.body.id }] });
  return made.body.id;
}
