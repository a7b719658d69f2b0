/** Setting a helpdesk up through its own API, and taking away again what was made there. */
import type { ConnectorDeps } from "./ports.ts";

/** What an install is to bring about. */
export interface ProvisionWish {
  /** Inboxes that the bot is to answer in, by the helpdesk's ids; undefined leaves them as they are, [] detaches all of ours. */
  readonly botInboxes?: readonly string[] | undefined;
}

/** What a step of an install reached, to be kept. */
export interface LedgerPatch {
  /** By step; null takes away. Shown to admins: never a secret. */
  readonly made?: Readonly<Record<string, string | null>>;
  /** Fields of the connection's configuration, secrets among them, merged field by field; null takes away. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The record of an install, on disk between its steps. */
export interface ProvisionLedger {
  /** What was made, by step, as it is on disk now; {} at first. What was there before is not in it, and is never removed. */
  readonly made: Readonly<Record<string, string>>;
  /**
   * Keeps what a step reached before the next step begins: one commit. Nothing new is no commit. Throws HandoffError `conflict` when somebody else changed
   * the connection meanwhile: the install ends there, and is run again.
   */
  keep(patch: LedgerPatch): Promise<void>;
}

/** One step of an install, in words for the admin. `fix` says what to do; null when nothing is left to do. */
export interface ProvisionStep {
  /** `token` is the one that proves the credentials right: what else it finds out is kept with them. */
  readonly step: string;
  readonly outcome: "made" | "found" | "repaired" | "removed" | "skipped" | "failed";
  readonly message: string;
  readonly fix: string | null;
}

export interface ProvisionReport {
  /** True when what was wished for is there now. */
  readonly ok: boolean;
  readonly steps: readonly ProvisionStep[];
  /** Version and the like, as the helpdesk names itself. */
  readonly about: Readonly<Record<string, string>>;
}

export interface InstallDeps extends ConnectorDeps {
  /** Where the helpdesk sends webhooks of this connection, when it signs them. */
  readonly webhookUrl: string;
  /** Behind `webhookUrl` and a slash for a helpdesk too old to sign. */
  readonly pathSecret: string;
  /** Tells of a step as soon as it has ended: what is known when the time is up. Each step once, in the report's order. */
  told(step: ProvisionStep): void;
  /**
   * Resolves with true as soon as a verified webhook of this connection holds the mark (also one that came since the install
   * began), with false after `withinMs`. Never rejects. A mark is letters, digits and hyphens, so that JSON does not rewrite it.
   */
  heard(mark: string, withinMs: number): Promise<boolean>;
}

/** For helpdesks that can be set up through their API. */
export interface Install<Config> {
  /**
   * Brings about what is not there yet, step by step; safe to repeat, also after it was cut off anywhere. What goes wrong is a
   * failed step, in words. Throws only what `ledger.keep` throws. Once the time is up, `outgoing` refuses every request: what
   * was reached can still be kept.
   */
  provision(config: Config, deps: InstallDeps, wish: ProvisionWish, ledger: ProvisionLedger): Promise<ProvisionReport>;
  /** Takes away what the ledger says was made, and nothing else; safe to repeat. As `provision` otherwise. */
  remove(config: Config, deps: InstallDeps, ledger: ProvisionLedger): Promise<ProvisionReport>;
}
