import type { BotHandoff, NotDelivered, Notification } from "./control-types.ts";

/** An agent bot: of the account, or of the whole installation. */
export interface AgentBot {
  id: number;
  name: string;
  description: string | null;
  /** Without it a bot is only an identity and a token (3.4). */
  outgoingUrl: string | null;
  token: string;
  secret: string;
  isSystemBot: boolean;
}

export interface DashboardApp {
  id: number;
  title: string;
  content: { type: string; url: string }[];
  createdAt: Date;
}

/** What an operator or the plan decides, and what differs between releases and installations. */
export interface Settings {
  planHasApi: boolean;
  keepPendingOnBotFailure: boolean;
  /** The operator's opt-out of the private-network rule; null takes loopback for a public address. */
  allowPrivateNetwork: boolean | null;
  webhookTimeoutMs: number;
  botRetryMs: number;
  /** A conversation that the API shows names its bot as the assignee, as the source does since 4.8.0. */
  apiShowsBot: boolean;
  /** Assigning a bot makes pending, a person opens: merged after 4.16.2, in no release that was looked at. */
  assignmentChangesStatus: boolean;
}

/** What happened that no webhook tells. */
export interface Records {
  readonly notifications: Notification[];
  readonly botHandoffs: BotHandoff[];
  readonly notDelivered: NotDelivered[];
}

/** A user's other account: a line in the profile, nothing behind it. */
export interface AccountLine {
  userId: number;
  id: number;
  name: string;
  role: "administrator" | "agent";
}
