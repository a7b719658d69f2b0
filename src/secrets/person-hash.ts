import { createHmac } from "node:crypto";
import type { Key, KeyRing } from "./keys.ts";

/** By this a person who was erased is known again, and by nothing else: it tells nothing to who lacks the key. */
export interface PersonHashes {
  /** `<key id>.<HMAC-SHA-256>`. The same person has another one in another workspace. */
  of(workspaceId: string, identifier: string): string;
  /** One for each key: for looking up many. */
  all(workspaceId: string, identifier: string): readonly string[];
}

function hashed({ id, bytes }: Key, workspaceId: string, identifier: string): string {
  const hmac = createHmac("sha256", bytes).update(`${workspaceId}\n${identifier}`).digest("base64url");
  return `${id}.${hmac}`;
}

export function createPersonHashes(keys: KeyRing): PersonHashes {
  const [current] = keys;
  return {
    of: (workspaceId, identifier) => hashed(current, workspaceId, identifier),
    all: (workspaceId, identifier) => keys.map((key) => hashed(key, workspaceId, identifier)),
  };
}
