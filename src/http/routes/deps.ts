import type { Deps } from "../../handoffs/deps.ts";
import type { Marks } from "../../handoffs/marks.ts";
import type { Clock, ConnectorFactory, Log, Mail, Outgoing, Store } from "../../ports.ts";
import type { Limiters } from "../../ports-bus.ts";
import type { Diagnosis } from "../../ports-doctor.ts";
import type { Delivery } from "../../ports-store.ts";
import type { PersonHashes } from "../../secrets/person-hash.ts";
import type { Sealer } from "../../secrets/sealing.ts";
import type { Tokens } from "../tokens.ts";

/** What the routes of operators and admins are made from. */
export interface AdminDeps {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly sealer: Sealer;
  readonly personHashes: PersonHashes;
  readonly clock: Clock;
  readonly log: Log;
  readonly outgoing: Outgoing;
  /** Where Baton is reached from outside, without a trailing slash. */
  readonly baseUrl: () => string;
  /** What the rules of handoffs are handed: for what a change of a connection means to those who stand there. */
  readonly handoffs: Deps;
  /** The kinds of connections that can be made, by type. */
  readonly factories: ReadonlyMap<string, ConnectorFactory>;
  /** Called after a connection was changed or deleted: whoever keeps a connector of it drops it. */
  readonly connectionChanged: (connectionId: string) => void;
  /** Called after what may have kept a connection from working was changed: what waited for it is tried at once. */
  readonly connectionMended: (connectionId: string) => void;
  /** Webhooks have been recorded. */
  readonly wakeWebhooks: () => void;
  /** How wrong sign-in codes are counted; without it in this process's memory. */
  readonly limiters?: Limiters | undefined;
  /** For an install that waits for a webhook of its own. */
  readonly marks: Marks;
  /** How long an app's installation may ask its helpdesk, in milliseconds; absent: 7 s. For tests that cannot wait. */
  readonly installWithinMs?: number | undefined;
  /** How long an install may take until it is answered, in milliseconds; absent: 60 s. */
  readonly provisionWithinMs?: number | undefined;
  /** How this server itself is: settings, directory, store. Never rejects. */
  readonly checkServer: () => Promise<readonly Diagnosis[]>;
  /** The mail that a delivery stands for. Throws DeliveryError when what it is about is gone. */
  readonly mailOf: (delivery: Delivery) => Promise<Mail>;
}
