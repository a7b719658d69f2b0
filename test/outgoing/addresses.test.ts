import { describe, expect, test } from "vitest";
import { createAddressFilter, parseNetwork } from "../../src/outgoing/addresses.ts";

describe("with nothing allowed", () => {
  const filter = createAddressFilter([]);

  test.each([
    ["an address on the internet", "93.184.216.34"],
    ["the last address before the private block", "9.255.255.255"],
    ["the first address after the shared block", "100.128.0.0"],
    ["the first address after 172.16.0.0/12", "172.32.0.0"],
    ["an IPv6 address on the internet", "2606:2800:220:1:248:1893:25c8:1946"],
    ["a public IPv4 address seen through NAT64", "64:ff9b::5db8:d822"],
    ["a public IPv4 address mapped into IPv6", "::ffff:93.184.216.34"],
  ])("%s may be reached", (_what, address) => expect(filter.address(address)).toBeNull());

  test.each([
    ["this host", "0.0.0.0"],
    ["this network", "0.1.2.3"],
    ["loopback", "127.0.0.1"],
    ["the end of loopback", "127.255.255.254"],
    ["private A", "10.0.0.1"],
    ["private B", "172.31.255.255"],
    ["private C", "192.168.1.1"],
    ["shared by carriers", "100.64.0.1"],
    ["link-local", "169.254.1.1"],
    ["protocol assignments", "192.0.0.1"],
    ["documentation", "192.0.2.1"],
    ["documentation 2", "198.51.100.7"],
    ["documentation 3", "203.0.113.7"],
    ["benchmarks", "198.18.0.1"],
    ["multicast", "224.0.0.1"],
    ["reserved", "240.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["unspecified", "::"],
    ["loopback, IPv6", "::1"],
    ["loopback, IPv6 in full", "0000:0000:0000:0000:0000:0000:0000:0001"],
    ["unique local", "fd12:3456:789a::1"],
    ["link-local, IPv6", "fe80::1"],
    ["link-local with a zone", "fe80::1%lo"],
    ["loopback with a zone", "::1%lo"],
    ["site-local", "fec0::1"],
    ["multicast, IPv6", "ff02::1"],
    ["documentation, IPv6", "2001:db8::1"],
    ["documentation, IPv6, new block", "3fff::1"],
    ["discard", "100::1"],
    ["segment routing", "5f00::1"],
    ["never given to anyone", "4000::1"],
    ["mapped loopback", "::ffff:127.0.0.1"],
    ["mapped loopback in hex", "::ffff:7f00:1"],
    ["mapped private", "::ffff:10.1.2.3"],
    ["IPv4-compatible loopback", "::127.0.0.1"],
    ["IPv4-compatible private", "::a01:203"],
    ["IPv4-translated loopback", "::ffff:0:7f00:1"],
    ["NAT64 to loopback", "64:ff9b::7f00:1"],
    ["NAT64 to private", "64:ff9b::10.0.0.1"],
    ["local NAT64", "64:ff9b:1::7f00:1"],
    ["6to4 of loopback", "2002:7f00:1::1"],
    ["6to4 of a public address", "2002:5db8:d822::1"],
    ["Teredo", "2001:0:5db8:d822::1"],
    ["not an address", "localhost"],
    ["an octal spelling", "0177.0.0.1"],
    ["a decimal spelling", "2130706433"],
    ["nothing", ""],
  ])("%s is refused: %s", (_what, address) => expect(filter.address(address)).toBe("private"));

  test.each(["http://localhost", "http://LOCALHOST.", "http://shop.localhost", "http://[::1]", "http://127.1"])(
    "%s is refused by its text alone",
    (url) => expect(filter.host(new URL(url).hostname)).toBe("private"),
  );

  test("another name is left to the resolver", () => expect(filter.host("chat.example.com")).toBeNull());
});

const metadata = [
  ["the common one", "169.254.169.254"],
  ["the common one, mapped", "::ffff:169.254.169.254"],
  ["the common one, mapped, in hex", "::ffff:a9fe:a9fe"],
  ["the common one, through NAT64", "64:ff9b::a9fe:a9fe"],
  ["the common one, through 6to4", "2002:a9fe:a9fe::"],
  ["the common one, IPv4-compatible", "::a9fe:a9fe"],
  ["AWS over IPv6", "fd00:ec2::254"],
  ["AWS over IPv6 in full", "fd00:0ec2:0:0:0:0:0:0254"],
  ["ECS task roles", "169.254.170.2"],
  ["EKS pod identity", "169.254.170.23"],
  ["Azure's wire server", "168.63.129.16"],
  ["Alibaba", "100.100.100.200"],
  ["OpenStack over IPv6, with a zone", "fe80::a9fe:a9fe%eth0"],
] as const;

test.each(metadata)("cloud metadata stays refused although everything is allowed: %s", (_what, address) => {
  expect(createAddressFilter(["0.0.0.0/0", "::/0", address.replace(/%.*/, "")]).address(address)).toBe("metadata");
});

test.each(["metadata.google.internal", "METADATA.google.internal.", "metadata", "instance-data"])(
  "the metadata name %s is refused whatever it resolves to",
  (name) => expect(createAddressFilter(["0.0.0.0/0"]).host(name)).toBe("metadata"),
);

describe("with holes opened", () => {
  const filter = createAddressFilter(["10.1.0.0/16", "192.168.7.7", "fd00:1::/32", "127.0.0.1"]);

  test.each([
    ["inside the network", "10.1.255.255", null],
    ["just outside the network", "10.2.0.0", "private"],
    ["the single address", "192.168.7.7", null],
    ["its neighbour", "192.168.7.8", "private"],
    ["the single address, mapped into IPv6", "::ffff:192.168.7.7", null],
    ["inside the IPv6 network", "fd00:1:ffff::1", null],
    ["just outside the IPv6 network", "fd00:2::1", "private"],
    ["loopback's other family", "::1", "private"],
  ])("%s", (_what, address, refusal) => expect(filter.address(address)).toBe(refusal));

  test("localhost passes once one of its addresses does", () => expect(filter.host("localhost")).toBeNull());
});

test.each([
  "example.com",
  "10.0.0.0/33",
  "::/129",
  "10.0.0",
  "010.0.0.1",
  "10.0.0.1:80",
  "fe80::1%lo",
  "10.0.0.0/8/8",
  "10.0.0.0/",
  "",
])("%j is not an address or network", (text) => expect(() => parseNetwork(text)).toThrow(RangeError));
