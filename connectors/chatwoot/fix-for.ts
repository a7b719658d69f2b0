import { Refusal } from "./failures.ts";

/** What to do about a call that failed, beside what the error itself says. */
export function fixFor(error: unknown): string {
  if (error instanceof Refusal && error.status === 404)
    return "Check the account and the inbox in the connection's settings.";
  if (error instanceof Refusal && error.status === 402) return "Raise the plan in Chatwoot, or free some of it.";
  if (error instanceof Refusal && error.status === 403)
    return "Choose a Chatwoot plan with API and webhooks, or let the firewall in front pass /api.";
  if (error instanceof Refusal && error.kind === "credentials")
    return "Follow what the message says, then check again.";
  if (error instanceof Refusal && error.kind === "rate_limited") return "Wait a minute, then try again.";
  return "Check the address, and that Chatwoot is running and can be reached from this server.";
}
