import type { Clock, ConnectorFactory, Log, Mail, Outgoing, Store } from "../../ports.ts";
import type { Delivery } from "../../ports-store.ts";
import type { Sealer } from "../../secrets/sealing.ts";
import type { Tokens } from "../tokens.ts";

/** What the routes of operators and admins are made from. */
export interface AdminDeps {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
  readonly outgoing: Outgoing;
  /** Where Baton is reached from outside, without a trailing slash. */
  readonly baseUrl: () => string;
  /** The kinds of connections that can be made, by type. */
  readonly factories: ReadonlyMap<string, ConnectorFactory>;
  /** Called after a connection was changed or deleted: whoever keeps a connector of it drops it. */
  readonly connectionChanged: (connectionId: string) => void;
  /** The mail that a delivery stands for. Throws DeliveryError when what it is about is gone. */
  readonly mailOf: (delivery: Delivery) => Promise<Mail>;
}
