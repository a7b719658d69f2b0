import { EventEmitter } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readableBody, readAll, type Json } from "./request-body.ts";
import { proxyPage, type ApiTrouble, type Mischief } from "./trouble.ts";

export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: Json | string | null;
  readonly at: Date;
  /** What was answered; null while under way, and for ever when no answer was given. */
  status: number | null;
}

export interface Violation {
  readonly request: string;
  readonly problem: string;
  readonly source: "simulator" | "openapi";
}

export interface Result {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Record<string, string>;
}

export interface Incoming {
  readonly request: IncomingMessage;
  readonly method: string;
  readonly url: URL;
  readonly raw: Buffer;
  readonly baseUrl: string;
  /** Records what our own request contained that the vendor's server ignores, misreads or refuses. */
  readonly complain: (problem: string, source?: Violation["source"]) => void;
}

export interface ServerOptions<About extends object> {
  /** 0 takes a free one. */
  readonly port: number;
  readonly clock: () => Date;
  readonly trouble: ApiTrouble;
  /** Called after everything that happens. */
  readonly changed: () => void;
  /** Sees every request first; true takes it away from the simulator. */
  readonly intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** What the log keeps of a request besides the usual. */
  readonly about: (request: IncomingMessage) => About;
  /** An answer given before anything is looked at: a throttle. */
  readonly throttle: (url: URL, about: About) => Result | null;
  readonly perform: (incoming: Incoming, about: About) => Promise<Result>;
}

/** The HTTP side that all simulators share: log, trouble, answers, going down and coming back on the same port. */
export async function startServer<About extends object>(options: ServerOptions<About>) {
  const { trouble, changed } = options;
  const requests: (LoggedRequest & About)[] = [];
  const violations: Violation[] = [];
  let isDown = false;
  let isStopped = false;

  const server = createServer((request, response) => {
    if (!options.intercept(request, response)) void serve(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 30_000;
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listen(options.port);
  const { port } = server.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${port}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", baseUrl);
    // As of the clock that the rest of the story goes by.
    response.setHeader("Date", options.clock().toUTCString());
    const method = request.method ?? "GET";
    const raw = await readAll(request);
    const about = options.about(request);
    const logged: LoggedRequest & About = {
      method,
      path: url.pathname,
      query: url.search,
      body: readableBody(raw, request.headers["content-type"] ?? ""),
      at: options.clock(),
      ...about,
      status: null,
    };
    requests.push(logged);
    changed();
    const answer = ({ status, body, headers }: Result) => {
      if (isStopped || response.destroyed) return;
      write(response, status, body, headers);
      logged.status = status;
      changed();
    };
    await pause(trouble.delayFor(method, url.pathname));
    if (isStopped) return;
    if (isDown) {
      const { type, body } = proxyPage("503 Service Temporarily Unavailable");
      return answer({ status: 503, body, headers: { "content-type": type } });
    }
    const throttled = options.throttle(url, about);
    if (throttled) return answer(throttled);
    const complain: Incoming["complain"] = (problem, source = "simulator") =>
      void violations.push({ request: `${method} ${url.pathname}`, problem, source });
    const work = () => options.perform({ request, method, url, raw, baseUrl, complain }, about);
    const mischief = trouble.take(method, url.pathname);
    if (mischief) return misbehave(mischief, work, answer, response);
    answer(await work());
  }

  async function misbehave(
    mischief: Mischief,
    work: () => Promise<Result>,
    answer: (result: Result) => void,
    response: ServerResponse,
  ): Promise<void> {
    switch (mischief.kind) {
      case "answer":
        return answer(mischief);
      case "answer_after":
        await work();
        return answer(mischief);
      case "html":
        return answer({
          status: 200,
          body: "<!DOCTYPE html>\n<title>Just a moment...</title>\n",
          headers: { "content-type": "text/html" },
        });
      case "reset_before":
        response.destroy();
        return;
      case "destroy_after":
        await work();
        response.destroy();
        return;
      case "hang_after":
        await work();
        return;
      case "late":
        await pause(mischief.ms);
        if (!isStopped) await work();
    }
  }

  async function close(): Promise<void> {
    if (!server.listening) return;
    const closed = EventEmitter.once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  return {
    baseUrl,
    requests,
    violations,
    /** Refuses connections, or with "503" answers as a proxy without its server. */
    async down(how: "refused" | "503" = "refused"): Promise<void> {
      if (how === "503") {
        isDown = true;
        return;
      }
      await close();
    },
    async up(): Promise<void> {
      isDown = false;
      if (!server.listening) await listen(port);
    },
    async stop(): Promise<void> {
      isStopped = true;
      await close();
    },
  };
}

/** @throws naming what our own requests contained that the vendor does not understand; `vendor` is its name. */
export function assertNone(violations: readonly Violation[], vendor: string): void {
  if (violations.length === 0) return;
  const lines = violations.map((item) => `${item.request}: ${item.problem} (${item.source})`);
  throw new Error(`requests that ${vendor} does not understand:\n${lines.join("\n")}`);
}

const pause = (ms: number) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve());

function write(response: ServerResponse, status: number, body: unknown, headers: Record<string, string>): void {
  if (body instanceof Uint8Array || body === undefined) {
    response.writeHead(status, headers).end(body);
    return;
  }
  const isPage = typeof body === "string";
  const type = isPage ? "text/html; charset=UTF-8" : "application/json; charset=utf-8";
  response.writeHead(status, { "content-type": type, ...headers }).end(isPage ? body : JSON.stringify(body));
}
