import { z } from "zod";
import type { Call, Client } from "./client.ts";
import { versionOf } from "./version.ts";
import type { Version } from "./version.ts";

/** The release that answers. `/api` needs no token, so what fails here has nothing to do with one (sheet 8.4). Throws DeliveryError. */
export async function readVersion(
  client: Client,
  how: Pick<Call<unknown>, "timeoutMs" | "seen"> = {},
): Promise<Version> {
  const answer = z.looseObject({ version: z.string().max(100) });
  const { version } = await client.callRoot({ method: "GET", path: "/api", doing: "tell its version", answer, ...how });
  return versionOf(version);
}
