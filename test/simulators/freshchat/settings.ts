/**
 * What differs between FreshChat accounts, or is known from one source or none. Each can be set at the start and changed
 * while the simulator runs. The first value named is the default.
 */
export interface Settings {
  /** Which of the statuses that mean success a write answers; "mixed" takes them in turn (1.3). */
  writeStatus: 200 | 201 | 202 | "mixed";
  /** Under which names a conversation tells its number (1.8); messages tell it too, unless it is "none". */
  numberFields: "internal" | "freshchat" | "both" | "none";
  /** Conversations have a `url`, the address in the agents' inbox. */
  withUrl: boolean;
  /** Which of the two ids a path takes; "number" concerns reads only, "number_everywhere" writes too (1.8). */
  idsInPaths: "string" | "either" | "number" | "number_everywhere";
  /** Form of new ids: not all of them are UUIDs (2). */
  idForm: "uuid" | "hex" | "alias";
  /**
   * A message to a resolved conversation, or to one that is not its user's newest: reopens the resolved one, or 400 to
   * either of them, or 400 only to one that is not the newest (1.3, 3; which and when is known of no account).
   */
  staleConversations: "reopen" | "refuse" | "refuse_older";
  /** What the URL of an image part must be; uploads of the account itself always pass (1.3). */
  imageUrls: "https_or_loopback" | "https" | "any";
  /** A conversation property that the account does not define: 400, or taken without a word. */
  unknownProperties: "refuse" | "ignore";
  /** A private note as the first message of a conversation. */
  privateFirstMessage: "accept" | "refuse";
  /** Longest text of a part; null: none, since none is stated anywhere (1.9). */
  maxTextLength: number | null;
  /** A user created with a reference_id that exists: 409, or a second user (1.7). */
  existingReferenceId: "refuse" | "duplicate";
  /** The order of a user's conversations: nowhere stated. */
  userConversations: "newest_first" | "oldest_first";
  /** What POST /conversations answers: all that is known, or as little as was ever seen. */
  createAnswer: "full" | "slim";
  /** What POST messages answers: the message, or no more than its id. */
  messageAnswer: "full" | "id_only";
  /** What a PUT answers: the object, or nothing at all. */
  updateAnswer: "full" | "nothing";
  /** What GET /conversations/fields answers: the array itself, or an object that holds it. */
  fieldsAnswer: "array" | "object";
  /** Channels say hello in every new conversation, as `system` (3). */
  sendsWelcome: boolean;
  /** Filters of GET /agents are ignored, as an unknown parameter would be (4). */
  ignoresAgentFilters: boolean;
  /** Name of the array in GET /agents/status: disputed (1.10). */
  agentStatusesIn: "states" | "statuses";
  /**
   * The answer of within-bh: the name of its boolean, or "bare" for nothing else, "text" for a boolean in quotes, "nested"
   * for one further in, "nothing" for an empty object; a number refuses with that status (4).
   */
  businessHoursAnswer: string | 400 | 403 | 404;
  /** The names under which an uploaded file comes back (1.11). */
  uploadAnswer: "url" | "file_hash" | "file_id" | "all";
  /** Lists give no more than this at once. */
  pageLimit: number;
  messagePageLimit: number;
  /** The next page of messages begins with the last message of the one before it. */
  messagePagesOverlap: boolean;
  /** Requests per minute, told in headers; null: no limit and no headers (1.4). */
  requestsPerMinute: number | null;
  rateLimitHeaders: boolean;
  /** What X-RateLimit-Reset holds: a Unix time in seconds or milliseconds, or the seconds left. */
  rateLimitReset: "unix" | "unix_ms" | "seconds_left";
  /** A 429 carries Retry-After. */
  retryAfter: boolean;
  /** False: 403 to everything, as a plan without API access gives it. */
  planHasApi: boolean;
  /** False: 403 to business hours, as a smaller plan gives it. */
  planHasBusinessHours: boolean;

  /** Messages made through the API raise message_create (3). */
  apiMessagesRaise: boolean;
  /** A status or assignment set through the API raises its webhook (3: a guess). */
  apiChangesRaise: boolean;
  /** Who a change made through the API is said to be by. */
  apiActor: "system" | "bot" | "admin";
  /** The form of webhooks: the fullest, that of 2022 without message_type and message_source, and older ones. */
  payloads: "current" | "bare" | "2021" | "2019" | "2018";
  /** Base64 of the data's JSON in `encoded_data`; what is in there is told nowhere (2). */
  encodedData: "none" | "beside" | "instead";
  /** How often a webhook is sent again when the answer is not 2xx. */
  webhookRetries: number;
  webhookRetryDelayMs: number;
  webhookTimeoutMs: number;
  webhookWorkers: number;
  /** The webhook of what a request did is delivered before that request is answered (3). */
  webhookOvertakes: boolean;
}

export const usualSettings: Settings = {
  writeStatus: 200,
  numberFields: "internal",
  withUrl: true,
  idsInPaths: "string",
  idForm: "uuid",
  staleConversations: "reopen",
  imageUrls: "https_or_loopback",
  unknownProperties: "refuse",
  privateFirstMessage: "accept",
  maxTextLength: null,
  existingReferenceId: "refuse",
  userConversations: "newest_first",
  createAnswer: "full",
  messageAnswer: "full",
  updateAnswer: "full",
  fieldsAnswer: "array",
  sendsWelcome: false,
  ignoresAgentFilters: false,
  agentStatusesIn: "states",
  businessHoursAnswer: "within_bh",
  uploadAnswer: "url",
  pageLimit: 50,
  messagePageLimit: 50,
  messagePagesOverlap: false,
  requestsPerMinute: null,
  rateLimitHeaders: true,
  rateLimitReset: "unix",
  retryAfter: false,
  planHasApi: true,
  planHasBusinessHours: true,
  apiMessagesRaise: true,
  apiChangesRaise: true,
  apiActor: "system",
  payloads: "current",
  encodedData: "none",
  webhookRetries: 3,
  webhookRetryDelayMs: 20,
  webhookTimeoutMs: 3000,
  webhookWorkers: 10,
  webhookOvertakes: false,
};
