import type { LeadRecord } from "../../ports-leads.ts";
import type { Cell } from "../csv.ts";

type Column = readonly [name: string, cell: (lead: LeadRecord, botName: string | null) => Cell];

/** Columns of the export. Programs read them by name: new ones go to the end, none changes its name. */
const COLUMNS: readonly Column[] = [
  ["id", ({ id }) => id],
  ["created_at", ({ createdAt }) => createdAt],
  ["state", ({ followUp }) => followUp.state],
  ["followed_up_at", ({ followUp }) => (followUp.state === "followed_up" ? followUp.at : null)],
  ["followed_up_by", ({ followUp }) => (followUp.state === "followed_up" ? followUp.by?.name : null)],
  ["note", ({ followUp }) => followUp.note],
  ["name", ({ contact }) => contact.name],
  ["email", ({ contact }) => contact.email],
  ["phone", ({ contact }) => contact.phone],
  ["issue", ({ contact }) => contact.issue],
  ["bot_id", ({ botId }) => botId],
  ["bot", (_lead, botName) => botName],
  ["handoff_id", ({ handoffId }) => handoffId],
  ["conversation_id", ({ conversationId }) => conversationId],
  ["page_url", ({ pageUrl }) => pageUrl],
  ["locale", ({ locale }) => locale],
  ["consent_agreed_at", ({ consent }) => consent?.agreedAt],
  ["consent_version", ({ consent }) => consent?.version],
  ["consent_url", ({ consent }) => consent?.url],
  ["consent_text_sha256", ({ consent }) => consent?.hash],
];

export const leadColumns: readonly string[] = COLUMNS.map(([name]) => name);

export const leadCells = (lead: LeadRecord, botName: string | null): readonly Cell[] =>
  COLUMNS.map(([, cell]) => cell(lead, botName));
