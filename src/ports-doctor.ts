/** What an operator asks about: is all well, and what is to be done. */

/** One thing that was looked at, in words for the operator. Never holds a secret. */
export interface Diagnosis {
  /** `settings`, `store`, `redis`, `deliveries`, `tokens`, `connection`, `clock`. */
  readonly area: string;
  readonly step: string;
  /** `note`: it works, and somebody should know. `wrong`: something does not work, or will not for long. */
  readonly state: "ok" | "note" | "wrong";
  readonly message: string;
  /** What to do; null when there is nothing to do. */
  readonly fix: string | null;
}
