import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { OutgoingError } from "../ports-outgoing.ts";
import type { OutgoingErrorKind } from "../ports-outgoing.ts";
import { RefusedAddress } from "./agents.ts";

/** How far one HTTP exchange came: what decides between "certainly not sent" and "look before you repeat". */
export interface Exchange {
  /** Scheme, host and port: all of the URL that a message may hold. */
  readonly origin: string;
  /** TCP stands; over TLS, nothing of the request has been sent yet. */
  connected: boolean;
  /** The request may have left: the connection, TLS included, stood. */
  sent: boolean;
  /** On a connection that had served before, which the far side may have been closing. */
  reused: boolean;
  /** The status of the answer, once its head has arrived. */
  status: number | undefined;
  /** Why we ourselves gave up, if we did. */
  gaveUp: "connect_timeout" | "timeout" | "too_large" | undefined;
  /** Node's own error, which axios wraps. */
  fault: unknown;
  request: http.ClientRequest | undefined;
}

export function newExchange(origin: string): Exchange {
  return {
    origin,
    connected: false,
    sent: false,
    reused: false,
    status: undefined,
    gaveUp: undefined,
    fault: undefined,
    request: undefined,
  };
}

/**
 * Node's own http and https as axios's transport, with the exchange written down on the way. `onConnecting` is called when a
 * new connection begins, `onSent` when the request may leave; neither while it waits for a free connection.
 */
export function watchedTransport(exchange: Exchange, onConnecting: () => void, onSent: () => void) {
  const sent = (): void => {
    exchange.connected = true;
    exchange.sent = true;
    onSent();
  };
  return {
    request(options: https.RequestOptions, onResponse: (response: http.IncomingMessage) => void): http.ClientRequest {
      const isSecure = options.protocol === "https:";
      const request = (isSecure ? https : http).request(options, onResponse);
      exchange.request = request;
      request.once("error", (error) => (exchange.fault = error));
      request.once("response", (response) => (exchange.status = response.statusCode));
      request.once("socket", (socket: Socket) => {
        exchange.reused = request.reusedSocket;
        if (exchange.reused) return sent();
        if (!socket.connecting && !isSecure && !socket.destroyed) return sent();
        onConnecting();
        socket.once("connect", () => (exchange.connected = true));
        socket.once(isSecure ? "secureConnect" : "connect", sent);
      });
      return request;
    },
  };
}

/** What went wrong, as an OutgoingError that holds nothing of the request but its origin. */
export function toOutgoingError(error: unknown, exchange: Exchange, limits: Limits): OutgoingError {
  if (error instanceof OutgoingError) return error;
  const fault = exchange.fault ?? error;
  const systemCode = codeOf(fault) ?? codeOf(error);
  const kind = kindOf(fault, systemCode, exchange);
  return new OutgoingError(kind, `${exchange.origin} ${explain(kind, exchange, limits, systemCode)}`, {
    ambiguous: exchange.sent,
    status: exchange.status,
    systemCode,
  });
}

export interface Limits {
  readonly timeoutMs: number;
  readonly connectMs: number;
  readonly maxBytes: number;
}

type ExchangeFault = Exclude<OutgoingErrorKind, "invalid_url" | "invalid_header" | "too_many_redirects" | "not_json">;

function kindOf(fault: unknown, systemCode: string | undefined, exchange: Exchange): ExchangeFault {
  if (fault instanceof RefusedAddress) return "refused_address";
  if (exchange.gaveUp === "too_large") return "too_large";
  if (exchange.gaveUp !== undefined) return "timeout";
  if (exchange.sent) return "reset";
  if (exchange.connected) return "tls";
  const isNameFault = systemCode === "ENOTFOUND" || systemCode?.startsWith("EAI_");
  return isNameFault ? "dns" : "connect";
}

function explain(kind: ExchangeFault, exchange: Exchange, limits: Limits, systemCode: string | undefined): string {
  const because = systemCode === undefined ? "" : ` (${systemCode})`;
  switch (kind) {
    case "refused_address":
      return refusedAddressText;
    case "too_large":
      return `answered with more than ${limits.maxBytes} bytes`;
    case "timeout":
      return exchange.gaveUp === "connect_timeout"
        ? `could not be connected to within ${limits.connectMs} ms`
        : `did not finish within ${limits.timeoutMs} ms`;
    case "reset":
      return exchange.status === undefined
        ? `closed the connection without an answer${because}`
        : `broke off its answer, or garbled it${because}`;
    case "tls":
      return `offers no safe connection: check its certificate, and that the port speaks https${because}`;
    case "dns":
      return `has no address: check the spelling of the name${because}`;
    case "connect":
      return `could not be connected to${because}`;
  }
}

/** Says nothing of the address behind a name: whoever typed the name must not learn our network from it. */
export const refusedAddressText =
  "leads to a private, local or otherwise reserved address. If it is meant to be reached, the operator of this server adds " +
  "that address to ALLOW_PRIVATE_NETWORK; cloud metadata is never reached.";

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return error.code;
}
