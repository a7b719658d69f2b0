import type { HelpdeskRef } from "../../src/domain/handoff.ts";
import type { HelpdeskView } from "../../src/ports.ts";
import type { Desk } from "./desk.ts";

/** The conversation as it is in FreshChat. Throws DeliveryError. */
export function lookAt(_desk: Desk, _ref: HelpdeskRef, _cursor: string | null): Promise<HelpdeskView> {
  return Promise.reject(new Error("not yet"));
}
