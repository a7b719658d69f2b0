import { z } from "zod";
import type { Client } from "./client.ts";

/** What one reader says is the most; others ask for more and are given it (sheet 1.6). */
const ITEMS_PER_PAGE = 50;
const MOST_PAGES = 40;

export interface Listing<T> {
  /** Below `/v2`, without the query: `/channels`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** The property that holds the list: `channels`. */
  readonly name: string;
  readonly doing: string;
  /** What does not fit is left out. */
  readonly item: z.ZodType<T>;
  readonly mostPages?: number;
  readonly budget?: Budget;
}

/** Time that several requests share. */
export interface Budget {
  /** Milliseconds left, at least 1: for a request's time-out. */
  left(): number;
}

export function createBudget(milliseconds: number): Budget {
  const ends = performance.now() + milliseconds;
  return { left: () => Math.max(1, Math.ceil(ends - performance.now())) };
}

/** Every item of a list once, in FreshChat's order. `isWhole`: false when there were more pages than are read. */
export interface Listed<T> {
  readonly items: readonly T[];
  readonly isWhole: boolean;
}

const Paging = z.looseObject({
  pagination: z
    .looseObject({ total_pages: z.number().nullish().catch(null) })
    .nullish()
    .catch(null),
  links: z.looseObject({ next_page: z.unknown().optional() }).nullish().catch(null),
});

/** Follows the pages of a list (sheet 1.6). Throws DeliveryError. */
export async function readPages<T extends { readonly id: string }>(
  client: Client,
  { path, query, name, doing, item, mostPages = MOST_PAGES, budget }: Listing<T>,
): Promise<Listed<T>> {
  const answer = Paging.extend({ [name]: z.array(z.unknown()) });
  const items = new Map<string, T>();
  for (let page = 1; page <= mostPages; page += 1) {
    const asked = new URLSearchParams({ page: String(page), items_per_page: String(ITEMS_PER_PAGE), ...query });
    const body = await client.call({
      method: "GET",
      path: `${path}?${asked.toString()}`,
      doing,
      answer,
      ...(budget === undefined ? {} : { timeoutMs: budget.left() }),
    });
    const before = items.size;
    for (const one of z.array(z.unknown()).parse(body[name])) {
      const parsed = item.safeParse(one);
      if (parsed.success && !items.has(parsed.data.id)) items.set(parsed.data.id, parsed.data);
    }
    // A page that brings nothing new ends the list whatever it says of itself: `page` may have been ignored.
    if (items.size === before || !saysMore(body, page)) return { items: [...items.values()], isWhole: true };
  }
  return { items: [...items.values()], isWhole: false };
}

/** Whether there is a page after this one; where an answer does not say, the next page will show. */
function saysMore({ pagination, links }: z.infer<typeof Paging>, page: number): boolean {
  const pages = pagination?.total_pages ?? null;
  if (pages === null && !links) return true;
  return (pages !== null && page < pages) || Boolean(links?.next_page);
}
