import { hash, timingSafeEqual } from "node:crypto";
import { Router } from "express";
import type { Request } from "express";
import type { IncomingMessage } from "node:http";
import { HandoffError } from "../src/domain/errors.ts";
import type { Connectors } from "../src/handoffs/deps.ts";
import { hear } from "../src/handoffs/hear.ts";
import type { HearDeps } from "../src/handoffs/hear.ts";
import type { Marks } from "../src/handoffs/marks.ts";
import { noMetrics } from "../src/ports-metrics.ts";
import type { Metrics, WebhookOutcome } from "../src/ports-metrics.ts";
import { counted } from "./counting.ts";
import type { Receiving } from "./counting.ts";

export interface WebhookDeps extends HearDeps {
  readonly connectors: Connectors;
  /** Absent: nothing is counted. */
  readonly metrics?: Metrics;
  /** Told of every webhook that was verified. */
  readonly marks: Marks;
  /** The body's bytes as they came. Throws HandoffError `body_too_large`. */
  readonly readBytes: (request: IncomingMessage, limit: number) => Promise<Buffer>;
  /** Strict UTF-8, limited depth, cleaned. Throws HandoffError `malformed_body`. */
  readonly parseJson: (bytes: Buffer) => unknown;
}

interface Params {
  readonly type: string;
  readonly connectionId: string;
  readonly secret?: string | undefined;
}

const BODY_LIMIT = 1024 * 1024;

/**
 * The helpdesks' door: `/webhooks/<type>/<connectionId>`, with a secret behind it for helpdesks too old to sign. Verified on
 * the bytes as they came, recorded once, answered, then worked on (style.md section 5).
 */
export function helpdeskWebhooks(deps: WebhookDeps): Router {
  const router = Router();
  router.post("/:type/:connectionId{/:secret}", async (request, response) => {
    await counted(deps.metrics ?? noMetrics, (receiving) => receive(request, receiving));
    response.status(200).json({ received: true });
  });

  async function receive(request: Request<Params>, receiving: Receiving): Promise<WebhookOutcome> {
    const { type, connectionId, secret } = request.params;
    const bytes = await deps.readBytes(request, BODY_LIMIT);
    const connection = await deps.store.read.connectionById(connectionId);
    if (connection === null || connection.type !== type) throw new HandoffError("not_found");
    const connector = await deps.connectors.get(connection.workspaceId, connection.id);
    if (connector === null) throw new HandoffError("not_found");
    receiving.connector = connector.type;
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
    );
    const pathSecret = secret !== undefined && isSame(secret, connection.pathSecret) ? secret : null;
    connector.verify({ headers, body: bytes, pathSecret }, deps.clock());
    const inbound = connector.toInbound(deps.parseJson(bytes));
    const body = bytes.toString("utf8");
    deps.marks.heard(connection.id, body);
    return await hear(deps, connection, inbound, body);
  }

  return router;
}

/** Compares digests, so that neither the length nor the time taken tells anything. */
function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", wanted, "buffer"));
}
