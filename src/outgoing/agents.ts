import { lookup as systemLookup } from "node:dns";
import type { LookupAddress, LookupOptions } from "node:dns";
import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import type { AddressFilter, Refusal } from "./addresses.ts";

/** Resolves a name into all its addresses, like `dns.lookup` with `all: true`. */
export type Lookup = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** The connection was not even tried: the far side's address is not one that requests may go to. */
export class RefusedAddress extends Error {
  override readonly name = "RefusedAddress";
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(`refused: ${refusal} address`);
    this.refusal = refusal;
  }
}

export interface AgentSettings {
  filter: AddressFilter;
  lookup?: Lookup | undefined;
  /** Connections at once to one host and port; further requests wait, on their own time. */
  maxSocketsPerHost: number;
  /** Certificate authority trusted instead of the system's; for tests. */
  ca?: string | undefined;
}

// A connection left idle is closed before the far side does it (Node: 5 s, Puma: 20 s or more), since a request written into
// a connection that is just being closed leaves open whether it arrived.
const idleMs = 4_000;

/**
 * Agents whose every new connection passes the address filter, names and literals alike.
 *
 * Node asks `lookup` for names only and connects to literals at once, so a filter there alone is walked around by
 * http://127.0.0.1/: the check sits in createConnection, which every connection goes through. A name's addresses are judged
 * in the very answer that is connected to; there is no second look-up in which a rebinding name could say something else.
 */
export function createAgents(settings: AgentSettings): { http: http.Agent; https: https.Agent } {
  const { filter } = settings;
  const lookup = filteringLookup(filter, settings.lookup ?? systemLookup);
  const options: http.AgentOptions = {
    keepAlive: true,
    timeout: idleMs,
    maxSockets: settings.maxSocketsPerHost,
    maxFreeSockets: Math.min(8, settings.maxSocketsPerHost),
  };

  class FilteringHttpAgent extends http.Agent {
    override createConnection(
      options: http.ClientRequestArgs,
      callback?: (error: Error | null, stream: Duplex) => void,
    ): Duplex | null | undefined {
      const refusal = filter.host(hostOf(options));
      if (refusal) return fail(new RefusedAddress(refusal), callback);
      return super.createConnection({ ...options, lookup }, callback);
    }
  }

  class FilteringHttpsAgent extends https.Agent {
    override createConnection(
      options: https.RequestOptions,
      callback?: (error: Error | null, stream: Duplex) => void,
    ): Duplex | null | undefined {
      const refusal = filter.host(hostOf(options));
      if (refusal) return fail(new RefusedAddress(refusal), callback);
      return super.createConnection({ ...options, lookup }, callback);
    }
  }

  return {
    http: new FilteringHttpAgent(options),
    // Certificates are checked whatever NODE_TLS_REJECT_UNAUTHORIZED says: these requests carry tokens.
    https: new FilteringHttpsAgent({ ...options, rejectUnauthorized: true, minVersion: "TLSv1.2", ca: settings.ca }),
  };
}

function hostOf(options: http.ClientRequestArgs): string {
  return options.host ?? options.hostname ?? "localhost";
}

function fail(error: Error, callback?: (error: Error | null, stream: Duplex) => void): undefined {
  // Node calls back with the error alone; its type asks for a stream even so.
  const report = callback as ((error: Error) => void) | undefined;
  process.nextTick(() => report?.(error));
}

/** A look-up that leaves out refused addresses, and fails when none is left. */
function filteringLookup(filter: AddressFilter, lookup: Lookup) {
  return (
    hostname: string,
    options: LookupOptions,
    callback: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void,
  ): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "");
      const usable = addresses.filter(({ address }) => filter.address(address) === null);
      const [first] = usable;
      if (!first) return callback(refusalOf(hostname, addresses, filter), "");
      if (options.all) return callback(null, usable);
      return callback(null, first.address, first.family);
    });
  };
}

function refusalOf(hostname: string, addresses: LookupAddress[], filter: AddressFilter): Error {
  const [first] = addresses;
  if (first) return new RefusedAddress(filter.address(first.address) ?? "private");
  return Object.assign(new Error(`no address for ${hostname}`), { code: "ENOTFOUND", syscall: "getaddrinfo" });
}
