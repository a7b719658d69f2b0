import { Refusal } from "../refusal.ts";

/** The error object of 1.3. */
export const errorBody = (code: number, status: string, message: string, type?: string) => ({
  code,
  status,
  message,
  ...(type === undefined ? {} : { details: [{ type }] }),
});

const refusal = (code: number, status: string, message: string, type?: string) =>
  new Refusal(code, errorBody(code, status, message, type));

export const unauthenticated = () => refusal(401, "UNAUTHENTICATED", "Authentication failed or token has expired");
export const forbidden = () => refusal(403, "FORBIDDEN", "This feature is not part of your plan");
export const notFound = (what: string) =>
  refusal(404, `${what.toUpperCase().replaceAll(" ", "_")}_NOT_FOUND`, `${what} not found`);
export const invalid = (message: string, type?: string) => refusal(400, "INVALID_VALUE", message, type);
export const malformed = () => refusal(400, "BAD_REQUEST", "Request body is not valid JSON");
export const payloadNotValid = () => refusal(400, "BAD_REQUEST", "Conversation payload not valid");
export const notLatest = () => refusal(400, "BAD_REQUEST", "Conversation is not the latest conversation of the user");
export const alreadyExists = () => refusal(409, "USER_ALREADY_EXISTS", "A user with this reference_id exists");
export const isOffline = () => refusal(409, "AGENT_OFFLINE", "The agent is logged out");
