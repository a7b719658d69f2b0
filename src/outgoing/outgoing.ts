import http from "node:http";
import type { Readable } from "node:stream";
import axios from "axios";
import type { AxiosRequestConfig, AxiosResponse } from "axios";
import { leaseIsHeld } from "../lease-scope.ts";
import { OutgoingError } from "../ports-outgoing.ts";
import type { DownloadOptions, Outgoing, OutgoingRequest, OutgoingResponse } from "../ports-outgoing.ts";
import { createAddressFilter } from "./addresses.ts";
import type { AddressFilter } from "./addresses.ts";
import { createAgents } from "./agents.ts";
import type { Lookup } from "./agents.ts";
import { newExchange, refusedAddressText, toOutgoingError, watchedTransport } from "./exchange.ts";
import type { Exchange, Limits } from "./exchange.ts";
import { encodeMultipart } from "./multipart.ts";

export interface OutgoingSettings {
  /** Addresses and networks that may be reached although private, as `parseNetwork` reads them. */
  readonly allowPrivateNetwork: readonly string[];
  readonly userAgent: string;
  readonly timeouts?: {
    /** For name and connection, within the total. Default 5,000 ms. */
    readonly connectMs?: number;
    /** For everything, where a request does not say. Default 20,000 ms. */
    readonly totalMs?: number;
  };
  /** Longest answer in bytes after unpacking, where a request does not say. Default 5 MiB. */
  readonly maxBytes?: number;
  /** Connections at once to one host and port. Default 32. */
  readonly maxSocketsPerHost?: number;
  /** Instead of the system's resolver; for tests. */
  readonly lookup?: Lookup;
  /** Certificate authority trusted instead of the system's; for tests. */
  readonly ca?: string;
}

const maxRedirects = 3;

/** A process that was frozen goes on where it stood: another one may have sent this meanwhile. */
const tooLate = (origin: string): OutgoingError =>
  new OutgoingError("timeout", `Nothing was sent to ${origin}: this attempt stood still for too long.`, {
    ambiguous: false,
  });

/**
 * The HTTP client handed to connectors, on axios. Throws RangeError when `allowPrivateNetwork` does not parse.
 *
 * Nothing leaves through a proxy of the environment, no redirect is followed unasked, and each new connection passes the
 * address filter (reliability.md, part 3).
 */
export function createOutgoing(settings: OutgoingSettings): Outgoing {
  const filter = createAddressFilter(settings.allowPrivateNetwork);
  const { lookup, ca, maxSocketsPerHost = 32 } = settings;
  const agents = createAgents({ filter, lookup, ca, maxSocketsPerHost });
  const connectMs = settings.timeouts?.connectMs ?? 5_000;

  async function request(request: OutgoingRequest): Promise<OutgoingResponse> {
    const url = parseUrl(request.url, filter);
    checkHeaders(request.headers, url.origin);
    const limits = {
      connectMs,
      timeoutMs: request.timeoutMs ?? settings.timeouts?.totalMs ?? 20_000,
      maxBytes: request.maxBytes ?? settings.maxBytes ?? 5 * 1024 * 1024,
    };
    const startedAt = performance.now();
    const exchange = newExchange(url.origin);
    try {
      return await attempt(request, url, exchange, limits);
    } catch (error) {
      if (!isHarmlesslyStale(request, exchange)) throw error;
      const remainingMs = Math.max(1, limits.timeoutMs - Math.round(performance.now() - startedAt));
      return await attempt(request, url, newExchange(url.origin), { ...limits, timeoutMs: remainingMs });
    }
  }

  async function attempt(request: OutgoingRequest, url: URL, exchange: Exchange, limits: Limits) {
    if (!leaseIsHeld()) throw tooLate(url.origin);
    const deadline = startDeadline(exchange, limits);
    try {
      const response = await axios.request<Readable>({
        ...bodyOf(request, settings.userAgent),
        method: request.method,
        url: url.href,
        adapter: "http",
        httpAgent: agents.http,
        httpsAgent: agents.https,
        transport: watchedTransport(exchange, deadline.connecting, deadline.sent),
        proxy: false,
        maxRedirects: 0,
        signal: deadline.signal,
        responseType: "stream",
        transformRequest: [],
        validateStatus: () => true,
      });
      return toResponse(response, await readBody(response.data, exchange, limits), exchange);
    } catch (error) {
      throw toOutgoingError(error, exchange, limits);
    } finally {
      deadline.end();
      // An answer can come before the whole body was sent; nobody would end the sending then.
      if (exchange.request?.writableFinished === false) exchange.request.destroy();
    }
  }

  async function download(address: string, { maxBytes, timeoutMs = 60_000 }: DownloadOptions) {
    const endsAt = performance.now() + timeoutMs;
    let url = address;
    for (let hops = 0; ; hops += 1) {
      const remainingMs = Math.max(1, Math.round(endsAt - performance.now()));
      const response = await request({ method: "GET", url, maxBytes, timeoutMs: remainingMs });
      const location = redirectOf(response);
      if (location === undefined) return response;
      if (hops === maxRedirects) throw tooManyRedirects(url, response.status);
      url = URL.parse(location, url)?.href ?? location; // what does not parse is refused by name in the next round
    }
  }

  return {
    request,
    download,
    urlFault(url) {
      try {
        parseUrl(url, filter);
        return null;
      } catch (error) {
        if (error instanceof OutgoingError) return error.message;
        throw error;
      }
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

/** Ends the exchange when its time is up, wherever it stands then: waiting, connecting, sending or reading. */
function startDeadline(exchange: Exchange, limits: Limits) {
  const controller = new AbortController();
  const giveUp = (reason: "timeout" | "connect_timeout"): void => {
    exchange.gaveUp ??= reason;
    controller.abort();
  };
  const total = setTimeout(giveUp, limits.timeoutMs, "timeout");
  let connection: NodeJS.Timeout | undefined;
  return {
    signal: controller.signal,
    connecting: () => {
      connection = setTimeout(giveUp, limits.connectMs, "connect_timeout");
    },
    sent: () => clearTimeout(connection),
    end: () => {
      clearTimeout(total);
      clearTimeout(connection);
    },
  };
}

/** Reads the answer up to the limit, counting unpacked bytes: a small packed body may unfold to anything. */
async function readBody(stream: Readable, exchange: Exchange, limits: Limits): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limits.maxBytes) {
      exchange.gaveUp ??= "too_large";
      throw new RangeError("too large");
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length);
}

function toResponse(response: AxiosResponse<Readable>, bytes: Buffer, { origin }: Exchange): OutgoingResponse {
  const { status } = response;
  const text = (): string => bytes.toString("utf8");
  return {
    status,
    headers: plainHeaders(response.headers),
    bytes,
    text,
    json() {
      try {
        return JSON.parse(text()) as unknown;
      } catch {
        const message = `${origin} answered ${status} with something that is not JSON: check that the address is the right one`;
        throw new OutgoingError("not_json", message, { ambiguous: true, status });
      }
    },
  };
}

function plainHeaders(headers: AxiosResponse["headers"]): Record<string, string> {
  const entries = Object.entries(headers).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(
    entries.map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value.join(", ") : String(value)]),
  );
}

function bodyOf(request: OutgoingRequest, userAgent: string): Pick<AxiosRequestConfig, "headers" | "data"> {
  const headers: Record<string, string | false> = { "user-agent": userAgent, accept: "*/*", ...lowerCased(request) };
  if (request.form) {
    const { body, contentType, contentLength } = encodeMultipart(request.form);
    return {
      data: body,
      headers: { ...headers, "content-type": contentType, "content-length": String(contentLength) },
    };
  }
  if (request.json !== undefined) {
    return { data: JSON.stringify(request.json), headers: { "content-type": "application/json", ...headers } };
  }
  // axios would name a form type for a body that is not there, or of a type nobody told it.
  return { data: request.body, headers: { "content-type": false, ...headers } };
}

function lowerCased({ headers = {} }: OutgoingRequest): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function parseUrl(text: string, filter: AddressFilter): URL {
  const url = URL.parse(text);
  const refuse = (why: string, kind: "invalid_url" | "refused_address" = "invalid_url"): OutgoingError =>
    new OutgoingError(kind, `${url?.host ? url.origin : "The address"} ${why}`, { ambiguous: false });
  if (!url?.host) throw refuse("is not a URL; write it like https://chat.example.com");
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new OutgoingError("invalid_url", "The address must begin with https:// or http://", { ambiguous: false });
  }
  if (url.username || url.password) throw refuse("must not hold a user name or password");
  if (filter.host(url.hostname)) throw refuse(refusedAddressText, "refused_address");
  return url;
}

/** Node refuses such headers too, but with an error that looks like a fault of ours; a token may simply have been mistyped. */
function checkHeaders(headers: OutgoingRequest["headers"], origin: string): void {
  for (const [name, value] of Object.entries(headers ?? {})) {
    try {
      http.validateHeaderName(name);
      http.validateHeaderValue(name, value);
    } catch {
      const label = /^[\w-]+$/.test(name) ? name : "with a strange name";
      const message = `${origin}: the header ${label} holds characters that HTTP does not allow; check the token for line ends`;
      throw new OutgoingError("invalid_header", message, { ambiguous: false });
    }
  }
}

/** A request that only reads met a connection that was just being closed: nothing happened, a new connection will do. */
function isHarmlesslyStale({ method }: OutgoingRequest, exchange: Exchange): boolean {
  const isReading = method === "GET" || method === "HEAD";
  return isReading && exchange.reused && exchange.status === undefined && exchange.gaveUp === undefined;
}

function redirectOf({ status, headers }: OutgoingResponse): string | undefined {
  return [301, 302, 303, 307, 308].includes(status) ? headers["location"] : undefined;
}

function tooManyRedirects(url: string, status: number): OutgoingError {
  const origin = URL.parse(url)?.origin ?? "The address";
  const message = `${origin} redirects more than ${maxRedirects} times`;
  return new OutgoingError("too_many_redirects", message, { ambiguous: false, status });
}
