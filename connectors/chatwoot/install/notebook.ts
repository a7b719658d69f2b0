import { DeliveryError } from "../../../src/domain/delivery.ts";
import type { LedgerPatch, ProvisionLedger } from "../../../src/ports.ts";

/** The ledger as the steps use it: what was made, and what was begun and may have been made. */
export interface Notebook {
  /** The id of a record that we made; null for none, and while it is only begun. */
  made(key: string): string | null;
  /** When the creation of a record was begun whose end is not known; null for none. */
  begunAt(key: string): Date | null;
  /** Everything in it, begun or made. */
  keys(): readonly string[];
  keep(patch: LedgerPatch): Promise<void>;
  /** Notes a creation, so that what a cut-off run may have made is known to be ours. */
  begin(key: string, now: Date): Promise<void>;
  /** What the ledger itself threw, if it did: then the install ends. */
  failure(): { readonly error: unknown } | null;
}

const BEGUN = "begun ";

export function notebookOf(ledger: ProvisionLedger): Notebook {
  const all = new Map(Object.entries(ledger.made));
  let failure: { error: unknown } | null = null;
  async function keep(patch: LedgerPatch): Promise<void> {
    if (failure) throw failure.error;
    try {
      await ledger.keep(patch);
    } catch (error) {
      failure = { error };
      throw error;
    }
    for (const [key, value] of Object.entries(patch.made ?? {})) {
      if (value === null) all.delete(key);
      else all.set(key, value);
    }
  }
  return {
    made(key) {
      const value = all.get(key);
      return value === undefined || value.startsWith(BEGUN) ? null : value;
    },
    begunAt(key) {
      const value = all.get(key);
      if (!value?.startsWith(BEGUN)) return null;
      const at = new Date(value.slice(BEGUN.length));
      return Number.isNaN(at.getTime()) ? new Date(0) : at;
    },
    keys: () => [...all.keys()],
    keep,
    begin: (key, now) => keep({ made: { [key]: BEGUN + now.toISOString() } }),
    failure: () => failure,
  };
}

/** True for a failure after which the record may have been made all the same. */
export const mayHaveHappened = (error: unknown): boolean => !(error instanceof DeliveryError) || error.ambiguous;
