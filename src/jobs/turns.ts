/**
 * Who of several processes does what the store names to all of them: looks and webhooks. A courtesy, so that nobody is asked
 * twice; that everything is right although two do the same is the store's affair.
 */
export interface Turns {
  /** False when another process is at it. Held until {@link Turns.end}, or until this process has died for some seconds. */
  take(what: string): Promise<boolean>;
  /**
   * The work is over. Others are kept from it for a moment longer: they may have read that it waits before it was done.
   *
   * @param again whether it may come up again, as a look does, or never, as a webhook that is done
   */
  end(what: string, again: boolean): void;
}

/** For one process, and for several that have nothing to agree by. */
export const everyTurn: Turns = { take: () => Promise.resolve(true), end() {} };
