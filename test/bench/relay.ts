import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { startChild } from "./children.ts";
import type { Installation } from "./installation.ts";
import { bodyFor, percentiles } from "./load.ts";
import { controlOf } from "./sides.ts";
import type { Control, Side } from "./sides.ts";

/** Milliseconds from one side to the other, one message at a time. */
export interface Relay {
  readonly toBot: { readonly p50: number; readonly p99: number };
  readonly toHelpdesk: { readonly p50: number; readonly p99: number };
  /** Webhooks of strangers that were answered with success meanwhile. */
  readonly strangersPerSecond: number;
}

/** Few enough messages for each that Chatwoot's limit per conversation (200 a minute) is far. */
const CONVERSATIONS = 10;
const LONGEST_MS = 20_000;

/**
 * How long a message takes through Baton while nothing else happens: from the agent's click in a simulated helpdesk (a
 * process of its own, with webhooks signed as the real one signs them) to the callback at the bot, and from the visitor's
 * message at Baton's door to the call at the helpdesk's.
 *
 * @param options.strangersPerSecond webhooks of conversations that are not Baton's, as a helpdesk sends them that tells of
 *   its whole account
 */
export async function measureRelay(
  installation: Installation,
  side: Side,
  options: { rounds: number; strangersPerSecond?: number },
): Promise<Relay> {
  const bot = await startBot();
  const child = await startChild(side.program);
  const { url } = JSON.parse(child.said) as { url: string };
  const control = controlOf(url);
  const about = await control<Record<string, unknown>>("");
  const strangers = options.strangersPerSecond ?? 0;
  let isOver = false;
  try {
    await connect(installation, side, { about, control, callbackUrl: bot.url });
    const conversations = await openAll(installation, side, control);
    const noise = strangers === 0 ? null : sendStrangers(control, strangers, () => isOver);
    const toBot: number[] = [];
    const toHelpdesk: number[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      const conversation = conversations[round % conversations.length];
      if (conversation === undefined) throw new Error("no conversation is open");
      toBot.push(await agentToBot(bot, { side, control, about, conversation }, `agent ${round}`));
      toHelpdesk.push(await visitorToHelpdesk(installation, { side, control, conversation }, `visitor ${round}`));
    }
    isOver = true;
    const strangersHeard = (await noise) ?? 0;
    return { toBot: spread(toBot), toHelpdesk: spread(toHelpdesk), strangersPerSecond: strangersHeard };
  } finally {
    isOver = true;
    await installation.settings({ destinations: [{ id: "inbox" }] });
    await child.stop();
    await bot.stop();
  }
}

/** What a stranger's conversation brings: a message, an assignment, a reply, a note and an end. */
const WEBHOOKS_OF_A_STRANGER = 5;

/** Webhooks of strangers at this rate until it is over; gives the rate at which they were answered with success. */
async function sendStrangers(control: Control, perSecond: number, isOver: () => boolean): Promise<number> {
  const begun = now();
  const taken = async () =>
    (await control<{ status: number | null }[]>("webhooksSent")).filter(({ status }) => status === 200).length;
  const before = await taken();
  for (let made = 0; !isOver();) {
    const wanted = ((now() - begun) / 1_000) * (perSecond / WEBHOOKS_OF_A_STRANGER);
    const missing = Math.floor(wanted - made);
    if (missing > 0) await control("foreignTraffic", missing);
    made += Math.max(missing, 0);
    await pause(50);
  }
  const seconds = (now() - begun) / 1_000;
  await control("settled");
  return ((await taken()) - before) / seconds;
}

function spread(values: readonly number[]): { p50: number; p99: number } {
  const [p50 = Number.NaN, p99 = Number.NaN] = percentiles(values, [0.5, 0.99]);
  return { p50, p99 };
}

const now = () => performance.timeOrigin + performance.now();

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

async function connect(
  installation: Installation,
  side: Side,
  { about, control, callbackUrl }: { about: Record<string, unknown>; control: Control; callbackUrl: string },
): Promise<void> {
  const made = await installation.call("POST", "/v1/connections", { name: "Support", ...side.connection(about) });
  await control("setWebhookUrl", made["webhookUrl"]);
  await installation.call("PATCH", `/v1/bots/${installation.first.botId}`, { callbackUrl });
  await installation.settings({ destinations: [{ id: made["id"] }] });
}

interface Open {
  readonly key: string;
  readonly helpdeskId: string;
}

async function openAll(installation: Installation, side: Side, control: Control): Promise<Open[]> {
  const { botToken } = installation.first;
  const handoffs = new Map<string, string>();
  for (let index = 0; index < CONVERSATIONS; index += 1) {
    const key = `relay-${side.name}-${index}-${Math.round(now())}`;
    const asked = await installation.call("POST", "/v1/handoffs", JSON.parse(bodyFor(key)), botToken);
    handoffs.set((asked["handoff"] as { id: string }).id, key);
  }
  const isOpened = async (id: string) => {
    const { handoff } = await installation.call("GET", `/v1/handoffs/${id}`, undefined, botToken);
    return (handoff as { opened: boolean }).opened;
  };
  const settled = async () => {
    for (;;) {
      if ((await Promise.all([...handoffs.keys()].map(isOpened))).every(Boolean)) break;
      await pause(50);
    }
    const there = await side.byHandoff(control, new Set(handoffs.keys()));
    return [...there].map(([handoffId, helpdeskId]) => ({ key: handoffs.get(handoffId) ?? "", helpdeskId }));
  };
  return await within(settled(), "the conversations were not opened in the helpdesk");
}

async function agentToBot(
  bot: Bot,
  at: { side: Side; control: Control; about: Record<string, unknown>; conversation: Open },
  words: string,
): Promise<number> {
  const from = now();
  await at.side.reply(at.control, at.about, at.conversation.helpdeskId, words);
  return (await bot.heard(words)) - from;
}

/** The simulator's log has whole milliseconds: what it says is up to one millisecond early. */
async function visitorToHelpdesk(
  installation: Installation,
  { side, control, conversation }: { side: Side; control: Control; conversation: Open },
  words: string,
): Promise<number> {
  const from = now();
  const path = `/v1/conversations/${conversation.key}/messages`;
  await installation.call("POST", path, { role: "visitor", text: words }, installation.first.botToken);
  const arrived = async () => {
    for (;;) {
      const at = await side.arrivedAt(control, conversation.helpdeskId, words);
      if (at !== null) return at + 1;
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
