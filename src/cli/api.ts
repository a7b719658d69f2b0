import { createWriteStream, existsSync, rmSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { CliError } from "./cli-error.ts";

const TIMEOUT_MS = 60_000;
const SAVING_MS = 3_600_000;

const Problem = z.looseObject({
  code: z.string(),
  detail: z.string(),
  remedy: z.string().optional(),
  faults: z.array(z.looseObject({ path: z.string(), message: z.string() })).optional(),
});

export type Row = Readonly<Record<string, unknown>>;
const Row = z.record(z.string(), z.unknown());
const Page = z.looseObject({ items: z.array(Row), nextCursor: z.string().nullable() });

export interface Api {
  /** @param timeoutMs for what takes longer than other requests */
  get(path: string, timeoutMs?: number): Promise<Row>;
  post(path: string, body?: unknown, timeoutMs?: number): Promise<Row>;
  patch(path: string, body: unknown): Promise<Row>;
  delete(path: string): Promise<void>;
  /** Writes the answer into a new file, for its owner alone, while it comes. What came half is deleted. */
  save(method: string, path: string, file: string, body?: unknown): Promise<void>;
  /** Every page of a list. `path` has no query yet. */
  all(path: string): Promise<readonly Row[]>;
}

/** The API as a command sees it: an answer, or a CliError in one line. */
export function createApi(address: string, token: string): Api {
  async function ask(method: string, path: string, body: unknown, timeoutMs: number): Promise<Response> {
    try {
      return await fetch(`${address}${path}`, {
        method,
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new CliError(`The server at ${address} does not answer: look at its log, then try again.`);
    }
  }

  async function call(method: string, path: string, body?: unknown, timeoutMs = TIMEOUT_MS): Promise<Row> {
    const response = await ask(method, path, body, timeoutMs);
    if (response.status === 204) return {};
    const told: unknown = await response.json().catch(() => null);
    if (response.ok) return Row.parse(told);
    throw refusal(address, Problem.safeParse(told).data);
  }

  return {
    get: (path, timeoutMs) => call("GET", path, undefined, timeoutMs),
    post: (path, body, timeoutMs) => call("POST", path, body, timeoutMs),
    patch: (path, body) => call("PATCH", path, body),
    async save(method, path, file, body) {
      if (existsSync(file)) throw new CliError(`${file} exists already: name a new file.`);
      const response = await ask(method, path, body, SAVING_MS);
      if (!response.ok || response.body === null)
        throw refusal(address, Problem.safeParse(await response.json().catch(() => null)).data);
      try {
        await pipeline(response.body, createWriteStream(file, { flags: "wx", mode: 0o600 }));
      } catch (error) {
        rmSync(file, { force: true });
        const why = error instanceof Error && "syscall" in error ? error.message : "the server broke off";
        throw new CliError(`${file} could not be written: ${why}.`);
      }
    },
    delete: async (path) => void (await call("DELETE", path)),
    async all(path) {
      const items: Row[] = [];
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({ limit: "200", ...(cursor === null ? {} : { cursor }) });
        const page: z.infer<typeof Page> = Page.parse(await call("GET", `${path}?${query.toString()}`));
        items.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
      return items;
    },
  };
}

function refusal(address: string, problem: z.infer<typeof Problem> | undefined): CliError {
  if (problem === undefined) return new CliError(`What answers at ${address} is no Baton: check DATA_DIR.`);
  if (problem.code === "unauthenticated")
    return new CliError("The running server has another secret: set the same BATON_SECRET for this command.");
  const faults = (problem.faults ?? []).map(({ path, message }) => `${path}: ${message}`);
  const told = faults.length > 0 ? faults : [problem.detail, ...(problem.remedy ? [problem.remedy] : [])];
  return new CliError(told.map((part) => part.replace(/[.;]?$/, "")).join("; ") + ".");
}
