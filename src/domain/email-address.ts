const LONGEST_ADDRESS = 254; // RFC 5321, 4.5.3.1, with the errata's two characters for the angle brackets
const LONGEST_LOCAL_PART = 64;
const LONGEST_LABEL = 63;

const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~.-]+$/u;
const LABEL = /^[\p{L}\p{M}\p{N}-]+$/u;

/**
 * Whether this is an address that people use: plus addressing, letters of any script, international domains. Stricter than RFC
 * 5322 on purpose: no quoted local parts, comments, address literals or dotless domains. Holds no character that could add a
 * header or a second recipient. Linear in the length, which is checked first.
 */
export function isEmailAddress(text: string): boolean {
  if (text.length > LONGEST_ADDRESS) return false;
  const [local, domain, ...more] = text.split("@");
  if (!local || !domain || more.length > 0) return false;
  return isLocalPart(local) && isDomain(domain);
}

function isLocalPart(local: string): boolean {
  if (local.length > LONGEST_LOCAL_PART || !LOCAL_PART.test(local)) return false;
  return !local.startsWith(".") && !local.endsWith(".") && !local.includes("..");
}

function isDomain(domain: string): boolean {
  const labels = domain.split(".");
  const top = labels.at(-1) ?? "";
  return labels.length >= 2 && labels.every(isLabel) && top.length >= 2 && !/^\p{N}+$/u.test(top);
}

function isLabel(label: string): boolean {
  return label.length <= LONGEST_LABEL && LABEL.test(label) && !label.startsWith("-") && !label.endsWith("-");
}
