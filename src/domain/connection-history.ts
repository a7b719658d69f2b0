/** From `from` on something was wrong, or (null) nothing that is known. `to` null: until now. */
export interface HealthSpan {
  readonly problem: string | null;
  readonly from: Date;
  readonly to: Date | null;
}

/**
 * How a connection has been since an instant.
 *
 * @param connection as it is; one whose problem is older than its history tells of it all the same
 * @param states what came to be when, in order, with the last one before `since`
 */
export function connectionHistory(
  connection: { readonly problem: string | null; readonly problemSince: Date | null },
  states: readonly { readonly at: Date; readonly problem: string | null }[],
  since: Date,
): HealthSpan[] {
  const { problem, problemSince } = connection;
  const known = states.length === 0 && problem !== null ? [{ at: problemSince ?? since, problem }] : states;
  const spans: { problem: string | null; from: Date; to: Date | null }[] = [{ problem: null, from: since, to: null }];
  for (const state of known) {
    const from = state.at > since ? state.at : since;
    const last = spans.at(-1);
    if (last === undefined || last.problem === state.problem) continue;
    last.to = from;
    spans.push({ problem: state.problem, from, to: null });
  }
  return spans.filter(({ from, to }) => to === null || to > from);
}

/** For how long something was wrong, in seconds. */
export function downSeconds(spans: readonly HealthSpan[], now: Date): number {
  const milliseconds = spans
    .filter(({ problem }) => problem !== null)
    .reduce((sum, { from, to }) => sum + ((to ?? now).getTime() - from.getTime()), 0);
  return Math.round(milliseconds / 1_000);
}
