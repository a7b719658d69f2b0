import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

/**
 * One POST on a connection of its own, as a vendor's webhook sender makes it.
 *
 * @returns the receiver's status.
 * @throws when there was no answer; a time-out reads `timedOut`.
 */
export function post(
  url: string,
  headers: Record<string, string>,
  rawBody: string,
  timeoutMs: number,
  timedOut = "Net::ReadTimeout with #<TCPSocket:(closed)>",
): Promise<number> {
  return new Promise((resolve, reject) => {
    const make = url.startsWith("https:") ? httpsRequest : httpRequest;
    const bytes = Buffer.from(rawBody, "utf8");
    const outgoing = make(
      url,
      { method: "POST", headers: { ...headers, "Content-Length": bytes.length }, agent: false, timeout: timeoutMs },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode ?? 0));
        answer.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(timedOut)));
    outgoing.on("error", reject);
    outgoing.end(bytes);
  });
}
