import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { sendHead } from "./respond.ts";
import type { TextAnswer } from "./route.ts";

/** A reader that takes nothing for so long has gone. */
const STALLED_MS = 60_000;

/**
 * Sends a text that is made while it is sent: no more of it is made than the reader has taken.
 *
 * The first piece is made before the head leaves, so that what fails at once is answered like any other fault. What fails later cuts
 * the connection off: half of a list must not look like all of it.
 *
 * @param signal the reader has gone, or the server stops
 */
export async function sendText(
  response: ServerResponse,
  { chunks, contentType, fileName }: TextAnswer,
  { isHead, signal }: { readonly isHead: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const pieces = chunks[Symbol.asyncIterator]();
  try {
    let piece = await pieces.next();
    sendHead(response, 200, {
      "Content-Type": contentType,
      "Content-Disposition": `attachment; filename="${fileName}"`,
    });
    if (isHead) {
      response.end();
      return;
    }
    while (piece.done !== true && !signal.aborted) {
      if (!response.write(piece.value)) {
        const patience = AbortSignal.any([signal, AbortSignal.timeout(STALLED_MS)]);
        await once(response, "drain", { signal: patience });
      }
      piece = await pieces.next();
    }
    if (signal.aborted) response.destroy();
    else response.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    response.destroy();
    if (!signal.aborted && !(error instanceof Error && error.name === "AbortError")) throw error;
  } finally {
    await pieces.return?.();
  }
}
