/**
 * What the rules need from the world: helpdesks, a store, a clock, something that wakes the worker. Implementations live in
 * connectors/, src/storage/ and src/jobs/; everything inside speaks only to these types.
 */
import type { Attachment, Message } from "./domain/conversation.ts";
import type { DeliveryError } from "./domain/delivery.ts";
import type { AgentMessage, Handoff, HelpdeskRef, Lead } from "./domain/handoff.ts";
import type { Destination } from "./domain/settings.ts";
import type { HandoffBrief } from "./domain/transcript.ts";
import type { Channel } from "./ports-channel.ts";
import type { Quiet } from "./ports-bus.ts";
import type { Install } from "./ports-install.ts";
import type { Outgoing } from "./ports-outgoing.ts";
import type { Log } from "./ports-log.ts";
import type { JobsFigures } from "./ports-metrics.ts";
import type { Delivery, Tx, WebhookRow } from "./ports-store.ts";

export type { Outgoing, OutgoingRequest, OutgoingResponse, OutgoingFormPart } from "./ports-outgoing.ts";
export { OutgoingError } from "./ports-outgoing.ts";
export type { Log, LogFields } from "./ports-log.ts";
export type { JobsFigures, Metrics } from "./ports-metrics.ts";
export type { Store, Tx, Reads } from "./ports-store.ts";
export type {
  BotAnswer,
  BotTurns,
  Channel,
  HostedForm,
  HostedLine,
  HostedMessage,
  HostedView,
  Waiting,
} from "./ports-channel.ts";
export type {
  Install,
  InstallDeps,
  LedgerPatch,
  ProvisionLedger,
  ProvisionReport,
  ProvisionStep,
  ProvisionWish,
} from "./ports-install.ts";

/** The instant now. Handed in everywhere, so that a test can set it. */
export type Clock = () => Date;

/** A webhook as it came: bytes untouched, header names in lower case. */
export interface InboundRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  /** The secret part of the webhook's path, for helpdesks too old to sign: null unless it was found to be the connection's. */
  readonly pathSecret: string | null;
}

export type HelpdeskStatus = "open" | "resolved" | "pending" | "snoozed";

/** What a helpdesk told us, in our words. `conversationId` is the helpdesk's. */
export type HelpdeskEvent =
  | { readonly type: "message"; readonly conversationId: string; readonly message: AgentMessage }
  | {
      readonly type: "assignee";
      readonly conversationId: string;
      readonly agent: HelpdeskAgent | null;
      readonly version: number;
    }
  | {
      readonly type: "status";
      readonly conversationId: string;
      readonly status: HelpdeskStatus;
      readonly version: number;
    }
  | { readonly type: "typing"; readonly conversationId: string; readonly on: boolean }
  /** Something changed that the payload does not tell in full: look at the conversation. */
  | { readonly type: "changed"; readonly conversationId: string };

export interface HelpdeskAgent {
  readonly id: string | null;
  readonly name: string | null;
}

/** A webhook's content after verification and parsing. */
export interface Inbound {
  /** The same for every delivery of the same event, whatever its delivery id; at most 200 characters. */
  readonly dedupeKey: string;
  readonly events: readonly HelpdeskEvent[];
  /** Somebody came or went: who is online has to be asked anew. */
  readonly presenceChanged?: boolean;
  /** Conversations with news in which a bot of ours answers. */
  readonly hosted?: readonly string[];
}

/** A helpdesk conversation as read from the helpdesk itself. */
export interface HelpdeskView {
  /** Messages by people meant for the visitor, in the helpdesk's order; may repeat what is known. */
  readonly messages: readonly AgentMessage[];
  /** Hand this to the next look. */
  readonly cursor: string | null;
  readonly status: HelpdeskStatus;
  readonly assignee: HelpdeskAgent | null;
  /** Grows with each change of the conversation (the vendor's finest version stamp); for dropping older news. */
  readonly version: number;
  /** A message is not ready yet (a file without its address): it and what follows are held back, so look again soon. */
  readonly isIncomplete: boolean;
}

/** Handed to every call that has an effect. */
export interface Effect {
  /** Stable over all attempts: goes into the far side's record as our own key. */
  readonly key: string;
  /** True when an earlier attempt may have taken effect: look for `key` before doing it again. */
  readonly mayHaveHappened: boolean;
  /** What earlier attempts reached (ids of records made), kept on disk; {} at first. */
  readonly progress: Readonly<Record<string, string>>;
  /** Keeps a step that was reached, before the next is begun. */
  saveProgress(patch: Readonly<Record<string, string>>): Promise<void>;
}

export interface OpenRequest {
  readonly handoffId: string;
  /** Baton's id of the conversation: the same for each handoff of it. */
  readonly conversationId: string;
  readonly destination: Destination;
  readonly brief: HandoffBrief;
  /** The visitor's last words, shown to the agent as an ordinary message; null when there are none. */
  readonly lastWords: Message | null;
  /** The conversation that this one goes on from, which takes nothing more; null for a handoff that begins. */
  readonly continues: HelpdeskRef | null;
  /** Who had the conversation that this one goes on from, as the helpdesk names them; null for nobody. */
  readonly agentId: string | null;
  /** The bot spoke there itself until now: this conversation is to be opened, and none made. Null: outside. */
  readonly inPlace?: InPlace | null;
}

export interface InPlace {
  readonly conversationId: string;
  /** A person has taken it already: it needs no note, and stays theirs. */
  readonly isTaken: boolean;
}

/** What became of a message. `stale`: the helpdesk takes nothing more in that conversation; nothing was stored. */
export type Sent = "sent" | "stale";

export interface LeadRequest {
  readonly lead: Lead;
  readonly brief: HandoffBrief;
  readonly destination: Destination;
  /** The handoff's conversation in this helpdesk, when it was live there before. */
  readonly ref: HelpdeskRef | null;
  /** The bot goes on speaking in `ref`: the lead is noted there, and its status stays. */
  readonly inPlace?: boolean;
}

export interface CloseRequest {
  readonly handoffId: string;
  readonly conversationId: string;
  readonly ref: HelpdeskRef | null;
  readonly progress: Readonly<Record<string, string>>;
  /** Told to the agent as a private note. */
  readonly note: string;
  /**
   * Null: it is resolved. Where the bot spoke in `ref` itself, it has it again and nobody is assigned: `give_back` whatever its
   * status, `let_go` after a person ended it there, and not once a person has opened it again.
   */
  readonly inPlace?: "give_back" | "let_go" | null;
}

/** One finding of a connection's check, in words for the admin. `fix` says what to do; null when it is fine. */
export interface Finding {
  readonly step: string;
  readonly ok: boolean;
  readonly message: string;
  readonly fix: string | null;
}

export interface CheckReport {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** Version and the like, as the helpdesk names itself. */
  readonly about: Readonly<Record<string, string>>;
}

/** What is known of a connection besides its configuration. */
export interface Seen {
  readonly lastWebhookAt: Date | null;
}

/** A value that a field of the configuration can take, with the name that people know it by. */
export interface Choice {
  readonly value: string;
  readonly label: string;
  /** False for one that exists and cannot serve: a channel that is switched off. */
  readonly usable: boolean;
}

/** What can be chosen, by field of the configuration. */
export type Choices = Readonly<Record<string, readonly Choice[]>>;

export interface Connector {
  readonly type: string;
  readonly can: {
    /** Files are passed as files, not only as links. */
    readonly attachments: boolean;
    /** The conversation can be read back, so that effects happen once and lost webhooks are made good. */
    readonly look: boolean;
    /** It has nothing outside: a handoff is open as soon as it is stored, and no delivery is owed. */
    readonly local: boolean;
  };
  /** How long after a time-out the far side may still commit the request, in milliseconds. */
  readonly settleMs: number;
  /** Makes the conversation in the helpdesk, ready for an agent. Throws DeliveryError. */
  open(request: OpenRequest, effect: Effect): Promise<HelpdeskRef>;
  /** A visitor's message into the conversation. Throws DeliveryError. */
  send(ref: HelpdeskRef, message: Message, effect: Effect): Promise<Sent>;
  /** Ends the conversation there; finds it by our own key when `ref` is null. Repeating it does nothing. Throws DeliveryError. */
  close(request: CloseRequest, effect: Effect): Promise<void>;
  /** A lead as contact, conversation and note. Throws DeliveryError. */
  lead(request: LeadRequest, effect: Effect): Promise<HelpdeskRef>;
  /** The conversation from the helpdesk itself, messages after `cursor` with overlap. Throws DeliveryError. */
  look(ref: HelpdeskRef, cursor: string | null): Promise<HelpdeskView>;
  /** Agents online for this destination; null when it cannot be known. Throws DeliveryError. */
  presence(destination: Destination): Promise<number | null>;
  /** What is wrong with the connection, in words. Never throws. */
  check(seen: Seen): Promise<CheckReport>;
  /** What the helpdesk offers for the fields of the configuration. Throws DeliveryError. */
  choices(): Promise<Choices>;
  /** Throws HandoffError `invalid_signature` or `stale_webhook`. */
  verify(request: InboundRequest, now: Date): void;
  /** Pure. An event we do not use, or of another account or inbox, gives no events. Throws HandoffError on what is no webhook. */
  toInbound(payload: unknown): Inbound;
  /** Where a bot of ours answers visitors inside the helpdesk; absent where none does. */
  readonly channel?: Channel | undefined;
}

/** Makes a connector from a connection's stored configuration. One entry per helpdesk in connectors/index.ts. */
export interface ConnectorFactory<Config = unknown> {
  readonly type: string;
  /** Shown to admins: name, what it is for. */
  readonly title: string;
  /** Parses what an admin gave: throws a ZodError that names every fault. Secrets are listed in `secretFields`. */
  parseConfig(given: unknown): Config;
  readonly secretFields: readonly string[];
  /** The JSON Schema of the configuration, for the API document and the console's form. */
  readonly configSchema: Readonly<Record<string, unknown>>;
  /** Changes of these fields drop the stored secrets, so that a token never reaches a new host. */
  readonly hostFields: readonly string[];
  create(config: Config, deps: ConnectorDeps): Connector;
  /** Absent for a helpdesk that an admin sets up by hand. */
  readonly install?: Install<Config>;
}

export interface ConnectorDeps {
  readonly connectionId: string;
  readonly workspaceId: string;
  /** Where the helpdesk reaches Baton, without a trailing slash. */
  readonly baseUrl: string;
  readonly outgoing: Outgoing;
  readonly clock: Clock;
  readonly log: Log;
  /** For a helpdesk that refuses to be asked for a while: what other processes know of that. */
  readonly quiet?: Quiet | undefined;
}

/** Tells a bot what happened, by a POST signed per Standard Webhooks. Resolves when the bot answered 2xx. Throws DeliveryError. */
export interface Callbacks {
  send(call: {
    readonly url: string;
    /** `whsec_` and base64, or several with spaces between while one is being replaced: the first signs. */
    readonly secret: string;
    /** The same over all attempts: header `webhook-id`. */
    readonly id: string;
    /** What the event came of: header `X-Request-Id`. */
    readonly requestId?: string | null;
    /** The body, as JSON. */
    readonly body: Readonly<Record<string, unknown>>;
  }): Promise<void>;
}

/** Sends a mail; resolves when the server has taken it. Throws DeliveryError. Null where no SMTP_URL is set. */
export interface Mailer {
  send(mail: Mail): Promise<void>;
  /** Asks the server whether it would take mail from us, and sends none. Throws DeliveryError. */
  check?(): Promise<void>;
}

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly replyTo: string | null;
  /** Stable over all attempts, for the Message-ID header. */
  readonly key: string;
  readonly attachments?: readonly Attachment[];
}

/** What to store in the same commit that ends a delivery; null for nothing. */
export type Then = ((tx: Tx) => Promise<void>) | null;

/** What a worker does with what is owed. Implemented by src/handoffs, run by src/jobs. */
export interface Duties {
  /** Brings the effect about. Throws DeliveryError; anything else counts as transient. */
  perform(delivery: Delivery, effect: Effect): Promise<Then>;
  /** The delivery is given up: what follows from that, in the same commit. */
  abandoned(delivery: Delivery, error: DeliveryError): Then;
  /** How long after an ambiguous failure the far side may still do it, in milliseconds. */
  settleMs(delivery: Delivery): number;
  /** Reads the helpdesk's conversation and applies what is new. Throws DeliveryError. */
  look(workspaceId: string, handoffId: string): Promise<void>;
  /** Works on a recorded webhook. Throws DeliveryError when it should be tried again. */
  webhook(row: WebhookRow): Promise<void>;
  /** Looks for conversations that wait for a bot and of which no webhook has told. */
  waiting(): Promise<void>;
  /** A limit of this handoff has passed: accept, open or idle. */
  overdue(handoff: Handoff): Promise<void>;
  /** The connection's circuit has opened: nothing gets through. */
  connectionDown(connectionId: string, problem: string): Promise<void>;
  /** It works again. */
  connectionUp(connectionId: string): Promise<void>;
}

/** What is known about connections that keep failing. */
export interface Circuits {
  /** Known to be down: a new handoff goes elsewhere. */
  isDown(connectionId: string): boolean;
}

/**
 * Wakes the worker. The database is the truth: a wake-up that gets lost costs one sweep, nothing else. Bull fits behind it
 * as it is: a wake-up carries an id and nothing else.
 */
export interface Jobs {
  readonly circuits: Circuits;
  /** What is in hand right now. */
  figures(): JobsFigures;
  /** There may be something to send in this lane now. */
  wakeLane(lane: string): void;
  /** There may be news of this handoff in its helpdesk. */
  wakeLook(workspaceId: string, handoffId: string): void;
  /** Webhooks have been recorded. */
  wakeWebhooks(): void;
  /** A connection's settings were changed: what made us wait for it may be over. */
  connectionMended(connectionId: string): void;
  /** Starts the worker and its sweep. */
  start(): Promise<void>;
  /** No new work; resolves when what runs has ended, or after `withinMs`. */
  stop(withinMs: number): Promise<void>;
}
