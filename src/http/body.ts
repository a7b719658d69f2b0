import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { HandoffError } from "../domain/errors.ts";
import { cleanJson, depthFault } from "./json.ts";

const KIB = 1024;
export const DEFAULT_BODY_LIMIT = 1024 * KIB;
/** Of `POST /v1/handoffs`, which carries a whole transcript. */
export const HANDOFF_BODY_LIMIT = 8 * DEFAULT_BODY_LIMIT;

/**
 * The bytes of a body as they came, at most `limit` of them.
 *
 * @throws HandoffError `body_too_large`, `request_timeout` when the sender stopped in the middle
 */
export function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > limit) return Promise.reject(tooLarge(limit));
  if (request.destroyed && !request.readableEnded) return Promise.reject(cutOff());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = () => request.off("data", onData).off("end", onEnd).off("error", onBreak).off("close", onBreak);
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= limit) return;
      stop();
      // The rest is read and thrown away, so that the sender gets to read the answer; the request's time limit ends it.
      request.on("error", ignore).resume();
      reject(tooLarge(limit));
    };
    const onEnd = () => {
      stop();
      const [only] = chunks;
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length));
    };
    const onBreak = () => {
      stop();
      request.on("error", ignore);
      reject(cutOff());
    };
    request.on("data", onData).on("end", onEnd).on("error", onBreak).on("close", onBreak);
  });
}

const ignore = () => {};

const cutOff = () => new HandoffError("request_timeout", "The body did not arrive to its end");

const tooLarge = (limit: number) =>
  new HandoffError("body_too_large", `The body may have ${limit.toLocaleString("en")} bytes at most`);

/**
 * Refuses what is not plain JSON in UTF-8, before any of it is read.
 *
 * @throws HandoffError `unsupported_media_type`
 */
export function checkContentType(request: IncomingMessage): void {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase();
  if (encoding !== undefined && encoding !== "" && encoding !== "identity") {
    throw new HandoffError(
      "unsupported_media_type",
      "Compressed bodies are not taken: send it without Content-Encoding",
    );
  }
  const given = request.headers["content-type"];
  if (given === undefined || given === "application/json") return;
  const [type = "", ...parameters] = given.split(";").map((part) => part.trim().toLowerCase());
  if (type !== "application/json") throw new HandoffError("unsupported_media_type");
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  if (charset === undefined || /^"?utf-?8"?$/.test(charset)) return;
  throw new HandoffError("unsupported_media_type", "JSON is UTF-8 (RFC 8259): send no other charset");
}

const BYTE_ORDER_MARK = "\ufeff";

/**
 * A JSON body: well-formed UTF-8, nested at most 32 deep, its strings cleaned (reliability.md P18). Undefined for an empty one.
 *
 * @throws HandoffError `malformed_body`, `unsupported_media_type` when there are bytes of no declared type
 */
export function parseJsonBody(bytes: Buffer, contentType: string | undefined): unknown {
  if (bytes.length === 0) return undefined;
  if (contentType === undefined) throw new HandoffError("unsupported_media_type");
  if (!isUtf8(bytes)) throw new HandoffError("malformed_body", "The body is not valid UTF-8");
  const fault = depthFault(bytes);
  if (fault !== null) throw new HandoffError("malformed_body", fault);
  const text = bytes.toString("utf8");
  return cleanJson(text, parse(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the body; only the place is told.
    const position = error instanceof Error ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
    const at = position === undefined ? "it ends too early" : `look at character ${Number(position) + 1}`;
    throw new HandoffError("malformed_body", `The body is not well-formed JSON: ${at}`);
  }
}
