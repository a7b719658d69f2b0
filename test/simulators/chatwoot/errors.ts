import { Refusal } from "../refusal.ts";

export const notFound = () => new Refusal(404, { error: "Resource could not be found" });
export const unauthorized = (error: string) => new Refusal(401, { error });
export const forbiddenByPolicy = () => unauthorized("You are not authorized to do this action");
export const couldNotCreate = (error: string) => new Refusal(422, { error });

/** A record that Rails found invalid: `{attribute: "message after the attribute's name"}` or a full sentence for `base`. */
export function recordInvalid(faults: readonly (readonly [attribute: string, sentence: string])[]) {
  return new Refusal(422, {
    message: faults.map(([, sentence]) => sentence).join(", "),
    attributes: [...new Set(faults.map(([attribute]) => attribute))],
  });
}

/** An exception nobody rescues, for example a bad enum value: an HTML page, not JSON. */
export const crash = () =>
  new Refusal(
    500,
    "<!DOCTYPE html>\n<html>\n<head><title>We're sorry, but something went wrong (500)</title></head>\n<body></body>\n</html>\n",
  );
