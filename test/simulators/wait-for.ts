import type { LoggedRequest } from "./http.ts";

/**
 * Makes a `waitFor` that resolves with what the predicate returns as soon as that is truthy, looked at after everything
 * that happens. It rejects after `timeoutMs`, naming the last requests, to show what happened instead.
 *
 * @param on calls back after every change until the returned function is called.
 */
export function createWaitFor(on: (look: () => void) => () => void, requests: readonly LoggedRequest[]) {
  return <T>(predicate: () => T | null | undefined | false, timeoutMs = 5000): Promise<T> =>
    new Promise((resolve, reject) => {
      const finish = (act: () => void) => {
        clearTimeout(timer);
        off();
        act();
      };
      const look = () => {
        try {
          const found = predicate();
          if (found) finish(() => resolve(found));
        } catch (error) {
          finish(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      const timer = setTimeout(() => {
        const last = requests.slice(-8).map((item) => `${item.method} ${item.path} ${item.status}`);
        finish(() => reject(new Error(`not seen within ${timeoutMs} ms; last requests:\n${last.join("\n")}`)));
      }, timeoutMs);
      const off = on(look);
      look();
    });
}

export function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}
