import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Network = readonly [Address, number];

/**
 * Addresses at which clouds hand out a machine's own credentials: refused whatever the operator allows, since no helpdesk
 * lives there. AWS (instance, ECS, EKS), Google, Azure, Oracle, Alibaba, Tencent, OpenStack.
 */
const metadataAddresses = new Set(
  [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.0.23",
    "168.63.129.16",
    "192.0.0.192",
    "100.100.100.200",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fe80::a9fe:a9fe",
  ].map((text) => bytesOf(ipaddr.parse(text))),
);

const metadataNames = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
  "metadata.azure.com",
  "metadata.tencentyun.com",
  "instance-data",
  "instance-data.ec2.internal",
]);

/** IPv6 prefixes that carry an IPv4 address, the byte it starts at, and whether packets really reach that address. */
const carriers: readonly { prefix: Network; at: number; reaches: boolean }[] = [
  { prefix: ipaddr.IPv6.parseCIDR("::ffff:0:0/96"), at: 12, reaches: true }, // IPv4-mapped, RFC 4291
  { prefix: ipaddr.IPv6.parseCIDR("64:ff9b::/96"), at: 12, reaches: true }, // NAT64, RFC 6052: how IPv6-only hosts see IPv4
  { prefix: ipaddr.IPv6.parseCIDR("64:ff9b:1::/48"), at: 12, reaches: false }, // local NAT64, RFC 8215
  { prefix: ipaddr.IPv6.parseCIDR("::ffff:0:0:0/96"), at: 12, reaches: false }, // IPv4-translated, RFC 7915
  { prefix: ipaddr.IPv6.parseCIDR("2002::/16"), at: 2, reaches: false }, // 6to4, RFC 3056
  { prefix: ipaddr.IPv6.parseCIDR("::/96"), at: 12, reaches: false }, // IPv4-compatible, RFC 4291
];

const globalUnicast: Network = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Reads an address or a network in CIDR notation, such as `10.0.0.7`, `192.168.0.0/16` or `fd00::/8`.
 *
 * Throws RangeError for anything else: names, ports, zone ids, IPv4 in other spellings than four decimal numbers.
 */
export function parseNetwork(text: string): Network {
  const [address = "", bits, ...rest] = text.split("/");
  const family = address.includes("%") ? 0 : isIP(address);
  const longest = family === 4 ? 32 : 128;
  const length = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (family === 0 || rest.length > 0 || !(length <= longest)) {
    throw new RangeError("not an IP address or network; write it like 10.0.0.7 or 192.168.0.0/16");
  }
  return [ipaddr.parse(address), length];
}

export type Refusal = "metadata" | "private";

export interface AddressFilter {
  /** Why an IP address, written as the resolver writes it, must not be connected to; null when it may. */
  address(address: string): Refusal | null;
  /** Why a host of a URL (name or literal) is refused by its text alone; null when its addresses will decide. */
  host(host: string): Refusal | null;
}

/**
 * Tells public addresses from those that a stranger must not reach through us.
 *
 * Public is only what is plainly routed on the internet: everything private, shared, local, multicast, reserved,
 * documentary or tunnelled is refused. `allow` (addresses and networks, see parseNetwork) opens holes, except to cloud
 * metadata. An IPv4 address inside an IPv6 one is judged as the IPv4 address it leads to.
 */
export function createAddressFilter(allow: readonly string[]): AddressFilter {
  const allowed = allow.map(parseNetwork);
  const isAllowed = (address: Address): boolean => allowed.some((network) => within(address, network));

  function judge(text: string): Refusal | null {
    // Only what the system itself takes for an address: ipaddr.js alone would also read 010.0.0.1, and as octal.
    if (isIP(text) === 0) return "private";
    const address = ipaddr.parse(text);
    const inner = carried(address);
    if (isMetadata(address) || (inner && isMetadata(inner.address))) return "metadata";
    const target = inner?.reaches ? inner.address : address;
    return isAllowed(address) || isAllowed(target) || isPublic(target) ? null : "private";
  }

  return {
    address: judge,
    host(host) {
      const name = bare(host);
      if (metadataNames.has(name)) return "metadata";
      if (isIP(name) !== 0) return judge(name);
      const isLocal = name === "localhost" || name.endsWith(".localhost"); // always loopback, RFC 6761
      return isLocal && judge("127.0.0.1") && judge("::1") ? "private" : null;
    },
  };
}

/** A host as it stands in a URL, without the brackets of IPv6 and the root dot of a name. */
export function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}

function isPublic(address: Address): boolean {
  // ipaddr.js calls every address outside its tables "unicast", also in the parts of IPv6 that nobody has been given yet.
  if (address.kind() === "ipv6" && !within(address, globalUnicast)) return false;
  return address.range() === "unicast";
}

function carried(address: Address): { address: ipaddr.IPv4; reaches: boolean } | undefined {
  const carrier = carriers.find(({ prefix }) => within(address, prefix));
  if (!carrier) return undefined;
  const bytes = address.toByteArray().slice(carrier.at, carrier.at + 4);
  return { address: new ipaddr.IPv4(bytes), reaches: carrier.reaches };
}

function within(address: Address, [network, bits]: Network): boolean {
  if (address instanceof ipaddr.IPv4) return network instanceof ipaddr.IPv4 && address.match(network, bits);
  return network instanceof ipaddr.IPv6 && address.match(network, bits);
}

function isMetadata(address: Address): boolean {
  return metadataAddresses.has(bytesOf(address));
}

// Compared by bytes: the textual form of a link-local address may carry a zone.
function bytesOf(address: Address): string {
  return address.toByteArray().join(".");
}
