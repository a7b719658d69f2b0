import { codeIn, createApi, signIn } from "./api.js";
import { followContext } from "./context.js";
import { forgetDetails, showDetails } from "./details.js";
import { byId, objectOf, write } from "./dom.js";
import { createSignInWindow } from "./pop-up.js";
import { createSession } from "./session.js";
import { refreshTimes } from "./times.js";
import { createTranscript } from "./transcript.js";
import { STATES } from "./words.js";

/** Baton beside a conversation in Chatwoot. */

/** How often an open handoff is asked for while somebody looks; one that has ended changes seldom. */
const REFRESH_MS = { open: 5_000, ended: 30_000, failed: 10_000, longest: 60_000 };
const TIMES_MS = 15_000;

const { helpdesk } = document.documentElement.dataset;
const connectionId = decodeURIComponent(location.pathname.split("/")[3] ?? "");
const session = createSession(connectionId, "sessionStorage");
const api = createApi({ connectionId, token: () => session.current?.token });
const transcript = createTranscript({ messages: api.messages });
const signInWindow = createSignInWindow({ connectionId, isKept: () => session.isKept, onSession: begin });

let conversationId = null;
/** Agents switch conversations faster than answers come: only the latest question may draw. */
let asked = 0;
let failures = 0;
let timer;
let isActing = false;
let isSeen = true;

const context = followContext({
  origin: helpdesk,
  onConversation(id) {
    if (id === conversationId) return;
    conversationId = id;
    transcript.forget();
    forgetDetails();
    start();
  },
  onSilence() {
    if (conversationId === null && session.current !== null) showState("silent");
  },
});

byId("sign-in").addEventListener("click", () => {
  // Where no window may open, the code can be given here: the page around this one cannot read it either.
  if (!signInWindow.open()) {
    byId("code-form").hidden = false;
    notice("Your browser did not open the sign-in window. Paste your link here instead.");
    byId("code").focus();
  }
});
byId("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void signInHere();
});
byId("again").addEventListener("click", () => {
  context.ask();
  start();
});
byId("accept").addEventListener("click", () => void act(api.accept, "You have this conversation."));
byId("give-back").addEventListener("click", () => confirming(true));
byId("confirm-no").addEventListener("click", () => confirming(false));
byId("confirm-yes").addEventListener("click", () => void act(api.giveBack, "The bot has the conversation again."));
byId("confirm").addEventListener("keydown", (event) => {
  if (event.key === "Escape") confirming(false);
});
byId("sign-out").addEventListener("click", () => void signOut());
document.addEventListener("visibilitychange", lookAgain);
// A tab of the helpdesk that is not open hides the frame, which is still a visible document.
new IntersectionObserver(([entry]) => {
  const wasSeen = isSeen;
  isSeen = entry.isIntersecting;
  if (isSeen && !wasSeen) lookAgain();
}).observe(document.documentElement);
setInterval(() => refreshTimes(), TIMES_MS);

if (!helpdesk) showState("nowhere");
else if (window.parent === window) showState("unframed");
else {
  context.ask();
  start();
}

/** Shows what there is to show for who is here now, from the beginning. */
function start() {
  clearTimeout(timer);
  asked += 1;
  failures = 0;
  notice("");
  showWho();
  if (session.current === null) showState("signed-out");
  else {
    showState("loading");
    if (conversationId !== null) void refresh();
  }
}

/** Asks Baton, and again after a while. What was shown stays when an answer fails to come, with a word about it. */
async function refresh() {
  clearTimeout(timer);
  asked += 1;
  const mine = asked;
  const answer = await api.read(conversationId);
  if (mine !== asked) return;
  const view = objectOf(answer.body);
  const isView = answer.state === "answered" && typeof view.handoff === "object" && view.handoff !== null;
  if (isView) show(view);
  else await fail(answer.state === "answered" ? "unreachable" : answer.state, mine);
}

function show(view) {
  if (failures > 0) notice("");
  failures = 0;
  showDetails(view);
  byId("state").hidden = true;
  byId("details").hidden = false;
  byId("app").setAttribute("aria-busy", "false");
  transcript.follow(view);
  // It ended elsewhere while somebody was about to end it here.
  if (view.canReturn !== true && !byId("confirm").hidden) {
    closeQuestion();
    byId("visitor").focus();
  }
  const isOpen = view.handoff.status === "pending" || view.handoff.status === "acknowledged";
  schedule(isOpen ? REFRESH_MS.open : REFRESH_MS.ended);
}

async function fail(state, mine) {
  if (state === "signed-out" || state === "expired") {
    session.end();
    showWho();
    showState(state);
    return;
  }
  if (state === "foreign") {
    const isConnected = await api.isConnected();
    if (mine !== asked) return;
    showState(isConnected ? "foreign" : "gone");
    // A handoff may begin here at any time.
    if (isConnected) schedule(REFRESH_MS.ended);
    return;
  }
  failures += 1;
  if (byId("details").hidden) showState(state);
  else notice("Baton can't be reached right now: this may be out of date.", true);
  schedule(Math.min(REFRESH_MS.failed * 2 ** (failures - 1), REFRESH_MS.longest));
}

/** Nobody is asked for a page that nobody looks at. */
function schedule(ms) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (isSeen && document.visibilityState === "visible" && !isActing) void refresh();
    else schedule(ms);
  }, ms);
}

function lookAgain() {
  if (document.visibilityState !== "visible" || session.current === null || isActing) return;
  if (conversationId === null) context.ask();
  else void refresh();
}

/** Presses that come while one is on its way are dropped. */
async function act(doing, done) {
  if (isActing) return;
  isActing = true;
  setBusy(true);
  const of = conversationId;
  const answer = await doing(of);
  isActing = false;
  setBusy(false);
  // The agent has gone on to another conversation: what became of the last one is not for this page.
  if (of !== conversationId) return;
  if (answer.state === "signed-out" || answer.state === "expired") {
    await fail(answer.state, asked);
    return;
  }
  confirming(false);
  await refresh();
  if (answer.state === "answered") {
    const note = objectOf(answer.body).note;
    notice(typeof note === "string" ? `${done} ${note}` : done);
    byId("visitor").focus();
  } else if (answer.state === "over") {
    notice(answer.detail || "This was not possible any more.", true);
    byId("visitor").focus();
  } else notice(`Not done. ${STATES[answer.state]?.text ?? STATES.unreachable.text}`, true);
}

function setBusy(isBusy) {
  for (const id of ["accept", "give-back", "confirm-yes", "confirm-no"]) byId(id).disabled = isBusy;
}

function confirming(isAsking) {
  const wasAsking = !byId("confirm").hidden;
  byId("confirm").hidden = !isAsking;
  byId("actions").hidden = isAsking;
  if (isAsking) byId("confirm-yes").focus();
  else if (wasAsking) byId("give-back").focus();
}

/** A session that the pop-up hands over, or that began here. */
function begin(given, isNew) {
  if (!session.begin(given)) return false;
  byId("code-form").hidden = true;
  byId("code").value = "";
  start();
  context.ask();
  byId("state-title").focus();
  if (!session.isKept && isNew)
    notice(
      "Your browser keeps nothing for this tab. In other conversations press “Sign in to Baton”: no new link is needed.",
    );
  return true;
}

async function signInHere() {
  const answer = await signIn(codeIn(byId("code").value));
  if (answer.state !== "answered" || !begin(answer.body, false)) {
    notice(answer.detail || STATES.unreachable.text, true);
    byId("code").select();
  } else if (!session.isKept)
    notice(
      "Your browser keeps nothing for this tab: the next conversation needs a new link, unless you allow pop-ups here.",
    );
}

async function signOut() {
  const answer = await api.signOut();
  session.end();
  transcript.forget();
  forgetDetails();
  start();
  const isKnown = answer.state !== "unreachable" && answer.state !== "crowded";
  notice(
    isKnown
      ? "You have signed out."
      : "You have signed out here, but Baton could not be told: your sign-in ends by itself.",
    !isKnown,
  );
  byId("sign-in").focus();
}

function closeQuestion() {
  byId("confirm").hidden = true;
  byId("actions").hidden = false;
}

function showWho() {
  write("member", session.current?.name ?? "");
  byId("foot").hidden = session.current === null;
}

function showState(name) {
  const state = STATES[name] ?? STATES.unreachable;
  byId("app").setAttribute("aria-busy", String(state.isBusy === true));
  byId("spinner").hidden = state.isBusy !== true;
  byId("sign-in").hidden = state.signIn !== true;
  byId("again").hidden = state.again !== true;
  if (state.signIn !== true) byId("code-form").hidden = true;
  write("state-title", state.title);
  write("state-text", state.text);
  byId("state").hidden = false;
  byId("details").hidden = true;
  closeQuestion();
}

function notice(words, isBad = false) {
  write("notice", words);
  byId("notice").classList.toggle("bad", isBad);
}
