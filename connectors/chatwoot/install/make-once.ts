import { setTimeout as pause } from "node:timers/promises";
import type { ChatwootConfig } from "../config.ts";
import { mayHaveHappened } from "./notebook.ts";
import type { Site } from "./site.ts";

/** Chatwoot cuts a request off after 15 s (rack-timeout's default), and the answer takes its way. */
const SETTLE_MS = 17_000;
const LOOK_EVERY_MS = 1_000;

export interface Creation<T> {
  /** Where the ledger keeps it. */
  readonly key: string;
  /** Our record among those that are there, by our own address or key; never by a remembered id alone. */
  find(): Promise<T | null>;
  make(): Promise<T>;
  /** Whether a record that was found is one that a cut-off run has made; absent: every one is. */
  isMade?(record: T): boolean;
  /** Fields of the configuration and further entries of the ledger that go with it, kept in the same commit. */
  also?(record: T): { readonly made?: Readonly<Record<string, string>>; readonly config?: Partial<ChatwootConfig> };
}

export interface Ensured<T> {
  readonly record: T;
  /** It was made in this run, or in an earlier one that was cut off before it could say so. */
  readonly isNew: boolean;
}

/**
 * The record, made unless it is there. The intent is kept before it is made, so that after a run that was cut off the record is
 * known to be ours; and as long as Chatwoot may still be making it, it is waited for instead of made a second time.
 */
export async function makeOnce<T extends { readonly id: number }>(
  site: Site,
  creation: Creation<T>,
): Promise<Ensured<T>> {
  const { book, deps } = site;
  const { key } = creation;
  const begun = book.begunAt(key);
  const there = (await creation.find()) ?? (begun && (await waitFor(creation, begun, deps.clock())));
  async function keep(record: T): Promise<void> {
    const { made = {}, config = {} } = creation.also?.(record) ?? {};
    await site.keep({ made: { ...made, [key]: String(record.id) }, config });
  }
  if (there) {
    const isNew = begun !== null && (creation.isMade?.(there) ?? true);
    if (isNew) await keep(there);
    else if (begun) await book.keep({ made: { [key]: null } });
    return { record: there, isNew };
  }
  await book.begin(key, deps.clock());
  let record: T;
  try {
    record = await creation.make();
  } catch (error) {
    if (!mayHaveHappened(error)) await book.keep({ made: { [key]: null } });
    throw error;
  }
  await keep(record);
  return { record, isNew: true };
}

async function waitFor<T>(creation: Creation<T>, begun: Date, now: Date): Promise<T | null> {
  const passed = Math.max(0, now.getTime() - begun.getTime());
  for (let left = SETTLE_MS - passed; left > 0; left -= LOOK_EVERY_MS) {
    await pause(Math.min(left, LOOK_EVERY_MS));
    const there = await creation.find();
    if (there) return there;
  }
  return null;
}
