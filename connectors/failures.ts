import { DeliveryError } from "../src/domain/delivery.ts";
import type { FailureKind } from "../src/domain/delivery.ts";
import { OutgoingError } from "../src/ports.ts";

/** What was being done, for an error's message: "create the conversation". `isWrite`: it would have had an effect. */
export interface Doing {
  readonly doing: string;
  readonly isWrite: boolean;
}

/** A helpdesk that gave no usable answer, as a DeliveryError that names it; any other error as it is. */
export function unanswered(helpdesk: string, error: unknown, { doing, isWrite }: Doing): unknown {
  if (!(error instanceof OutgoingError)) return error;
  const ambiguous = isWrite && error.ambiguous;
  return new DeliveryError(kindOf(error.kind), `${helpdesk} did not ${doing}: ${error.message}`, {
    ambiguous,
    cause: error,
  });
}

/** A 2xx that is no record of the helpdesk's: a proxy's page, or another program. The effect is open until it is looked for. */
export function notTheHelpdesk(helpdesk: string, { doing, isWrite }: Doing): DeliveryError {
  return new DeliveryError(
    "transient",
    `${helpdesk} did not ${doing}: the answer is not one of ${helpdesk}. Check the address, and whether a proxy or a sign-in page stands in front.`,
    { ambiguous: isWrite },
  );
}

function kindOf(kind: OutgoingError["kind"]): FailureKind {
  switch (kind) {
    // The connection's settings are wrong: messages wait until they are mended.
    case "invalid_url":
    case "invalid_header":
    case "refused_address":
      return "credentials";
    case "dns":
    case "connect":
    case "tls":
    case "timeout":
    case "reset":
    case "too_large":
    case "too_many_redirects":
    case "not_json":
      return "transient";
  }
}
