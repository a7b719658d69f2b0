import type { InstallDeps, LedgerPatch, ProvisionLedger } from "../../../src/ports.ts";
import { createClient } from "../client.ts";
import type { Client } from "../client.ts";
import type { ChatwootConfig } from "../config.ts";
import { notebookOf } from "./notebook.ts";
import type { Notebook } from "./notebook.ts";

/** Where an install works: the connection's configuration as it is now, and Chatwoot through it. */
export interface Site {
  readonly deps: InstallDeps;
  readonly book: Notebook;
  readonly place: { readonly batonUrl: string; readonly connectionId: string };
  /** With what earlier steps have kept. */
  config(): ChatwootConfig;
  client(): Client;
  /** Keeps what a step reached, on disk and for the steps to come. */
  keep(patch: LedgerPatch & { readonly config?: Partial<ChatwootConfig> }): Promise<void>;
}

export function createSite(config: ChatwootConfig, deps: InstallDeps, ledger: ProvisionLedger): Site {
  const book = notebookOf(ledger);
  let current = config;
  return {
    deps,
    book,
    place: { batonUrl: deps.baseUrl, connectionId: deps.connectionId },
    config: () => current,
    client: () => createClient(current, deps),
    async keep(patch) {
      await book.keep(patch);
      current = { ...current, ...patch.config };
    },
  };
}

const isSame = (value: unknown, other: unknown): boolean => JSON.stringify(value) === JSON.stringify(other);

/** Keeps fields of the configuration, unless they are as wanted already. True when something changed. */
export async function keepConfig(site: Site, wanted: Partial<ChatwootConfig>): Promise<boolean> {
  const have: Readonly<Record<string, unknown>> = { ...site.config() };
  if (Object.entries(wanted).every(([field, value]) => isSame(value, have[field]))) return false;
  await site.keep({ config: wanted });
  return true;
}
