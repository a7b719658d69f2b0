import type { z } from "zod";

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Where a route lives: "GET /v2/groups/:id" is method GET and the segments v2, groups, :id. */
export interface Place {
  readonly method: string;
  readonly segments: readonly string[];
}

export function placeOf(line: string): Place {
  const [method = "", path = ""] = line.split(" ");
  return { method, segments: path.split("/").slice(1) };
}

/** Fixed segments win over parameters, so `contacts/search` is not a contact called "search". */
export function matchRoute<R extends Place>(routes: readonly R[], method: string, path: string) {
  const segments = path.split("/").slice(1);
  const matching = routes.filter(
    (item) =>
      item.method === method &&
      item.segments.length === segments.length &&
      item.segments.every((part, i) => part.startsWith(":") || part === segments[i]),
  );
  const wildness = (item: R) => item.segments.filter((part) => part.startsWith(":")).length;
  const [best] = matching.sort((a, b) => wildness(a) - wildness(b));
  if (!best) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of best.segments.entries()) {
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(segments[i]!);
  }
  return { route: best, params };
}

/** What a server would ignore or misread in one part of a request, a line each. Without a schema the part is to be empty. */
export function faults(part: string, schema: z.ZodType | undefined, value: Record<string, unknown>): string[] {
  if (!schema) {
    const keys = Object.keys(value);
    return keys.length === 0 ? [] : [`${part}: ${keys.join(", ")} not read by this endpoint`];
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return [];
  return parsed.error.issues.map(
    (issue) => `${part}${issue.path.map((key) => `.${String(key)}`).join("")}: ${issue.message}`,
  );
}
