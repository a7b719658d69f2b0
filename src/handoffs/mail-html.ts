import { clipText, oneLine } from "../domain/clean-text.ts";
import type { BriefLead, BriefMessage, HandoffBrief } from "../domain/transcript.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";

export interface MailPage {
  readonly title: string;
  readonly workspaceName: string;
  readonly brief: HandoffBrief;
  /** The contact details come first. */
  readonly lead: BriefLead | null;
  /** IANA zone of the times shown; UTC when left out. */
  readonly timezone?: string | null;
}

/**
 * The HTML part of a mail to the team: whom to answer, what about, then the conversation. One narrow column that reads on a
 * phone, light or dark, in programs that drop the style sheet too. Loads nothing; links lead to http and https only, and show
 * where they lead.
 *
 * Throws RangeError for an unknown zone.
 */
export function renderMailHtml(page: MailPage): string {
  const { title, workspaceName, brief, lead } = page;
  const clock = clockIn(page.timezone ?? "UTC");
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>${oneLine(title)}</title><style>${sheet}</style></head>
<body class="page" style="margin:0;padding:16px 8px;background:#f3f4f7;color:#1b2230;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<div class="card" style="max-width:620px;margin:0 auto;padding:24px 20px;background:#ffffff;border:1px solid #dfe3ea;border-radius:12px">
<p class="quiet" style="${quiet};margin:0">${oneLine(workspaceName)}</p>
<h1 style="font-size:22px;line-height:1.3;margin:2px 0 16px;overflow-wrap:anywhere" dir="auto">${oneLine(title)}</h1>
${contactSection(brief, lead, clock)}
${reasonSection(brief)}
${productSection(brief)}
${visitorSection(brief, lead)}
${conversationSection(brief, clock)}
${lead?.consent ? consentSection(lead.consent, clock) : null}
</div></body></html>
`.html;
}

const quiet = "color:#5b6675;font-size:14px";

/** Over the colours that are written with each element: most programs read it, and those that do not stay light. */
const sheet: Markup = {
  html: `:root{color-scheme:light dark}@media (prefers-color-scheme:dark){.page{background:#12151a!important;color:#e9ecf0!important}.card{background:#1b1f26!important;border-color:#313844!important}.quiet,.quiet a{color:#a3adbb!important}.line{border-color:#313844!important}a{color:#8ab8ff!important}.visitor{background:#2a313c!important}.bot{background:#1d3050!important}.agent{background:#1c3a2b!important}}`,
};

/** Whom to answer: what was left in the form, else what is known of the visitor. */
function contactSection(brief: HandoffBrief, lead: BriefLead | null, clock: Clock): Markup {
  const { name, email, phone } = lead?.contact ?? brief.visitor ?? {};
  const hint = lead?.contact.email
    ? markup`<p class="quiet" style="${quiet};margin:8px 0 0">Answer this mail to write to them.</p>`
    : null;
  return markup`${facts([
    ["Name", said(name)],
    ["Email", said(email)],
    ["Phone", said(phone)],
    ["Priority", said(brief.priority)],
    ["Left", lead && said(clock.instant(lead.submittedAt))],
  ])}${hint}${lead?.contact.issue ? words("Message", lead.contact.issue) : null}`;
}

const TRIGGERS = {
  visitor: "The visitor asked for a person.",
  button: "The visitor pressed the button for a person.",
  bot: "The bot asked for a person to take over.",
} as const;

function reasonSection({ trigger, summary, reason }: HandoffBrief): Markup {
  const how = trigger ? markup`${heading("Request")}<p style="margin:0">${TRIGGERS[trigger]}</p>` : null;
  return markup`${how}${summary ? words("Summary", summary) : null}${reason ? words("Reason", reason) : null}`;
}

function visitorSection(brief: HandoffBrief, lead: BriefLead | null): Markup | null {
  const { visitor } = brief;
  const other = (key: "name" | "email" | "phone") =>
    lead === null || visitor?.[key] === lead.contact[key] ? null : said(visitor?.[key]);
  const known = facts([
    ["Name", other("name")],
    ["Email", other("email")],
    ["Phone", other("phone")],
    ["Visitor id", said(visitor?.id)],
    ["Page", brief.pageUrl ? address(brief.pageUrl) : null],
    ["Channel", said(brief.channel?.type)],
    ["Language", said(brief.locale)],
    ["Bot", said(brief.botName)],
    ...Object.entries(visitor?.attributes ?? {}).map(([name, value]) => [name, said(value)] as const),
  ]);
  return known && markup`${heading("About the visitor")}${known}`;
}

function productSection({ products }: HandoffBrief): Markup | null {
  if (products.length === 0) return null;
  const items = products.map(({ id, name, url, price }) => {
    const label = clipText(name ?? id ?? "Product", 300);
    const cost = price ? markup` <span class="quiet" style="${quiet}">· ${oneLine(clipText(price, 100))}</span>` : null;
    return markup`<li style="margin:4px 0;overflow-wrap:anywhere"><bdi>${link(label, url)}</bdi>${cost}</li>`;
  });
  return markup`${heading("Products")}<ul style="margin:0;padding-left:20px">${items}</ul>`;
}

function conversationSection({ messages, botName, visitor }: HandoffBrief, clock: Clock): Markup {
  if (messages.length === 0) {
    return markup`${heading("Conversation")}<p class="quiet" style="${quiet};margin:0">There are no earlier messages.</p>`;
  }
  const names = { visitor: visitor?.name, bot: botName, agent: null, system: null };
  const lines: Markup[] = [];
  let today = "";
  for (const message of messages) {
    const moment = clock.moment(message.at);
    if (moment !== null && moment.day !== today) {
      today = moment.day;
      lines.push(markup`<p class="quiet" style="${quiet};margin:16px 0 4px;text-align:center">${today}</p>`);
    }
    lines.push(bubble(message, names[message.role] ?? null, moment?.time ?? null));
  }
  const zone = markup`<p class="quiet" style="${quiet};margin:0">Times in ${clock.zone}</p>`;
  return markup`${heading("Conversation")}${zone}${lines}`;
}

const SPEAKERS = { visitor: "Visitor", bot: "Bot", agent: "Agent", system: "Baton" } as const;
/** The visitor stands left, those who answer right, as in the chat itself. */
const BUBBLES = {
  visitor: "background:#eceff4;margin:8px 10% 0 0",
  bot: "background:#e3edfd;margin:8px 0 0 10%",
  agent: "background:#e1f5e8;margin:8px 0 0 10%",
  system: "margin:8px 10% 0",
} as const;

function bubble(message: BriefMessage, knownName: string | null, time: string | null): Markup {
  const { role, text, attachments } = message;
  const name = message.authorName ?? knownName;
  const called = name ? markup` <bdi>${oneLine(clipText(name, 100))}</bdi>` : null;
  const at = time === null ? null : markup`, ${time}`;
  const files = attachments.map(
    ({ url, name: file }) => markup`<div>Attachment: <bdi>${link(clipText(file ?? "file", 200), url)}</bdi></div>`,
  );
  return markup`<div class="${role}" style="${BUBBLES[role]};padding:8px 12px;border-radius:12px"><div class="quiet" style="${quiet}"><b>${SPEAKERS[role]}</b>${called}${at}</div>${text ? block(text) : null}${files}</div>`;
}

function consentSection(consent: NonNullable<BriefLead["consent"]>, clock: Clock): Markup {
  const version = [consent.version, consent.locale].filter(Boolean).join(", ");
  return markup`<div class="quiet line" style="${quiet};margin-top:24px;padding-top:12px;border-top:1px solid #dfe3ea"><b>Consent given</b> ${clock.instant(consent.acceptedAt)}${block(consent.text)}${consent.url ? markup`<div>Terms: ${address(consent.url)}</div>` : null}${version ? markup`<div>Version: ${said(version)}</div>` : null}</div>`;
}

const heading = (text: string): Markup => markup`<h2 style="font-size:16px;margin:24px 0 6px">${text}</h2>`;

/** Somebody's words under a heading of ours, with a line beside them: they cannot pass for ours. */
const words = (label: string, text: string): Markup =>
  markup`${heading(label)}<div class="line" style="border-left:3px solid #dfe3ea;padding-left:12px">${block(text)}</div>`;

const LINE_BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;

/** Somebody's words as written. Breaks are elements: not every program keeps the lines of a text. */
function block(text: string): Markup {
  const lines = text.split(LINE_BREAK).map((line, index) => (index === 0 ? markup`${line}` : markup`<br>${line}`));
  return markup`<div dir="auto" style="white-space:pre-wrap;overflow-wrap:anywhere">${lines}</div>`;
}

/** A list of what is known; what is not known is left out. */
function facts(entries: readonly (readonly [label: string, value: Markup | null])[]): Markup | null {
  const rows = entries.flatMap(([label, value]) =>
    value === null
      ? []
      : [
          markup`<tr><th scope="row" class="quiet" style="${quiet};font-weight:normal;text-align:left;vertical-align:top;padding:3px 16px 3px 0;overflow-wrap:anywhere;min-width:70px">${oneLine(clipText(label, 100))}</th><td style="padding:3px 0;vertical-align:top;overflow-wrap:anywhere"><bdi>${value}</bdi></td></tr>`,
        ],
  );
  if (rows.length === 0) return null;
  return markup`<table style="border-collapse:collapse;margin-top:8px;font-size:16px">${rows}</table>`;
}

const LONGEST_VALUE = 400;

function said(value: unknown): Markup | null {
  if (value === null || value === undefined || value === "") return null;
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return markup`${oneLine(clipText(text, LONGEST_VALUE))}`;
}

/** An address as itself; only what a browser opens as a page becomes a link. */
function address(url: string): Markup {
  const target = webAddress(url);
  const shown = clipText(oneLine(url), LONGEST_VALUE);
  return target === null ? markup`${shown}` : markup`<a href="${target.href}" rel="noopener noreferrer">${shown}</a>`;
}

/** A name, with the host that it leads to: whoever gave the name may have given another's. */
function link(label: string, url: string | null | undefined): Markup {
  const target = url ? webAddress(url) : null;
  if (target === null) return markup`${oneLine(label)}`;
  return markup`<a href="${target.href}" rel="noopener noreferrer">${oneLine(label)}</a> <span class="quiet" style="${quiet}">${target.host}</span>`;
}

function webAddress(url: string): URL | null {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== "https:" && parsed?.protocol !== "http:") return null;
  return parsed.username || parsed.password ? null : parsed;
}

interface Clock {
  readonly zone: string;
  /** null for no date, or one that is none. */
  moment(at: Date | null | undefined): { readonly day: string; readonly time: string } | null;
  instant(at: Date): string;
}

function clockIn(zone: string): Clock {
  const base = { timeZone: zone, calendar: "gregory" } as const;
  const days = new Intl.DateTimeFormat("en-GB", { ...base, dateStyle: "full" });
  const times = new Intl.DateTimeFormat("en-GB", { ...base, timeStyle: "short" });
  const moment: Clock["moment"] = (at) =>
    at && !Number.isNaN(at.getTime()) ? { day: days.format(at), time: times.format(at) } : null;
  return {
    zone,
    moment,
    instant: (at) => {
      const known = moment(at);
      return known === null ? "" : `${known.day}, ${known.time} (${zone})`;
    },
  };
}
