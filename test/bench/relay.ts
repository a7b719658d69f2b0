import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { startChild } from "./children.ts";
import type { Installation } from "./installation.ts";
import { bodyFor, percentiles } from "./load.ts";

/** Milliseconds from one side to the other, one message at a time. */
export interface Relay {
  readonly toBot: { readonly p50: number; readonly p99: number };
  readonly toHelpdesk: { readonly p50: number; readonly p99: number };
}

/** Few enough messages for each that Chatwoot's limit per conversation (200 a minute) is far. */
const CONVERSATIONS = 10;
const LONGEST_MS = 20_000;

interface Simulator {
  readonly url: string;
  readonly accountId: number;
  readonly inboxId: number;
  readonly apiAccessToken: string;
  readonly webhookSecret: string;
}

/**
 * How long a message takes through Baton while nothing else happens: from the agent's click in a simulated Chatwoot (a
 * process of its own, with webhooks signed as the real one signs them) to the callback at the bot, and from the visitor's
 * message at Baton's door to the call at Chatwoot's.
 */
export async function measureRelay(installation: Installation, rounds: number): Promise<Relay> {
  const bot = await startBot();
  const child = await startChild("../simulators/chatwoot/serve.ts");
  try {
    const simulator = JSON.parse(child.said) as Simulator;
    const control = controlOf(simulator.url);
    const { agentId } = await control<{ agentId: number }>("");
    await connect(installation, simulator, control, bot.url);
    const conversations = await openAll(installation, control);
    const toBot: number[] = [];
    const toHelpdesk: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const conversation = conversations[round % conversations.length];
      if (conversation === undefined) throw new Error("no conversation is open");
      toBot.push(await agentToBot(bot, control, { agentId, ...conversation }, `agent ${round}`));
      toHelpdesk.push(await visitorToHelpdesk(installation, control, conversation, `visitor ${round}`));
    }
    return { toBot: spread(toBot), toHelpdesk: spread(toHelpdesk) };
  } finally {
    await installation.settings({ destinations: [{ id: "inbox" }] });
    await child.stop();
    await bot.stop();
  }
}

function spread(values: readonly number[]): { p50: number; p99: number } {
  const [p50 = Number.NaN, p99 = Number.NaN] = percentiles(values, [0.5, 0.99]);
  return { p50, p99 };
}

const now = () => performance.timeOrigin + performance.now();

type Control = <Result>(name: string, ...given: readonly unknown[]) => Promise<Result>;

function controlOf(url: string): Control {
  return async <Result>(name: string, ...given: readonly unknown[]): Promise<Result> => {
    const answer = await fetch(`${url}/__control/${name}`, { method: "POST", body: JSON.stringify({ args: given }) });
    const { result, error } = (await answer.json()) as { result: Result; error?: string };
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    return result;
  };
}

interface Bot {
  readonly url: string;
  /** When a callback with these words came in. */
  heard(words: string): Promise<number>;
  stop(): Promise<void>;
}

async function startBot(): Promise<Bot> {
  const times = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const server = createServer((request, response) => {
    const at = now();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.writeHead(204).end();
      const event = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { data: { message?: { text: string } } };
      const words = event.data.message?.text;
      if (words === undefined) return;
      times.set(words, at);
      waiting.get(words)?.(at);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/baton`,
    heard: (words) =>
      within(
        new Promise((resolve) => {
          const at = times.get(words);
          if (at === undefined) waiting.set(words, resolve);
          else resolve(at);
        }),
        `the bot did not hear "${words}"`,
      ),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function connect(installation: Installation, to: Simulator, control: Control, callbackUrl: string) {
  const { id, webhookUrl } = await installation.call("POST", "/v1/connections", {
    type: "chatwoot",
    name: "Support",
    config: {
      baseUrl: to.url,
      accountId: to.accountId,
      inboxId: to.inboxId,
      apiAccessToken: to.apiAccessToken,
      webhookSecret: to.webhookSecret,
    },
  });
  await control("setWebhookUrl", webhookUrl);
  await installation.call("PATCH", `/v1/bots/${installation.first.botId}`, { callbackUrl });
  await installation.settings({ destinations: [{ id }] });
}

interface Open {
  readonly key: string;
  readonly helpdeskId: number;
}

async function openAll(installation: Installation, control: Control): Promise<Open[]> {
  const keys = Array.from({ length: CONVERSATIONS }, (_, index) => `relay-${index}`);
  const ids = new Map<string, string>();
  for (const key of keys) {
    const asked = await installation.call(
      "POST",
      "/v1/handoffs",
      JSON.parse(bodyFor(key)),
      installation.first.botToken,
    );
    ids.set((asked["handoff"] as { id: string }).id, key);
  }
  const opened = async (): Promise<Open[]> => {
    const there =
      await control<{ id: number; status: string; customAttributes: Record<string, unknown> }[]>("conversations");
    return there.flatMap(({ id, customAttributes }) => {
      const key = ids.get(String(Object.values(customAttributes).find((value) => ids.has(String(value)))));
      return key === undefined ? [] : [{ key, helpdeskId: id }];
    });
  };
  const settled = async () => {
    for (;;) {
      const open = await opened();
      const isDone = await Promise.all(
        [...ids.keys()].map(async (id) => {
          const { handoff } = await installation.call(
            "GET",
            `/v1/handoffs/${id}`,
            undefined,
            installation.first.botToken,
          );
          return (handoff as { opened: boolean }).opened;
        }),
      );
      if (open.length === keys.length && isDone.every(Boolean)) return open;
      await pause(50);
    }
  };
  return await within(settled(), "the conversations were not opened in the helpdesk");
}

async function agentToBot(
  bot: Bot,
  control: Control,
  by: { agentId: number; helpdeskId: number },
  words: string,
): Promise<number> {
  const from = now();
  await control("agentReplies", by.helpdeskId, { agentId: by.agentId, content: words });
  return (await bot.heard(words)) - from;
}

/** The simulator's log has whole milliseconds: what it says is up to one millisecond early. */
async function visitorToHelpdesk(
  installation: Installation,
  control: Control,
  to: Open,
  words: string,
): Promise<number> {
  const from = now();
  const path = `/v1/conversations/${to.key}/messages`;
  await installation.call("POST", path, { role: "visitor", text: words }, installation.first.botToken);
  const arrived = async () => {
    for (;;) {
      const messages = await control<{ content: string; createdAt: string }[]>("messages", to.helpdeskId);
      const found = messages.find((message) => message.content === words);
      if (found !== undefined) return Date.parse(found.createdAt) + 1;
      await pause(2);
    }
  };
  return (await within(arrived(), `the helpdesk did not get "${words}"`)) - from;
}

async function within<Value>(promise: Promise<Value>, otherwise: string): Promise<Value> {
  const timer = new AbortController();
  const late = pause(LONGEST_MS, null, { signal: timer.signal }).then(() => {
    throw new Error(otherwise);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
    late.catch(() => {});
  }
}
