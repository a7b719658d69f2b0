import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { Client } from "./client.ts";
import type { Budget } from "./pages.ts";

/** `isWithin` is null where FreshChat does not tell; `why` then says so, in words for the admin. */
export type BusinessHours =
  { readonly isWithin: boolean; readonly why: null } | { readonly isWithin: null; readonly why: string };

/**
 * Whether a group is in its business hours now, as far as FreshChat tells. The path is known, its answer is published nowhere
 * (sheet 4): any form that says yes or no is taken. Never throws.
 */
export async function askBusinessHours(client: Client, groupId: string, budget: Budget): Promise<BusinessHours> {
  try {
    const body = await client.call({
      method: "GET",
      path: `/business-hours/within-bh?group_id=${encodeURIComponent(groupId)}`,
      doing: "tell the group's business hours",
      answer: z.unknown(),
      timeoutMs: budget.left(),
    });
    const isWithin = readYesOrNo(body);
    return isWithin === null
      ? { isWithin, why: "FreshChat answers in a form that Baton does not know." }
      : { isWithin, why: null };
  } catch (error) {
    return { isWithin: null, why: error instanceof DeliveryError ? error.message : "Asking for them failed." };
  }
}

/** Names that mean "within", in small letters without marks between them. */
const within = new Set([
  "withinbh",
  "iswithinbh",
  "inbh",
  "withinbusinesshours",
  "withinbusinesshour",
  "iswithinbusinesshours",
  "inbusinesshours",
  "isinbusinesshours",
  "isbusinesshours",
  "businesshours",
  "within",
  "iswithin",
  "isopen",
  "open",
]);
/** Names that do not answer the question, or mean the opposite: no guess is made from them. */
const elsewhere = /success|outside|closed|after|holiday|enabled|default|active|error|deleted|24/;
const DEEPEST = 3;

/**
 * The yes or no in an answer: a bare boolean, as text too; those under names that mean it; or the only boolean there is.
 *
 * @returns null when it holds none, or several that could be meant
 */
export function readYesOrNo(body: unknown): boolean | null {
  const bare = booleanOf(body);
  if (bare !== null) return bare;
  const found = [...booleansIn(body, DEEPEST)].filter(({ name }) => !elsewhere.test(name));
  const named = found.filter(({ name }) => within.has(name));
  const [first] = named.length > 0 ? named : found;
  if (first === undefined || (named.length === 0 && found.length > 1)) return null;
  return named.every(({ value }) => value === first.value) ? first.value : null;
}

function booleanOf(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.trim().toLowerCase() : "";
  return word === "true" ? true : word === "false" ? false : null;
}

function* booleansIn(value: unknown, depth: number): Generator<{ readonly name: string; readonly value: boolean }> {
  if (depth === 0 || typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const found = booleanOf(inner);
    if (found === null) yield* booleansIn(inner, depth - 1);
    else yield { name: key.toLowerCase().replace(/[^a-z\d]/g, ""), value: found };
  }
}
