import type { Channel, Connector, HostedLine, HostedView } from "../../src/ports.ts";
import type { ChatwootOptions, ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { chatwootBench } from "./chatwoot-bench.ts";
import type { ChatwootBench } from "./chatwoot-bench.ts";
import { ledger } from "./effects.ts";

export interface ChannelBench {
  readonly bench: ChatwootBench;
  readonly simulator: ChatwootSimulator;
  readonly connector: Connector;
  readonly channel: Channel;
  readonly botId: number;
  readonly botToken: string;
  readonly site: number;
  readonly whatsApp: number;
  readonly mail: number;
  /** Somebody writes on the website, and the bot has the word. @returns the conversation */
  readonly visitorAsks: (text?: string) => string;
  readonly read: (conversationId: string, cursor?: string | null) => Promise<HostedView>;
  readonly say: (line: Partial<HostedLine> & { conversationId: string }, key?: string) => Promise<"said" | "silent">;
  readonly stop: () => Promise<void>;
}

/** A connector whose bot answers in a website, a WhatsApp and an e-mail inbox of a simulated Chatwoot. */
export async function channelBench(
  options: ChatwootOptions = {},
  given: Record<string, unknown> = {},
): Promise<ChannelBench> {
  const bench = await chatwootBench(options);
  const { simulator } = bench;
  const bot = simulator.addBot({ name: "Baton" });
  // The API names the bot that holds a conversation, as releases since 4.8 do.
  simulator.setApiShowsBot(true);
  const of = { botId: bot.id, memberIds: [simulator.agentId] };
  const site = simulator.addWebsiteInbox(of);
  const whatsApp = simulator.addWhatsAppInbox(of);
  const mail = simulator.addEmailInbox(of);
  const connector = bench.connectorWith({
    botInboxIds: [site, whatsApp, mail],
    agentBotId: bot.id,
    agentBotToken: bot.token,
    agentBotSecret: bot.secret,
    ...given,
  });
  const { channel } = connector;
  if (!channel) throw new Error("a connection with inboxes for its bot has a channel");
  return {
    bench,
    simulator,
    connector,
    channel,
    botId: bot.id,
    botToken: bot.token,
    site,
    whatsApp,
    mail,
    visitorAsks: (text = "Where is my order?") => String(simulator.visitorWrites(site, { text }).conversationId),
    read: (conversationId, cursor = null) => channel.read(conversationId, cursor),
    say: (line, key = "dlv_say") => channel.say(lineOf(line), ledger(key).attempt()),
    stop: () => bench.stop(),
  };
}

export const lineOf = (line: Partial<HostedLine> & { conversationId: string }): HostedLine => ({
  key: "msg_1",
  role: "bot",
  text: "Let me see.",
  attachments: [],
  authorName: null,
  form: null,
  ...line,
});
