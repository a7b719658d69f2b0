// Plain JavaScript, loaded before the rest: an older Node cannot read a .ts file, and would only say so.
const [major, minor] = process.versions.node.split(".").map(Number);
// From 24.7 on it hashes passwords with Argon2.
if (major < 24 || (major === 24 && minor < 7)) {
  process.stderr.write(
    `Baton needs Node 24.7 or later; this is ${process.version}. \`npm ci\` brings it along, for everything that npm starts. ` +
      "With `npm ci --omit=dev`, or started without npm, install Node 24 on the machine: https://nodejs.org\n",
  );
  process.exit(1);
}
