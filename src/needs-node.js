// Plain JavaScript, loaded before the rest: an older Node cannot read a .ts file, and would only say so.
const [major] = process.versions.node.split(".");
if (Number(major) < 24) {
  process.stderr.write(
    `Baton needs Node 24 or later; this is ${process.version}. \`npm ci\` brings it along, for everything that npm starts. ` +
      "With `npm ci --omit=dev`, or started without npm, install Node 24 on the machine: https://nodejs.org\n",
  );
  process.exit(1);
}
