/**
 * Baton in FreshChat, the part that runs at Freshworks: it registers the account with Baton when the app is installed,
 * revokes that when it is uninstalled, and in between tells Baton what agents do. Runs are short and stateless, without
 * timers; Baton itself lives elsewhere, and also looks by itself, so an event that is lost here is not lost for good.
 */
exports = {
  /** Installing succeeds once Baton has checked the account and keeps it; else the admin reads what to do. */
  onAppInstallHandler: async function (payload) {
    const settings = payload.iparams || {};
    const refusal = faultIn(settings) || (await register(settings));
    if (refusal) {
      renderData({ message: refusal });
    } else {
      renderData();
    }
  },

  /** Uninstalling always succeeds: whoever wants the app gone must not need Baton for that. */
  onAppUninstallHandler: async function (payload) {
    await revoke(payload.iparams || {});
    renderData();
  },

  /** What agents write. The visitor's own messages come from Baton and do not go back there. */
  onMessageCreateHandler: async function (payload) {
    const data = payload.data || {};
    const conversation = data.message || {};
    const messages = (conversation.messages || []).filter((message) => !isByVisitor(message, data.actor));
    if (messages.length > 0) {
      const message = { ...pick(conversation, CONVERSATION), messages: messages.map((one) => pick(one, MESSAGE)) };
      await forward(payload, { actor: pick(data.actor, ACTOR), message });
    }
  },

  /** Who has the conversation, and whether it goes on. */
  onConversationUpdateHandler: async function (payload) {
    const data = payload.data || {};
    const changes = data.changes || {};
    await forward(payload, {
      actor: pick(data.actor, ACTOR),
      conversation: pick(data.conversation, CONVERSATION),
      changes: { model_changes: pick(changes.model_changes, CHANGES) },
    });
  },

  /** Somebody came or went. */
  onAgentActivityCreateHandler: async function (payload) {
    const data = payload.data || {};
    await forward(payload, { actor: pick(data.actor, ACTOR), agent_activity: pick(data.agent_activity, ACTIVITY) });
  },
};

/* What leaves FreshChat, field by field: no names, addresses, properties or associations of anybody. */
const ENVELOPE = ["event", "timestamp", "version", "region", "account_id"];
const ACTOR = ["type", "sub_type", "sub_entity", "id"];
const CONVERSATION = [
  "conversation_id",
  "conversation_internal_id",
  "freshchat_conversation_id",
  "app_id",
  "channel_id",
  "status",
  "assigned_agent_id",
  "assigned_group_id",
];
const MESSAGE = [
  "id",
  "conversation_id",
  "freshchat_conversation_id",
  "interaction_id",
  "actor_type",
  "actor_id",
  "message_type",
  "message_source",
  "botsPrivateNote",
  "message_parts",
  "reply_parts",
  "created_time",
];
const CHANGES = ["status", "assigned_agent_id", "assigned_group_id"];
const ACTIVITY = ["status", "prev_status", "availability_event_type", "status_change_timestamp"];

/* A run ends after 20 s and a request after 15 s: another try fits only when the first one failed soon. */
const SOON_MS = 4000;

function pick(from, names) {
  const known = names.filter((name) => from && from[name] !== undefined);
  return Object.fromEntries(known.map((name) => [name, from[name]]));
}

/* The message says who wrote it. The event's actor can be another: a welcome message is "by" the visitor who caused it. */
function isByVisitor(message, actor) {
  const author = message.actor_type || (actor || {}).type;
  return author === "user";
}

function text(value) {
  return String(value === undefined || value === null ? "" : value).trim();
}

/* Requests go to a bare host name only, so that a pasted address is told apart from a host that does not answer. */
function faultIn(settings) {
  const isHost = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(text(settings.baton_host));
  return isHost ? null : "Baton host: write the name only, like baton.example.com.";
}

/* null, or the sentence for the admin. */
async function register(settings) {
  const body = {
    freshchatUrl: text(settings.freshchat_url),
    channel: text(settings.channel),
    group: text(settings.group) || null,
    useForBots: text(settings.use_for_bots) === "true",
  };
  try {
    const answer = await $request.invokeTemplate("registerInstallation", { body: JSON.stringify(body) });
    const installed = parsed(answer.response);
    if (!installed.connection) {
      return words.wrongHost;
    }
    console.info(`Baton: installed, ${openPoints(installed)} point(s) to look at in Baton`);
    return null;
  } catch (error) {
    console.error(`Baton: not installed (${outcomeOf(error)})`);
    return sentenceFor(error);
  }
}

function openPoints(installed) {
  return (installed.findings || []).filter((finding) => finding.ok === false).length;
}

/* At most 60 characters each: that is what the installation page promises to show. */
const words = {
  unreachable: "Baton is not reachable. Check the Baton host.",
  wrongHost: "There is no Baton at this host. Check the Baton host.",
  wrongKey: "Baton refused the workspace key. Make a new one in Baton.",
  slow: "Baton took too long to answer. Please try again.",
  other: "Baton could not finish the installation. Try again later.",
};

/* These say the same whoever answered; for all else, Baton's own sentence is better than ours. */
const byStatus = {
  301: words.wrongHost,
  302: words.wrongHost,
  307: words.wrongHost,
  308: words.wrongHost,
  401: words.wrongKey,
  403: words.wrongKey,
  404: words.wrongHost,
  405: words.wrongHost,
  408: words.slow,
  504: words.slow,
};

function sentenceFor(error) {
  const problem = parsed(error && error.response);
  return byStatus[statusOf(error)] || said(problem) || ours(error);
}

function said(problem) {
  return typeof problem.code === "string" ? text(problem.detail).slice(0, 400) : "";
}

function ours(error) {
  if ([0, 502, 503].includes(statusOf(error))) {
    return words.unreachable;
  }
  return text(error && error.response).startsWith("<") ? words.wrongHost : words.other;
}

async function revoke(settings) {
  try {
    await send("revokeInstallation", { freshchatUrl: text(settings.freshchat_url) });
    console.info("Baton: uninstalled, the key no longer works");
  } catch (error) {
    if ([401, 404, 410].includes(statusOf(error))) {
      console.info("Baton: had let go of this account already");
    } else {
      console.error(`Baton: not told (${outcomeOf(error)}). Remove the FreshChat connection in Baton by hand.`);
    }
  }
}

async function forward(payload, data) {
  const settings = payload.iparams || {};
  const event = { ...pick(payload, ENVELOPE), data };
  try {
    await send("forwardEvent", { freshchatUrl: text(settings.freshchat_url), event });
  } catch (error) {
    console.error(`Baton: ${text(payload.event)} not forwarded (${outcomeOf(error)}). Baton will look by itself.`);
  }
}

/* Once more, at once, when that can help. */
async function send(template, body) {
  const startedAt = Date.now();
  const options = { body: JSON.stringify(body) };
  try {
    return await $request.invokeTemplate(template, options);
  } catch (error) {
    if (!isTransient(error) || Date.now() - startedAt > SOON_MS) {
      throw error;
    }
    return await $request.invokeTemplate(template, options);
  }
}

function isTransient(error) {
  const status = statusOf(error);
  return status === 0 || status === 408 || status >= 500;
}

/* 0: there was no answer. */
function statusOf(error) {
  const status = Number((error || {}).status);
  return Number.isInteger(status) ? status : 0;
}

/* For the log: never the error's own words, which may quote a request. */
function outcomeOf(error) {
  return statusOf(error) === 0 ? "no answer" : `HTTP ${statusOf(error)}`;
}

function parsed(response) {
  try {
    return JSON.parse(response) || {};
  } catch {
    return {};
  }
}
