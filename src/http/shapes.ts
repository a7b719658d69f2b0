import { z } from "zod";
import type { Page } from "../ports-store.ts";
import { HandoffError } from "../domain/errors.ts";

/** An instant in an answer. */
export const Instant = z.iso.datetime().meta({ description: "ISO 8601, UTC", examples: ["2026-11-20T09:00:00.000Z"] });

/** An instant in a request. */
export const InstantGiven = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .meta({ description: "ISO 8601", examples: ["2026-11-20T09:00:00Z"] });

export const instantOrNull = (at: Date | null): string | null => at?.toISOString() ?? null;

const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 200;

/** Query parameters of every list. */
export const pageQuery = {
  cursor: z.string().min(1).max(500).optional().meta({ description: "`nextCursor` of the page before" }),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, "must be a whole number")
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= LARGEST_PAGE, `must be from 1 to ${LARGEST_PAGE}`)
    .default(DEFAULT_PAGE)
    .meta({ description: `How many, at most ${LARGEST_PAGE}` }),
};
export const PageQuery = z.strictObject(pageQuery);

/** The shape of a list's answer. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    items: z.array(item),
    nextCursor: z.string().nullable().meta({ description: "Hand back as `cursor`; null at the end" }),
  });

export function mapPage<Row, Item>(
  page: Page<Row>,
  show: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  return { items: page.items.map(show), nextCursor: page.nextCursor };
}

/** A page of a short list that was read whole. Its rows are in the order of their ids. */
export function sliceOf<Row extends { readonly id: string }>(
  rows: readonly Row[],
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
): Page<Row> {
  const after = cursor === undefined ? rows : rows.filter((row) => row.id > cursor);
  const items = after.slice(0, limit);
  return { items, nextCursor: after.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** What is not there, and what is another workspace's, gives the same answer. */
export function found<Row>(row: Row | null): Row {
  if (row === null) throw new HandoffError("not_found");
  return row;
}

/** A name that people read. */
export const Name = z
  .string()
  .trim()
  .min(1, "must not be empty")
  .max(200)
  .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters");
