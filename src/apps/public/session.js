/**
 * Who is signed in for a connection.
 *
 * A frame keeps it in its tab's storage. Browsers that give a frame of another site none leave it the memory, which ends with
 * the frame, and Chatwoot makes a new frame for each conversation: there the sign-in window keeps it, whose storage is no third
 * party's, and hands it over again.
 *
 * @param {string} connectionId
 * @param {"sessionStorage" | "localStorage"} where
 */
export function createSession(connectionId, where) {
  const key = `baton.session.${connectionId}`;
  const storage = storageOf(where);
  let current = read();

  function read() {
    try {
      const kept = JSON.parse(storage?.getItem(key) ?? "null");
      return sessionIn(kept);
    } catch {
      return null;
    }
  }

  return {
    /** `{ token, name }`, or null. */
    get current() {
      return current;
    },
    /** False: it ends with this page. */
    get isKept() {
      return storage !== null;
    },
    /** True when what was given is a session. */
    begin(given) {
      const session = sessionIn(given);
      if (session === null) return false;
      current = session;
      try {
        storage?.setItem(key, JSON.stringify(session));
      } catch {
        // Full or forbidden: it lasts as long as the frame.
      }
      return true;
    },
    end() {
      current = null;
      try {
        storage?.removeItem(key);
      } catch {
        // There was none.
      }
    },
  };
}

/** From an answer of Baton's, or from storage. */
export function sessionIn(given) {
  if (typeof given !== "object" || given === null) return null;
  const { token, name } = given;
  return typeof token === "string" && token !== "" && typeof name === "string" ? { token, name } : null;
}

/** Where storage is forbidden, even to ask for it throws. */
function storageOf(where) {
  try {
    const storage = window[where];
    storage.getItem("baton");
    return storage;
  } catch {
    return null;
  }
}
