import { BatonError } from "../domain/errors.ts";

/** What went wrong with a command, in one line that says what to do. */
export class CliError extends BatonError {
  override readonly name = "CliError";
  readonly code = "command_failed";
}
