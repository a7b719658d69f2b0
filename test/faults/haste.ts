/** What a run changes about the program's times; see `preload.ts`. Milliseconds; null leaves the program its own. */
export interface Haste {
  /** Holds how wrong the program's clock goes. */
  readonly clockFile: string;
  /** How long a helpdesk may still act on a call that was cut off. */
  readonly settleMs: number | null;
  /** How long a helpdesk's answer is waited for. */
  readonly answerMs: number | null;
  /** How long the claim on a lane holds. */
  readonly leaseMs: number | null;
}

/** The arguments for Node that load it. */
export const hasteArguments = (haste: Haste): string[] => {
  const url = new URL("preload.ts", import.meta.url);
  url.search = encodeURIComponent(JSON.stringify(haste));
  return ["--import", url.href];
};
