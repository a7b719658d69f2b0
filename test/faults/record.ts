/** What bots, visitors and agents did and were answered, in the order in which they learned it. The judge reads nothing else of them. */
export type Act =
  /** A handoff was asked for and acknowledged; its first words went along. */
  | (Of & Answered & { readonly did: "asked"; readonly handoffId: string; readonly text: string })
  /** A visitor's words, acknowledged. `handoffId` is what the answer said they belong to. */
  | (Of & Answered & { readonly did: "said"; readonly text: string; readonly handoffId: string | null })
  /** A bot's words that were taken; `knew` is the newest epoch of which the bot had been told that a person has control. */
  | (Of & Answered & { readonly did: "bot_said"; readonly text: string; readonly knew: number })
  /** A bot's words that were refused. */
  | (Of & { readonly did: "bot_refused"; readonly text: string })
  /** The bot is about to end it: whatever it is answered, this may be the cause of an end. */
  | (Of & { readonly did: "ends"; readonly handoffId: string })
  | (Of & { readonly did: "ended"; readonly handoffId: string })
  /** A form with consent, acknowledged. */
  | (Of & { readonly did: "left_details"; readonly handoffId: string; readonly email: string })
  /** In a helpdesk, in one of its conversations. */
  | (There & { readonly did: "wrote"; readonly text: string })
  | (There & { readonly did: "noted"; readonly text: string })
  | (There & { readonly did: "resolved" })
  | (There & { readonly did: "assigned" })
  | (There & { readonly did: "released" })
  /** An answer that no order of events allows. */
  | { readonly did: "wrong"; readonly what: string };

interface Of {
  /** The bot's own id of the conversation. */
  readonly key: string;
}

interface There {
  readonly desk: string;
  /** The helpdesk's own id of it. */
  readonly there: string;
}

interface Answered {
  readonly control: "bot" | "human";
  readonly epoch: number;
  readonly mode: "live" | "lead" | null;
}

/** A conversation as the people of a helpdesk see it, oldest line first. */
export interface Standing {
  readonly desk: string;
  readonly there: string;
  /** The handoff that Baton says it is for; empty where nothing there says so. */
  readonly handoffId: string;
  readonly isResolved: boolean;
  readonly lines: readonly { readonly by: "visitor" | "note" | "others"; readonly text: string }[];
}

export interface Heard {
  readonly id: string;
  readonly type: string;
  readonly data: Json;
}

// oxlint-disable-next-line typescript/no-explicit-any -- JSON of others, read by field; what is not there shows where it is read
export type Json = Record<string, any>;

/** What each side has when everything is over. */
export interface Ends {
  readonly standing: readonly Standing[];
  /** Of all bots, repeats included. */
  readonly heard: readonly Heard[];
  /** As Baton tells them: every conversation with its messages and events, oldest first. */
  readonly conversations: readonly {
    readonly key: string;
    readonly control: string;
    readonly epoch: number;
    readonly messages: readonly { readonly role: string; readonly text: string }[];
  }[];
  readonly handoffs: readonly {
    readonly id: string;
    readonly key: string;
    readonly status: string;
    readonly mode: string;
    readonly events: readonly Heard[];
  }[];
  readonly leads: readonly { readonly handoffId: string; readonly email: string; readonly hasConsent: boolean }[];
  /** What is still owed, or was given up. */
  readonly owed: readonly { readonly kind: string; readonly state: string; readonly reason: string | null }[];
  /** What each helpdesk says of our requests that it did not understand. */
  readonly violations: readonly string[];
  /** Callbacks whose signature did not fit. */
  readonly forged: number;
}

export interface History {
  readonly acts: readonly Act[];
  readonly ends: Ends;
}
