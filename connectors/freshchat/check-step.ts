import { DeliveryError } from "../../src/domain/delivery.ts";
import type { Finding } from "../../src/ports.ts";
import { wrong } from "../findings.ts";
import { Refusal } from "./failures.ts";

/** What failed during the check, in words for the admin. */
export function failedStep(step: string, error: unknown): Finding {
  if (!(error instanceof DeliveryError)) {
    return wrong(
      step,
      "Something went wrong in Baton while checking this.",
      "Check again; look into Baton's log if it stays.",
    );
  }
  if (error.kind === "rate_limited") {
    const seconds = error.retryAfterSeconds ?? 0;
    const when = seconds > 0 ? `in ${seconds === 1 ? "1 second" : `${seconds} seconds`}` : "in a minute";
    return wrong(step, "FreshChat asks to slow down, so this could not be checked.", `Check again ${when}.`);
  }
  return wrong(step, error.message, fixFor(error));
}

/** Findings of a step; what fails becomes one. Never rejects. */
export async function tried(step: string, act: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await act();
  } catch (error) {
    return [failedStep(step, error)];
  }
}

function fixFor(error: DeliveryError): string {
  if (error instanceof Refusal && error.kind === "credentials")
    return "Follow what the message says, then check again.";
  if (error instanceof Refusal && error.status === 404) {
    return "Set the address to the chat URL shown beside the API token in FreshChat.";
  }
  return "Check the address, and that FreshChat can be reached from this server; then check again.";
}
